"""Kicks of a bunch by space charge, each code on the cheapest grid that is right to so much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .bunch import LONG, SHORT, Bunch, bunch
from .bunch_kick import Known, Made, Nodes, Ours, Solver, cheapest, error_of
from .clock import Samples, in_turns
from .peer import PeerMissing
from .peer_cheetah_bunch import Cheetah
from .peer_impactx_bunch import ImpactX
from .peer_xfields_bunch import Xfields
from .report import Row, Table

#: what was asked, by the first word of a peer's name, of the fewest and of most particles
_ASKED = {"xfields": (">= 3", ">= 3"), "impactx": (">= 3", ">= 3"), "cheetah": (">= 5", ">= 10")}
#: peers that solve one density across for all slices, and so less
_ONE_DENSITY = ("xfields FFTSolver2p5DAveraged", "impactx 2p5D")


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    Attributes:
        counts: numbers of particles.
        sample: of the search for grids.
        goals: errors that the kicks may have.
        equal: nodes a side of the rows on equal grids.
    """

    counts: Sequence[int] = (100_000, 1_000_000)
    sample: int = 2**18
    goals: Sequence[float] = (0.01, 0.003)
    equal: int = 64


@dataclass(frozen=True)
class Entry:
    """A solver on a grid, and the error of its kicks."""

    solver: Solver
    nodes: Nodes
    error: float


def run(particles: int, repeats: int, threads: int) -> Table:
    return table(Sizes((2 * particles, 20 * particles)), max(1, repeats // 5), threads)


def table(sizes: Sizes, repeats: int, threads: int) -> Table:
    title, ratio = "Collective effects: space charge", "time of the peer / time of pyjutrack"
    found: list[Row] = []
    remarks = [
        "error of a kick is the worst, over the directions, of its rms error over "
        "its rms, against the exact kick of a Gaussian",
        f"(confocal integral; Bassetti and Erskine by slices), with {sizes.sample} even points, "
        "so that it is that of the grid; grids by searches in this run; ours with cubic and with "
        "quadratic splines, ratios to the faster",
        "by slices ours kicks delta too, the peers do not; ImpactX has one core, the others all",
    ]
    for slices in (False, True):
        solvers, missing = _solvers(slices)
        remarks += missing
        plans = _plans(solvers, slices, sizes, threads, remarks)
        last = [*plans][-1] if len(plans) > 2 else None
        for number, count in enumerate(sizes.counts):
            particles, chosen = bunch(count, LONG if slices else SHORT), {}
            kind = f"{'2.5D' if slices else '3D'}, {count} particles"
            for label, entries in plans.items():
                few = 1 if label == last else repeats  # grids are large there
                samples = _time(entries, particles, few, threads, chosen)
                found += _rows(f"{kind}, {label}", entries, samples, chosen, number > 0)
    return Table(title, ratio, found, remarks)


def _solvers(slices: bool) -> tuple[list[Solver], list[str]]:
    """Ours first; and what is not installed."""
    tiny = bunch(1000, LONG if slices else SHORT)
    peers: list[Solver] = (
        [Xfields("FFTSolver2p5D"), Xfields("FFTSolver2p5DAveraged"), ImpactX("2p5D")]
        if slices
        else [Xfields("FFTSolver3D"), ImpactX("3D"), Cheetah()]
    )
    there: list[Solver] = [Ours(slices), Ours(slices, "quadratic")]
    missing = []
    for peer in peers:
        try:
            peer.make(tiny, (16, 16, 16), 1).close()
            there.append(peer)
        except PeerMissing as error:
            missing.append(f"skipped: {peer.name} ({error})")
    return there, missing


def _plans(
    solvers: Sequence[Solver], slices: bool, sizes: Sizes, threads: int, remarks: list[str]
) -> dict[str, list[Entry]]:
    """The entries on equal grids, and for each goal."""
    sample = bunch(sizes.sample, LONG if slices else SHORT)
    known: dict[str, Known] = {solver.name: {} for solver in solvers}
    nodes = (sizes.equal,) * 3
    plans: dict[str, list[Entry]] = {f"{sizes.equal} a side": []}
    for solver in solvers:
        off = known[solver.name][nodes] = error_of(solver, sample, slices, nodes, threads)
        plans[f"{sizes.equal} a side"].append(Entry(solver, nodes, off))
    for goal in sizes.goals:
        entries = plans[f"right to {100 * goal:g} %"] = []
        for solver in solvers:
            best = cheapest(solver, sample, slices, goal, threads, known[solver.name])
            if best is None:
                remarks.append(
                    f"{solver.name}: not right to {100 * goal:g} % on up to "
                    f"{max(solver.sides)} nodes a side"
                )
            else:
                entries.append(Entry(solver, *best))
    return plans


def _time(
    entries: Sequence[Entry], particles: Bunch, repeats: int, threads: int, chosen: dict[str, str]
) -> dict[str, Samples]:
    """Samples by solver, in its fastest configuration, which `chosen` keeps."""
    made: dict[str, Made] = {}
    try:
        for entry in entries:
            name = entry.solver.name
            made[name] = entry.solver.make(particles, entry.nodes, threads, chosen.get(name))
            if name not in chosen:
                calls = made[name].calls
                once = in_turns(calls, 1) if len(calls) > 1 else {}
                chosen[name] = min(calls, key=lambda c: once[c].min if once else 0.0)
        contenders = {name: one.calls[chosen[name]] for name, one in made.items()}
        return in_turns(contenders, repeats)
    finally:
        for one in made.values():
            one.close()


def _rows(
    kind: str,
    entries: Sequence[Entry],
    samples: dict[str, Samples],
    chosen: dict[str, str],
    most: bool,
) -> list[Row]:
    own = [samples[entry.solver.name] for entry in entries if isinstance(entry.solver, Ours)]
    ours = min(own, key=lambda one: one.median, default=None)
    found = []
    for entry in entries:
        name = entry.solver.name
        first = name.partition(" ")[0]
        x, _, z = entry.nodes
        grid = f"{x}^3" if x == z else f"{x}^2 x {z}"
        note = f"{grid}, error {entry.error:.2%}"
        note += "; one density for all slices" if name in _ONE_DENSITY else ""
        note += f"; {chosen[name]}" if chosen[name] else ""
        asked = _ASKED[first][most] if first in _ASKED else ""
        ratio = samples[name].over(ours) if ours else None
        found.append(Row(f"{kind}: {name}", samples[name], ratio, asked, note))
    return found
