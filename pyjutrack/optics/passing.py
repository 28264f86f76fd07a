"""All elements of a lattice at once: each takes coordinates of its own through itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..autodiff import Pushed
from ..beam.reference import Reference
from ..core.settings import broadcast_batch
from ..core.tensors import active
from ..elements import Element
from ..elements.modelled import require_modelled
from ..elements.part import WHOLE, Part
from ..elements.placement import advance
from ..maps.packing import Program
from ..maps.program import LANES
from ..maps.state import State
from .places import Places
from .stacks import stacks

_ALL = tuple(range(6))
#: the shape of one setting
ONE = torch.Size()


class AllAlive(Tensor):
    """A mask of particles none of which is lost: to choose by it costs nothing."""

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is torch.where:
            return args[1]
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))


class Passage:
    """The maps of many elements, side by side.

    Coordinates are (N, 6), one row for each element in the order in which they were given. They
    need not belong to one particle. Where elements hold many settings, each has its own
    (..., N, 6), and so has all that comes of them.
    """

    def __init__(
        self, elements: Iterable[Element], reference: Reference, batch: torch.Size = ONE
    ) -> None:
        self.elements = tuple(elements)
        require_modelled(self.elements)
        self._stacks = stacks(self.elements)
        self.reference = reference
        #: the settings that the elements hold, or that were asked for
        held = [e.batch for e in self.elements if e.has_tensors]
        self.batch = broadcast_batch("parameters of the lattice", [batch, *held])
        order = torch.tensor([place for s in self._stacks for place in s.places])
        self._order = order
        self._back = torch.empty_like(order)
        self._back[order] = torch.arange(len(order))

    @property
    def is_active(self) -> bool:
        """Return whether a parameter of an element, or the reference, requires gradients."""
        held = [e for e in self.elements if e.has_tensors]
        return bool(active([*held, self.reference]))

    def values(self, coordinates: Tensor, part: Part = WHOLE) -> Tensor:
        """(N, 6) at the exits of the elements, or after a part of each."""
        pieces = []
        for state, element in self._states(coordinates):
            moved = advance(element, state, self.reference, part).coordinates
            pieces.append(torch.stack(moved))
        return self._rows(pieces)

    def matrices(self, coordinates: Tensor, part: Part = WHOLE) -> tuple[Tensor, Tensor]:
        """The same, and the Jacobians (N, 6, 6): ordinary tensors that autograd sees through."""
        identity = torch.eye(6, dtype=coordinates.dtype)
        pieces, slopes = [], []
        for state, element in self._states(coordinates):
            shape = state.coordinates[0].shape
            ones = identity.reshape(6, 6, *(1,) * len(shape)).expand(6, 6, *shape)
            pushed = tuple(
                Pushed.make(c, ones[:, i], _ALL) for i, c in enumerate(state.coordinates)
            )
            start = State(pushed, state.alive)
            moved: Any = advance(element, start, self.reference, part).coordinates
            pieces.append(torch.stack([m.value for m in moved]))
            slopes.append(torch.stack([m.tangent for m in moved]))
        joined = torch.cat(slopes, -1)[..., self._back].movedim((0, 1), (-2, -1))
        jacobians = joined if self.batch else joined.squeeze(0)
        return self._rows(pieces), jacobians.contiguous()

    @property
    def whole(self) -> tuple[bool, ...]:
        """Which elements have no optics but at their ends."""
        return (False,) * len(self.elements)

    def within(self, coordinates: Tensor, places: Places) -> tuple[Tensor, Tensor]:
        """Coordinates (M, 6) and Jacobians (M, 6, 6) from the entrances of elements to places."""
        inside = coordinates[..., list(places.elements), :]
        one = torch.eye(6, dtype=coordinates.dtype)
        matrices = one.expand(*inside.shape, 6)
        for share, rows in places.groups().items():
            elements = (self.elements[places.elements[row]] for row in rows)
            some = Passage(elements, self.reference, self.batch)
            ends, jacobians = some.matrices(inside[..., rows, :], Part(0.0, share))
            at = torch.tensor(rows)
            inside = inside.index_copy(-2, at, ends)
            matrices = matrices.index_copy(-3, at, jacobians)
        return inside, matrices

    def _rows(self, pieces: list[Tensor]) -> Tensor:
        """Coordinates (..., N, 6) of columns (6, ..., n) of all stacks."""
        rows = torch.cat(pieces, -1)[..., self._back].movedim(0, -1)
        return rows if self.batch else rows.squeeze(0)

    def _states(self, coordinates: Tensor) -> Iterable[tuple[State, Element]]:
        """Each stack as particles of shape (1, n): maps with kernels for one element stay out.

        Or (..., n) of many settings.
        """
        sizes = [len(s.places) for s in self._stacks]
        lead = self.batch or (1,)
        columns = coordinates[..., self._order, :].expand(*lead, -1, 6).movedim(-1, 0)
        pieces = columns.split(sizes, -1)
        for piece, stack in zip(pieces, self._stacks, strict=True):
            alive = torch.ones(piece.shape[1:], dtype=torch.bool).as_subclass(AllAlive)
            yield State(piece.unbind(0), alive), stack.element


def pass_each(programs: Sequence[Program], coordinates: Tensor) -> tuple[Tensor, Tensor]:
    """Pass coordinates (N, 6), a row through each compiled program.

    Returns:
        The ends (N, 6), and the Jacobians (N, 6, 6).
    """
    from ..maps.program_kernels import execute_with_tangents  # late: it takes a moment to load

    count = len(programs)
    ends = coordinates.T.contiguous().clone().numpy()
    tangents = np.zeros((count, 6, LANES))
    tangents[:, _ALL, _ALL] = 1.0
    alive, lost = np.ones(1, bool), np.zeros((2, 1), np.int64)
    rows = tangents.reshape(count, 1, 6 * LANES)
    for n, program in enumerate(programs):
        own = (column[n : n + 1] for column in ends)
        execute_with_tangents(
            0,
            0,
            1,
            1,
            0,
            0,
            1,
            *program.arrays,
            program.tangent_table(),
            *own,
            alive,
            *lost,
            rows[n],
        )
    return torch.from_numpy(ends.T.copy()), torch.from_numpy(tangents[:, :, :6].copy())


def pairwise_products(matrices: Tensor) -> Tensor:
    """Products of the first n + 1 of N matrices (..., N, k, k), for each n, the later on the left.

    By recursive pairing: some 2 N products in 2 log2 N batches.
    """
    count = matrices.shape[-3]
    if count == 1:
        return matrices
    pairs = matrices[..., 1::2, :, :] @ matrices[..., : count - 1 : 2, :, :]
    odd = pairwise_products(pairs)
    half = odd.shape[-3]
    later = matrices[..., 2::2, :, :] @ odd[..., : (count - 1) // 2, :, :]
    even = torch.cat([matrices[..., :1, :, :], later], -3)
    joined = torch.stack([even[..., :half, :, :], odd], -3).flatten(-4, -3)
    return torch.cat([joined, even[..., half:, :, :]], -3)
