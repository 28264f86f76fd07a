"""A light source turn by turn: one particle and its Jacobian, and many particles beside xtrack."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.tracking.plan import plan_of
from pyjutrack.tracking.programs import pieces_of

from .case_optics import example
from .clock import Samples, in_turns
from .peer import elsewhere
from .report import Row, Table

#: where particles start [m, rad]
AT = (1e-3, 0.0, 1e-3, 0.0, 0.0, 0.0)
COUNT, TURNS = 1000, 10
_TURN, _JACOBIAN = "one turn, one particle", "its 6 x 6 Jacobian"
_TEN, _FIRST = "Jacobian of 10 turns", "Jacobian, and recording the lattice"
_MANY = f"{COUNT} particles, {TURNS} turns"


def run(particles: int, repeats: int, threads: int) -> Table:
    lattice, reference = example("spear3").spear3()
    one = pj.Beam.from_array(reference, [AT])
    many = pj.Beam.from_array(reference, spread(COUNT))
    contenders: dict[str, Callable[[], Any]] = {
        _TURN: lambda: pj.track(lattice, one),
        _JACOBIAN: lambda: pj.jacobian(lattice, reference, at=AT),
        _TEN: lambda: pj.jacobian(lattice, reference, at=AT, turns=10),
        _FIRST: lambda: pj.jacobian(pj.Lattice(lattice), reference, at=AT),
    }
    samples = in_turns(contenders, repeats)
    asked = {_JACOBIAN: "<= 1 ms"}
    rows = [
        Row(name, found, found.over(samples[_TURN]), asked.get(name, ""))
        for name, found in samples.items()
    ]
    notes = [
        _agreement(lattice, reference),
        "JuTrack 1.5 with Julia 1.10.8, measured once elsewhere and not in this run: one turn "
        "0.27 to 0.30 ms, Jacobian 2.3 to 2.9 ms by TPSA, 4.8 to 16 ms by Enzyme (forward)",
    ]
    crowd: dict[str, Callable[[], Any]] = {
        f"{_MANY}, one thread": lambda: pj.track(lattice, many, turns=TURNS)
    }
    ours = next(iter(crowd))
    try:
        crowd[f"xtrack: {_MANY}, one thread"] = _xtrack(lattice, reference, many, notes)
    except ImportError as error:
        notes.append(f'xtrack is not installed ({error}): pip install ".[bench]"')
    torch.set_num_threads(1)
    try:
        found = in_turns(crowd, max(3, repeats // 3))
    finally:
        torch.set_num_threads(threads)
    rows += [
        Row(name, sample, sample.over(found[ours]), note=_each(lattice, sample))
        for name, sample in found.items()
    ]
    title = f"SPEAR3, {len(lattice)} elements, {_maps(lattice, reference)} maps"
    return Table(title, "time / time of one turn of one particle; of many, / ours", rows, notes)


def spread(count: int) -> np.ndarray:
    """Particles (N, 6) that stay in the ring."""
    sizes = np.array([1e-3, 1e-4, 3e-4, 5e-5, 1e-3, 1e-3])
    return np.random.default_rng(1).uniform(-1, 1, (count, 6)) * sizes


def _maps(lattice: pj.Lattice, reference: pj.Reference) -> int:
    """Count the maps of the compiled program of a turn."""
    pieces = pieces_of(lattice, plan_of(lattice, ()), (), reference)
    return sum(len(p.program.operations) for p in pieces if p.program is not None)


def _each(lattice: pj.Lattice, sample: Samples) -> str:
    """Time of an element, a particle and a turn."""
    return f"{sample.median / (len(lattice) * COUNT * TURNS) * 1e9:.0f} ns an element"


def _agreement(lattice: pj.Lattice, reference: pj.Reference) -> str:
    """The Jacobian against differences, and how symplectic it is."""
    exact = pj.jacobian(lattice, reference, at=AT)
    differences = pj.jacobian(lattice, reference, at=AT, method="fd")
    off = np.abs(exact - differences).max() / np.abs(exact).max()
    form = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])
    skew = np.abs(exact.T @ form @ exact - form).max()
    return f"the Jacobian agrees with differences to {off:.1e} and is symplectic to {skew:.1e}"


@elsewhere()
def _xtrack(
    lattice: pj.Lattice, reference: pj.Reference, beam: pj.Beam, notes: list[str]
) -> Callable[[], Any]:
    import xsuite  # noqa: F401  # its compiled kernels

    peer = example("peer_xtrack")
    start = beam.numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        line = peer.to_line(list(lattice), reference)
        theirs = peer.track(line, start, reference)
    off = np.abs(pj.track(lattice, beam).numpy() - theirs)[:, :4].max()
    notes.append(
        f"one turn agrees with xtrack's to {off:.1e} [m, rad]; xtrack's bends have the curvature's "
        "share of a gradient as well"
    )
    return lambda: line.track(peer.particles(start, reference), num_turns=TURNS)
