"""Record of a tracking for its backward pass."""

from __future__ import annotations

import bisect
from collections.abc import Collection
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...beam.beam import Beam
from ...beam.reference import Reference
from ...core.special import on_host
from ..particles import Particles
from ..plan import Traverse
from ..task import Task

Tensors = tuple[Tensor, ...]

#: the operation in which a particle is lost that never is
NEVER = 2**62


class Record:
    """Columns before some operations, and where particles were lost.

    Operations are numbered over all turns.

    Args:
        task: with plain numbers as parameters.
        before: operations before which columns are kept.
    """

    def __init__(self, task: Task, before: Collection[int]) -> None:
        self._task, self._size = task, len(task.plan)
        self._wanted = frozenset(before)
        self.lost = torch.where(task.beam.alive, NEVER, -1)
        self.saved: dict[int, Tensors] = {}
        self._span: tuple[int, int, Any] = (0, 0, None)

    @cached_property
    def stops(self) -> frozenset[int]:
        """See `Observer`."""
        return frozenset(n % self._size for n in self._wanted)

    def see(self, turn: int, op: int, particles: Particles, beam: Beam) -> None:
        """See `Observer`."""
        number = turn * self._size + op
        if number in self._wanted:
            own = particles.compiled  # which will be changed in place
            columns = particles.state.coordinates
            self.saved[number] = tuple(c.clone() if own else c for c in columns)

    def note(self, turn: int, op: int, before: Tensor, after: Tensor) -> None:
        """See `Losses`."""
        if after is before or (on_host(after) and torch.equal(after, before)):
            return
        self.lost = torch.where(before & ~after, turn * self._size + op, self.lost)

    def collect(self, turns: NDArray[np.int64], ops: NDArray[np.int64]) -> None:
        """See `Losses`."""
        if (ops >= 0).any():
            number = torch.from_numpy(turns * self._size + ops)
            self.lost = torch.where(torch.from_numpy(ops >= 0), number, self.lost)

    def alive(self, number: int) -> Tensor:
        """Mask the particles alive after an operation."""
        first, last, mask = self._span
        if not first <= number < last:
            # the same for all operations up to the next in which a particle is lost
            mask = self.lost > number
            first = int(torch.where(mask, -NEVER, self.lost).max())
            last = int(torch.where(mask, self.lost, NEVER).min())
            self._span = first, last, mask
        return mask

    def reference(self, number: int) -> Reference:
        """The reference before an operation."""
        place = bisect.bisect_right(self._references, number, key=lambda entry: entry[0])
        return self._references[place - 1][1]

    @cached_property
    def _references(self) -> list[tuple[int, Reference]]:
        """References, each with the operation from which on it holds."""
        task, reference = self._task, self._task.beam.reference
        found = [(0, reference)]
        elements = task.lattice.elements
        if all(e.exit_reference(reference) is reference for e in elements):
            return found
        for number in range(len(task)):
            op = task.plan.ops[number % self._size]
            if isinstance(op, Traverse):
                after = elements[op.place].exit_reference(reference, op.part)
                if after is not reference:
                    found.append((number + 1, after))
                    reference = after
        return found
