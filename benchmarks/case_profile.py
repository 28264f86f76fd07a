"""Where the time of one cell goes, and how much of the memory's bandwidth it gets.

The stages are timed inside a plain `track`, through a kick and a potential that watch the real
ones. The bytes of a stage are the least it could move: every array that it reads or writes, once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

from torch import Tensor

import pyjutrack as pj
from pyjutrack import tracking
from pyjutrack.compiled import map_kernels
from pyjutrack.spacecharge import Mesh, Potential, SpectralPoisson
from pyjutrack.tracking import plan
from pyjutrack.transport import State

from .bandwidth import copy_rate, multiply_rate
from .clock import Samples, no_collection
from .report import Row, Table
from .setup import Setup, paper_cell

_APPLY = "interpolate, momentum update"
_MASK_STAGE = "mask of the box"
_STAGES = ("deposit", "solve", _APPLY, _MASK_STAGE, "maps")
_REST = "rest: checks, copies, Python"
_REAL, _MASK = 8, 1


def run(particles: int, repeats: int, threads: int) -> Table:
    setup = paper_cell(particles)
    rounds = [_one_run(setup) for _ in range(repeats + 1)][1:]
    total = Samples(tuple(r["total"] for r in rounds))
    rows = [Row("one cell", total, 1.0)]
    memory = copy_rate()
    cached = copy_rate(6 * particles)
    moved = _bytes(setup)
    for stage in (*_STAGES, _REST):
        found = Samples(tuple(r[stage] for r in rounds))
        note = _rate_note(moved[stage], found.min, memory, cached) if stage in moved else ""
        rows.append(Row(stage, found, median(r[stage] / r["total"] for r in rounds), note=note))
    rate, peak = _flop(setup) / rows[2].seconds.min, multiply_rate()  # type: ignore[union-attr]
    rows[2] = replace(rows[2], note=f"{rate / 1e9:.1f} Gflop/s, {rate / peak:.0%} of a product's")
    return Table(
        f"Profile of one cell, {particles} particles",
        "share of the time of the cell",
        rows,
        [
            f"streaming copy: {memory / 1e9:.1f} GB/s from memory, {cached / 1e9:.1f} GB/s for "
            f"arrays of the size of the beam ({6 * particles * _REAL / 2**20:.1f} MiB)",
            f"all stages: {_rate_note(sum(moved.values()), total.min, memory, cached)}",
            f"matrix product of 512 x 512: {peak / 1e9:.1f} Gflop/s; threads: {threads}",
            "bytes are the least that a stage must move; rates are from the fastest run",
        ],
    )


def _rate_note(moved: float, seconds: float, memory: float, cached: float) -> str:
    rate = moved / seconds
    return (
        f"{rate / 1e9:.2f} GB/s, {rate / memory:.0%} of a copy from memory, "
        f"{rate / cached:.0%} of one in cache"
    )


Watch = Callable[[str, Any], Any]


@dataclass(frozen=True)
class _WatchedPotential:
    """A potential whose solve is on the clock."""

    potential: Potential
    watch: Watch

    @property
    def mesh(self) -> Mesh:
        return self.potential.mesh

    def solve(self, fractions: Tensor) -> Tensor:
        found: Tensor = self.watch("solve", self.potential.solve)(fractions)
        return found


@dataclass(frozen=True)
class _WatchedKick:
    """A space-charge kick whose steps are on the clock."""

    kick: pj.SpaceCharge
    watch: Watch

    @property
    def max_step(self) -> float | Mapping[str, float]:
        return self.kick.max_step

    def check(self, beam: pj.Beam) -> None:
        self.kick.check(beam)

    def admit(self, state: State) -> State:
        admitted: State = self.watch(_MASK_STAGE, self.kick.admit)(state)
        return admitted

    def field(self, beam: pj.Beam, state: State) -> Any:
        return self.watch("field", self.kick.field)(beam, state)

    def apply(self, state: State, field: Any, ds: float | Tensor) -> State:
        kicked: State = self.watch(_APPLY, self.kick.apply)(state, field, ds)
        return kicked


def _one_run(setup: Setup) -> dict[str, float]:
    """Seconds of every stage of one tracking."""
    spent: dict[str, float] = defaultdict(float)

    def watch(stage: str, function: Any) -> Any:
        def watched(*args: Any) -> Any:
            start = perf_counter()
            out = function(*args)
            spent[stage] += perf_counter() - start
            return out

        return watched

    potential = _WatchedPotential(setup.kick.potential, watch)
    kick = _WatchedKick(replace(setup.kick, potential=potential), watch)
    watched_maps = patch.object(tracking, "transport", watch("maps", tracking.transport))
    with watched_maps, no_collection():
        start = perf_counter()
        pj.track(setup.lattice, setup.beam, kicks=[kick])
        total = perf_counter() - start
    spent["deposit"] = spent["field"] - spent["solve"]
    stages = {stage: spent[stage] for stage in _STAGES}
    return stages | {"total": total, _REST: total - sum(stages.values())}


def _bytes(setup: Setup) -> dict[str, float]:
    """Least bytes that each stage over particles moves in one cell."""
    counts = plan(setup.lattice, [setup.kick])
    kicks, particles = sum(counts), len(setup.beam)
    moves = {"Drift": map_kernels.DRIFT_MOVES, "Quadrupole": map_kernels.QUADRUPOLE_MOVES}
    maps = sum(
        (count + 1) * ((6 + len(moves[type(element).__name__])) * _REAL + _MASK)
        for element, count in zip(setup.lattice, counts, strict=True)
    )
    return {
        "deposit": kicks * particles * (3 * _REAL + _MASK),
        _APPLY: kicks * particles * ((4 + 2) * _REAL + _MASK),
        _MASK_STAGE: kicks * particles * (2 * _REAL + 2 * _MASK),
        "maps": particles * maps,
    }


def _flop(setup: Setup) -> float:
    """Floating-point operations of all solves: four matrix products each."""
    solver = setup.kick.potential
    assert isinstance(solver, SpectralPoisson)
    assert solver.modes is not None
    (nx, ny), (mx, my) = solver.mesh.grid.padded_shape, solver.modes
    once = 2 * 2 * (mx * nx * ny + mx * ny * my)
    return once * sum(plan(setup.lattice, [setup.kick]))
