"""Profile of one cell, and how far it is from what the machine could do.

The least time is a sum: the bytes that the passes must stream at the measured rate of a copy from
memory, and their counted arithmetic at the measured rate of a matrix product. Fused passes could
do both at once, so the true limit lies between the larger and the sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

import pyjutrack as pj
from pyjutrack import maps
from pyjutrack.elements.inverse import record
from pyjutrack.kernels import sines
from pyjutrack.maps.base import Map
from pyjutrack.maps.codegen.trace import STUMPFF, in_order
from pyjutrack.maps.codegen.traced import trace_map
from pyjutrack.tracking import array_particles
from pyjutrack.tracking.plan import Traverse, plan_of

from .bandwidth import copy_rate, multiply_rate
from .clock import Samples, no_collection
from .report import Row, Table
from .setup import Setup, paper_cell

LARGE = 1_000_000
_PASSES, _SOLVE, _REST = "passes over the particles", "solve", "rest: checks, copies, Python"
#: six columns read, five written (a map leaves delta), the mask read and written
_BYTES = 8 * (6 + 5) + 2
#: in a row of four: places 6; two cubics 48, two squares 32; two sums over x 56, two dots 14, 4
_KICK = 6 + 48 + 32 + 56 + 14 + 4
#: places 6; two cubics 48; the weight 4; four rows 32
_DEPOSIT = 6 + 48 + 4 + 32
#: of the test of the momenta and of the box
_CHECKS = 8


def run(particles: int, repeats: int, threads: int) -> Table:
    memory, peak = copy_rate(), multiply_rate()
    rows: list[Row] = []
    for count in (particles, LARGE):
        rows += _rows(count, repeats if count < LARGE else max(3, repeats // 3), memory, peak)
    return Table(
        "Profile of one cell, 24 kicks",
        "share of the time of the cell; of the first row of a kind: time / least time",
        rows,
        [
            f"streaming copy from memory {memory / 1e9:.1f} GB/s, matrix product of 512 x 512 "
            f"{peak / 1e9:.1f} Gflop/s; threads: {threads}",
            f"a pass streams {_BYTES} bytes a particle and does {_KICK} (kick) + {_DEPOSIT} "
            f"(deposit) + {_CHECKS} (checks) floating-point operations, drifts "
            f"{_operations(maps.drift)}, quadrupoles {_operations(maps.quadrupole)}",
        ],
    )


def _rows(count: int, repeats: int, memory: float, peak: float) -> list[Row]:
    setup = paper_cell(count)
    rounds = [_one_run(setup) for _ in range(repeats + 1)][1:]
    total = Samples(tuple(r["total"] for r in rounds))
    streamed, computed = _bytes(setup) / memory, _flop(setup) / peak
    least = streamed + computed
    ratio = total.median / least
    note = (
        f"least {1e3 * least:.3g} ms = {1e3 * streamed:.3g} ms of {_bytes(setup) / 1e9:.3g} GB + "
        f"{1e3 * computed:.3g} ms of {_flop(setup) / 1e9:.3g} Gflop; {1 / ratio:.0%} of it reached"
    )
    asked = "<= 2" if count == LARGE else ""
    rows = [Row(f"{count} particles: track", total, ratio, asked, note)]
    for stage in (_PASSES, _SOLVE, _REST):
        found = Samples(tuple(r[stage] for r in rounds))
        share = median(r[stage] / r["total"] for r in rounds)
        rows.append(Row(f"{count} particles: {stage}", found, share))
    return rows


def _one_run(setup: Setup) -> dict[str, float]:
    """Seconds of every stage of one tracking."""
    spent: dict[str, float] = defaultdict(float)
    particles = array_particles.ArrayParticles

    def watch(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            start = perf_counter()
            out = function(*args)
            spent[stage] += perf_counter() - start
            return out

        return call

    with (
        patch.object(particles, "_pass", watch(_PASSES, particles._pass)),
        patch.object(sines, "_solve", watch(_SOLVE, sines._solve)),
        no_collection(),
    ):
        start = perf_counter()
        pj.track(setup.lattice, setup.beam, effects=[setup.kick])
        total = perf_counter() - start
    return {**spent, "total": total, _REST: total - spent[_PASSES] - spent[_SOLVE]}


def _bytes(setup: Setup) -> float:
    """Least bytes that the passes move in one cell."""
    return _BYTES * len(setup.beam) * (sum(plan_of(setup.lattice, [setup.kick]).slices()) + 1)


def _flop(setup: Setup) -> float:
    """Floating-point operations of the passes in one cell."""
    plan = plan_of(setup.lattice, [setup.kick])
    moved = sum(
        _operations(map)
        for op in plan.ops
        if isinstance(op, Traverse)
        for map, _ in record(setup.lattice[op.place], setup.beam.reference, op.part)
    )
    kicks = sum(plan.slices())
    checks = _CHECKS * (kicks + len(setup.lattice))
    return len(setup.beam) * (kicks * (_KICK + _DEPOSIT) + checks + moved)


def _operations(map: Map) -> int:
    """Arithmetic operations of a map, as its kernel does them; a Stumpff series counts as 20."""
    found = trace_map(map)
    steps = in_order(found.outputs[i] for i in found.moved)
    counted = [step.op for step in steps if step.op not in ("number", "symbol", *STUMPFF)]
    return len(counted) + 20 * len(found.reach)
