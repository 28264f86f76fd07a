"""The loop of tracking, run in tests with an eye on what it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.maps.state import State
from pyjutrack.tracking.loop import Run, run_with_jacobians
from pyjutrack.tracking.plan import plan_of
from pyjutrack.tracking.task import Task


class Tracked(NamedTuple):
    """The end of a tracking, and of each loss the turn and the operation, or -1, (N,).

    Attributes:
        compiled: whether particles were numbers in arrays all the way.
    """

    state: State
    turn: Any
    op: Any
    compiled: bool
    plan: Any

    @property
    def coordinates(self) -> torch.Tensor:
        return torch.stack(self.state.coordinates, -1)

    @property
    def element(self) -> Any:
        """The place of the element of each loss."""
        places = np.array([*(op.place for op in self.plan.ops), -1])
        return places[self.op]


class _Noted:
    def __init__(self, size: int) -> None:
        self.turn, self.op = np.full((2, size), -1)

    def note(self, turn: int, op: int, before: torch.Tensor, after: torch.Tensor) -> None:
        lost = (before & ~after).reshape(-1).numpy()[: len(self.turn)]
        self.turn[lost], self.op[lost] = turn, op

    def collect(self, turns: Any, ops: Any) -> None:
        turns, ops = (array.reshape(-1)[: len(self.turn)] for array in (turns, ops))
        lost = ops >= 0
        self.turn[lost], self.op[lost] = turns[lost], ops[lost]


def task(lattice: pj.Lattice, beam: pj.Beam, effects: Sequence[Any] = (), turns: int = 1) -> Task:
    return Task(lattice, beam, tuple(effects), turns, plan_of(lattice, effects))


def tracked(
    lattice: pj.Lattice,
    beam: pj.Beam,
    effects: Sequence[Any] = (),
    turns: int = 1,
    observers: Sequence[Any] = (),
) -> Tracked:
    noted = _Noted(beam.coordinates.shape[-2])
    asked = task(lattice, beam, effects, turns)
    run = Run(asked, None, observers, noted)
    end = run.end()
    return Tracked(end.state, noted.turn, noted.op, run.compiled, asked.plan)


def with_jacobians(lattice: pj.Lattice, beam: pj.Beam, turns: int = 1) -> Any:
    """The end and (N, 6, 6), or None where that cannot be."""
    found = run_with_jacobians(task(lattice, beam, (), turns))
    return None if found is None else (found[0].state, found[1])
