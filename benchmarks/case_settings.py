"""Many settings at once: beside a loop over them, and beside Cheetah's batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.cli.paper import fodo

from .clock import in_turns
from .peer import elsewhere
from .report import Row, Table

#: of a line of so many elements; the ring has eight times as many
ELEMENTS, SETTINGS = 100, 1000
#: settings that a loop is timed by
_LOOPED = 20
_TOTAL = 1e8
_REFERENCE = pj.Reference.from_total("electron", _TOTAL)


def run(particles: int, repeats: int, threads: int) -> Table:
    return table(SETTINGS, max(1, particles // 50), max(1, repeats // 3))


def line(elements: int = ELEMENTS) -> pj.Lattice:
    """Cells of a quadrupole, a drift, another one, a drift."""
    cell = [
        pj.Quadrupole(0.1, 3.0, name="qf"),
        pj.Drift(0.4),
        pj.Quadrupole(0.1, -3.0, name="qd"),
        pj.Drift(0.4),
    ]
    return pj.Lattice(cell * (elements // 4))


@elsewhere()
def table(settings: int, particles: int, repeats: int) -> Table:
    values = 3.0 * (1 + 0.01 * torch.linspace(-1, 1, settings, dtype=torch.float64))
    rows = []
    remarks = [
        "Cheetah's elements are maps of first order, merged into one, as `merged`.",
        "A call sets the strengths of a line that is there, and tracks.",
    ]
    given = line()
    for count in (1, particles):
        beam = _beam(count)
        calls: dict[str, Callable[[], object]] = {
            "pyjutrack": lambda beam=beam: pj.track(given.with_values({"qf.k1": values}), beam)
        }
        calls["merged"] = lambda beam=beam: pj.track(
            given.with_values({"qf.k1": values}).merged(beam.reference), beam
        )
        calls |= _loop("loop", values, lambda one, beam=beam: pj.track(one, beam), given)
        calls |= _cheetah(values, beam)
        name = f"{settings} settings x {count} particles, {ELEMENTS} elements"
        rows += _rows(name, calls, repeats, settings, {"cheetah": 20.0, "loop": 100.0}, count)
    ring = line(8 * ELEMENTS)
    calls = {
        "pyjutrack": lambda: pj.jacobian(ring.with_values({"qf.k1": values}), _REFERENCE),
        **_loop("loop", values, lambda one: pj.jacobian(one, _REFERENCE), ring),
    }
    rows += _rows(
        f"Jacobians of {settings} settings, {8 * ELEMENTS} elements", calls, repeats, settings
    )
    rows += _space_charge(particles, repeats)
    return Table("Many settings at once", "time / time of pyjutrack for all", rows, remarks)


def _space_charge(particles: int, repeats: int) -> list[Row]:
    """A tenth of the settings, with the paper's cell and its 24 kicks."""
    cell, beam = fodo.cell(), fodo.beam(max(particles, 2000), seed=1)
    effects = [fodo.space_charge(fodo.solver())]
    values = 29.6 * (1 + 0.01 * torch.linspace(-1, 1, SETTINGS // 10, dtype=torch.float64))

    def track(lattice: pj.Lattice) -> object:
        return pj.track(lattice, beam, effects=effects)

    calls = {
        "pyjutrack": lambda: track(cell.with_values({"q1.k1": values})),
        **_loop("loop", values, track, cell, "q1.k1"),
    }
    name = f"{len(values)} settings x {len(beam)} particles, 24 kicks of space charge"
    return _rows(name, calls, repeats, len(values), {"loop": 3.0})


def _loop(
    name: str,
    values: torch.Tensor,
    call: Callable[[pj.Lattice], object],
    lattice: pj.Lattice,
    knob: str = "qf.k1",
) -> dict[str, Callable[[], object]]:
    some = values[:: max(1, len(values) // _LOOPED)].tolist()
    return {f"{name}, {len(some)}": lambda: [call(lattice.with_values({knob: v})) for v in some]}


def _rows(
    name: str,
    calls: dict[str, Callable[[], object]],
    repeats: int,
    settings: int,
    asked: dict[str, float] | None = None,
    count: int = 1,
) -> list[Row]:
    samples = in_turns(calls, repeats)
    rows = []
    for key, sample in samples.items():
        kind, _, some = key.partition(", ")
        # a loop over some of the settings stands for one over all
        times = settings / int(some) if some.isdigit() else 1.0
        ratio = times * sample.over(samples["pyjutrack"])
        bar = (asked or {}).get(kind)
        wanted = f">= {bar:g}" if bar and count == 1 else ""
        note = f"over {some} of them, times {times:g}" if some.isdigit() else ""
        rows.append(Row(f"{name}: {kind}", sample, ratio, wanted, note))
    return rows


def _beam(count: int) -> pj.Beam:
    draw = np.random.default_rng(0)
    return pj.Beam(_REFERENCE, draw.normal(size=(count, 6)) * 1e-4)


def _cheetah(values: torch.Tensor, beam: pj.Beam) -> dict[str, Callable[[], Any]]:
    """Cheetah's batch of the same line, in the precision of ours."""
    try:
        import cheetah
    except ImportError:
        return {}
    kind = {"dtype": torch.float64}

    def number(value: float) -> torch.Tensor:
        return torch.tensor(value, **kind)

    elements, focusing = [], []
    for e in line():
        if isinstance(e, pj.Quadrupole):
            k1 = number(float(e.k1))
            elements.append(cheetah.Quadrupole(number(float(e.length)), k1=k1, **kind))
            focusing += elements[-1:] if e.name == "qf" else []
        else:
            elements.append(cheetah.Drift(number(float(e.length)), **kind))
    segment = cheetah.Segment(elements)
    ones = torch.ones(len(beam), 1, **kind)
    particles = cheetah.ParticleBeam(torch.cat([beam.coordinates, ones], 1), number(_TOTAL), **kind)

    @torch.no_grad()
    def call() -> Any:
        for quadrupole in focusing:
            quadrupole.k1 = values
        return segment.track(particles)

    return {"cheetah": call}
