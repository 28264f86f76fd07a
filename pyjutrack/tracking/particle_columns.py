"""Particles in columns of plain numbers, changed in place: of one setting, or of many in a row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..collective.mesh_kick import MeshKick
from ..kernels.columns import stack_columns
from ..kernels.memory import allocate
from ..maps.state import State
from .particles import Losses, Particles

#: bytes of the smallest pages of memory
_PAGE = 4096


class ParticleColumns(Particles):
    """The memory of `ArrayParticles`.

    Particles of several settings, or of several beams, (..., N), stand one after another; those
    that are of all settings alike are copied for each of them where these first differ.

    Args:
        directions: (N, D) tangents, if there are any.
        losses: asks for the turn and the operation of each loss.
    """

    def __init__(
        self, state: State, directions: NDArray[np.float64] | None, losses: Losses | None
    ) -> None:
        #: leading dimensions, and the particles of each setting
        self._batch, self._per = state.alive.shape[:-1], state.alive.shape[-1]
        self._stack = stack_columns([c.reshape(-1) for c in state.coordinates])
        self._columns = list(self._stack.numpy())
        self._alive = state.alive.reshape(-1).numpy().copy()
        self._tangents, self._losses = directions, losses
        #: of each loss, -1 for none; any numbers where nothing asks for them
        self._turn, self._op = _take(len(self._alive))
        if losses is not None:
            self._turn[:] = self._op[:] = -1
        #: now: turn and operation
        self.now = 0, 0
        #: for which kick there are grids of what was deposited
        self._deposited: MeshKick | None = None

    def expand(self, batch: torch.Size) -> None:
        """See `Particles`."""
        batch = torch.broadcast_shapes(self._batch, batch) if self._batch else batch
        if self._batch == batch:
            return
        shape, count = (*self._batch, self._per), (*batch, self._per)
        self._settle()
        self._batch = batch
        old = self._stack.reshape(6, *(1,) * (len(count) - len(shape)), *shape)
        # at once onto large pages; see `stack_columns`
        self._stack = allocate((6, math.prod(count)), self._columns[0].dtype)
        self._stack.reshape(6, *count).copy_(old.expand(6, *count))
        self._columns = list(self._stack.numpy())
        self._alive = np.broadcast_to(self._alive.reshape(shape), count).reshape(-1).copy()
        if self._tangents is not None:
            width = self._tangents.shape[-1]
            rows = self._tangents.reshape(*shape, width)
            self._tangents = np.broadcast_to(rows, (*count, width)).reshape(-1, width).copy()
        if self._losses is None:
            self._turn, self._op = _take(len(self._alive))
        else:
            self._turn, self._op = (
                np.broadcast_to(kept.reshape(shape), count).reshape(-1).copy()
                for kept in (self._turn, self._op)
            )
        self._deposited = None

    @property
    def state(self) -> State:
        """View as tensors, which share memory with the arrays here."""
        self._settle()
        shape = (*self._batch, self._per)
        columns = (torch.from_numpy(c).reshape(shape) for c in self._columns)
        return State(tuple(columns), torch.from_numpy(self._alive).reshape(shape))

    @state.setter
    def state(self, state: State) -> None:
        self._deposited = None
        columns = torch.broadcast_tensors(*state.coordinates, state.alive)[:6]
        self.expand(columns[0].shape[:-1])
        old = self._columns
        new = [c.detach().reshape(-1).numpy() for c in columns]
        places, others = ([_address(column) for column in columns] for columns in (old, new))
        # columns in another order must not be written over before they are read
        new = [
            n.copy() if other != own and other in places else n
            for n, own, other in zip(new, places, others, strict=True)
        ]
        for column, value, own, other in zip(old, new, places, others, strict=True):
            if own != other:
                column[:] = value
        self.lose(state.alive)

    @property
    def stack(self) -> Tensor:
        """View the columns as one tensor (6, ..., N)."""
        self._settle()
        return self._stack.reshape(6, *self._batch, self._per)

    @property
    def alive(self) -> Tensor:
        """Mask of the particles alive."""
        return torch.from_numpy(self._alive).reshape(*self._batch, self._per)

    def lose(self, alive: Tensor) -> None:
        """Keep those alone that are alive here too, of each setting where these first differ."""
        self.expand(alive.shape[:-1])
        self._lose(alive.expand(*self._batch, self._per).reshape(-1).numpy())

    def _lose(self, alive: NDArray[np.bool_]) -> None:
        if _address(alive) == _address(self._alive):
            return
        lost = self._alive & ~alive
        if lost.any():
            self._turn[lost], self._op[lost] = self.now
            self._deposited = None
        self._alive[:] = alive

    def _settle(self) -> None:
        """Do what waits to be done in one pass with what follows."""


def _take(count: int) -> NDArray[np.int64]:
    """Two rows of any numbers, on memory that is there.

    Kernels write them where a mask says so, and none is written as a rule. Where such a store has
    an empty mask, and the system has not given the page yet, the processor takes a hundred cycles
    to find that nothing fails.
    """
    found = np.empty((2, count), np.int64)
    found.reshape(-1)[:: _PAGE // found.itemsize] = -1
    found[:, -1:] = -1
    return found


def _address(array: NDArray[Any]) -> int:
    """Where a column is in memory."""
    found: int = array.__array_interface__["data"][0]  # `ctypes.data` takes ten times as long
    return found
