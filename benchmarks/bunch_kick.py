"""The protocol of kicks of a bunch on a grid, ours, and the search for the cheapest grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

import pyjutrack as pj
from pyjutrack.collective import CollectiveEffect, Place, SpaceCharge2p5D, SpaceCharge3D
from pyjutrack.tracking.end import state_of

from .bunch import STEP, WALLS, Bunch, error
from .peer import Array

Nodes = tuple[int, int, int]
#: errors that have been measured
Known = dict[Nodes, float]

#: nodes along the bunch over those of a side: of three dimensions, and of slices
RATIOS = {False: (1.0,), True: (0.5, 0.75, 1.0, 2.0)}
#: place of the side with which a search begins
_FIRST = 4

_HERE = Place(pj.Drift(STEP), 0, 0.0, STEP, 1.0, 0)


@dataclass(frozen=True)
class Made:
    """A kick on a grid, of the particles of a bunch.

    Attributes:
        calls: one kick (deposit, solve, read, change of the momenta), by configuration.
        kicks: of px, py and delta that the first call adds, (2 or 3, N).
        shift: where it reads its field, relative to the particle (x, y, z) [m].
        close: ends what it has started.
    """

    calls: dict[str, Callable[[], object]]
    kicks: Array
    shift: Array = field(default_factory=lambda: np.zeros(3))
    close: Callable[[], object] = lambda: None


class Solver(Protocol):
    """A code's kick: what it can do on which grids."""

    @property
    def name(self) -> str: ...

    @property
    def sides(self) -> Iterable[int]:
        """Nodes a side that are fast, rising."""
        ...

    @property
    def ratios(self) -> Sequence[float]:
        """Nodes along the bunch over those of a side that are tried."""
        ...

    def make(self, bunch: Bunch, nodes: Nodes, threads: int, which: str | None = "") -> Made:
        """Make the kick in the configuration `which`, in the first where "", in all where None."""
        ...


@dataclass(frozen=True)
class Ours:
    """SpaceCharge3D or SpaceCharge2p5D, with a shape function."""

    slices: bool
    assignment: str = "bspline"

    @property
    def name(self) -> str:
        return "pyjutrack" if self.assignment == "bspline" else f"pyjutrack, {self.assignment}"

    @property
    def sides(self) -> list[int]:
        if self.slices:
            return [*range(12, 161, 4)]
        return [n for n in range(12, 129) if _smooth(n)]

    @property
    def ratios(self) -> Sequence[float]:
        return RATIOS[self.slices]

    def make(self, bunch: Bunch, nodes: Nodes, threads: int, which: str | None = "") -> Made:
        beam = bunch.beam()
        state = state_of(beam.coordinates, beam.alive)
        effect: CollectiveEffect
        if self.slices:
            side = 2 * WALLS * max(bunch.sizes[:2])
            effect = SpaceCharge2p5D(
                pj.SpectralPoisson((side, side), nodes[:2], self.assignment), nodes[2], 1.0
            )
        else:
            effect = SpaceCharge3D(nodes, 1.0, margin=0.0, assignment=self.assignment)

        columns = [column.clone().numpy() for column in state.coordinates]

        def call() -> object:  # as tracking does it, in place
            made = effect.field(beam, state, _HERE)
            done = effect.apply_in_place(columns, state.alive, made, _HERE)
            return done or effect.apply(state, made, _HERE)

        kicked = effect.apply(state, effect.field(beam, state, _HERE), _HERE).coordinates
        rows = (1, 3) if self.slices else (1, 3, 5)
        return Made({"": call}, np.stack([kicked[i].numpy() for i in rows]))


def cheapest(
    solver: Solver, sample: Bunch, slices: bool, goal: float, threads: int, known: Known
) -> tuple[Nodes, float] | None:
    """The fewest nodes whose kicks are right to `goal`, and how right; None where none are.

    With numbers along the bunch in each of the solver's proportions to those across. `known` has
    the errors that have been measured, and gets more.
    """
    sides, found = list(solver.sides), []
    for ratio in solver.ratios:

        def grid(side: int, ratio: float = ratio) -> Nodes:
            return side, side, side if ratio == 1 else 4 * math.ceil(ratio * side / 4)

        def measure(side: int, grid: Callable[[int], Nodes] = grid) -> float:
            nodes = grid(side)
            if nodes not in known:
                known[nodes] = error_of(solver, sample, slices, nodes, threads)
            return known[nodes]

        side = _least(sides, measure, goal)
        if side is not None:
            found.append(grid(side))
    if not found:
        return None
    best = min(found, key=math.prod)
    return best, known[best]


def error_of(solver: Solver, sample: Bunch, slices: bool, nodes: Nodes, threads: int) -> float:
    """The error of the kicks on a grid; see `bunch.error`."""
    made = solver.make(sample, nodes, threads)
    made.close()
    return error(made.kicks, sample.exact(slices, made.shift))


def _least(rising: Sequence[int], measure: Callable[[int], float], goal: float) -> int | None:
    """The least whose error is at most `goal`, as errors fall about with its square."""
    low, high, guess = 0, len(rising), min(_FIRST, len(rising) - 1)
    while low < high:
        size, error = rising[guess], measure(rising[guess])
        if error <= goal:
            high = guess
        else:
            low = guess + 1
        wanted = size * math.sqrt(error / goal)
        guess = next((i for i, n in enumerate(rising) if n >= wanted), len(rising))
        guess = max(low, min(guess, high - 1))
    return rising[low] if low < len(rising) else None


def _smooth(n: int) -> bool:
    """Return whether n has no prime factor but 2, 3 and 5."""
    for prime in (2, 3, 5):
        while n % prime == 0:
            n //= prime
    return n == 1
