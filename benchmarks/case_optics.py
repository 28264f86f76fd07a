"""Linear optics of rings: Twiss, and the gradient of both tunes by every quadrupole."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.elements import Bend

from .clock import in_turns
from .peer import elsewhere
from .report import Row, Table

_RINGS = Path(__file__).parents[1] / "examples" / "rings"
_TWISS, _GRADIENT = "Twiss, {} elements", "gradient of both tunes by {} quadrupoles"


def run(particles: int, repeats: int, threads: int) -> Table:
    lattice, reference = booster_six_times()
    wrt = [f"{e.name}.k1" for e in lattice if isinstance(e, pj.Quadrupole)]

    def tunes(table: pj.optics.TwissTable) -> torch.Tensor:
        return torch.stack([table.tune_x, table.tune_y])

    twiss, gradient = _TWISS.format(len(lattice)), _GRADIENT.format(len(wrt))
    contenders: dict[str, Callable[[], Any]] = {
        twiss: lambda: pj.twiss_table(lattice, reference),
        gradient: lambda: pj.optics.optics_gradient(tunes, lattice, reference, wrt),
    }
    notes = [_differences(lattice, reference, wrt, tunes)]
    for peer, found in (("pyAT", _pyat), ("xtrack", _xtrack)):
        try:
            contenders[f"{peer}: Twiss"] = found(lattice, reference)
        except ImportError as error:
            notes.append(f'{peer} is not installed ({error}): pip install ".[bench]"')
    samples = in_turns(contenders, repeats)
    notes += [
        f"{name.split(':')[0]}: a gradient by differences costs {2 * len(wrt)} times its Twiss, "
        f"{2 * len(wrt) * sample.median / samples[gradient].median:.0f} times ours"
        for name, sample in samples.items()
        if name.endswith(": Twiss")
    ]
    plain = samples[twiss]
    asked = {twiss: "<= 10 ms", gradient: "<= 5"}
    rows = [
        Row(name, sample, sample.over(plain), asked.get(name, ""))
        for name, sample in samples.items()
    ]
    notes += [_large(name) for name in ("lep",)]
    title = "Linear optics of the CERN PS Booster, six times around, bends as linear maps"
    return Table(title, "time / time of our Twiss", rows, notes)


def booster_six_times() -> tuple[pj.Lattice, pj.Reference]:
    """1 416 elements, each with a name of its own."""
    ring, reference = example("psb").psb()

    def with_name(place: int, element: pj.Element) -> pj.Element:
        changes: dict[str, Any] = {"name": f"{element.name}_{place}"}
        if isinstance(element, Bend):
            changes["model"] = "linear"
        return dataclasses.replace(element, **changes)

    return pj.Lattice(with_name(i, e) for i, e in enumerate([*ring] * 6)), reference


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, _RINGS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _differences(
    lattice: pj.Lattice, reference: pj.Reference, wrt: list[str], tunes: Callable[..., Any]
) -> str:
    """Compare the gradient with central differences, by some of the knobs."""
    _, slopes = pj.optics.optics_gradient(tunes, lattice, reference, wrt)
    worst, step = 0.0, 1e-6
    for column in range(0, len(wrt), 40):
        ends = []
        for shift in (step, -step):
            moved = {wrt[column]: lattice.value(wrt[column]) + shift}
            table = pj.twiss_table(lattice.with_values(moved), reference)
            ends.append(np.array([table.tune_x, table.tune_y]))
        difference = (ends[0] - ends[1]) / (2 * step)
        worst = max(worst, float(np.abs(difference / slopes[:, column] - 1).max()))
    return f"the gradient agrees with central differences to {worst:.1e}"


def _pyat(lattice: pj.Lattice, reference: pj.Reference) -> Callable[[], Any]:
    peer = example("peer_at")
    elements = [
        dataclasses.replace(e, model="paraxial", steps=1)
        if isinstance(e, (pj.Quadrupole, Bend))
        else (pj.Drift(e.length) if isinstance(e, pj.RFCavity) else e)
        for e in lattice
    ]
    ring = peer.to_lattice(elements, peer.fast(reference))
    places = range(len(ring) + 1)
    return lambda: ring.get_optics(places)


@elsewhere()
def _xtrack(lattice: pj.Lattice, reference: pj.Reference) -> Callable[[], Any]:
    import xsuite  # noqa: F401  # its compiled kernels

    peer = example("peer_xtrack")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        line = peer.to_line(
            [
                dataclasses.replace(e, voltage=0.0) if isinstance(e, pj.RFCavity) else e
                for e in lattice
            ],
            reference,
        )
        line.twiss(method="4d")  # compiles
    return lambda: line.twiss(method="4d")


def _large(name: str) -> str:
    """One long ring, once."""
    lattice, reference = getattr(example(name), name)()
    pj.twiss_table(lattice, reference)
    start = time.perf_counter()
    pj.twiss_table(lattice, reference)
    spent = time.perf_counter() - start
    return f"{name.upper()}, {len(lattice)} elements, exact bends: Twiss in {1e3 * spent:.0f} ms"
