"""Particles while they are tracked step by step: as tensors, or with their tangents in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..autodiff import Directions, Pushed, along, value_of
from ..autodiff.operator import array
from ..beam.beam import Beam
from ..beam.reference import Reference
from ..collective import SpaceCharge
from ..collective.base import CollectiveEffect
from ..core.scalars import Number, detached, is_transformed
from ..core.tensors import tensors_in
from ..elements.inverse import Operation, record
from ..kernels import mesh as kernels
from ..maps.apply import moves, push
from ..maps.base import Map
from ..maps.state import State, lose_unphysical
from ..mesh.particle_mesh import stencil
from .slicing import Segment, passed


class Particles:
    """Particles as tensors, with derivatives of any kind; each step makes new ones."""

    def __init__(self, state: State) -> None:
        self.state = state

    def go(self, segment: Segment, reference: Reference) -> None:
        """Through a part of an element."""
        self.state = passed(segment, self.state, reference)

    def kick(self, kick: CollectiveEffect, beam: Beam, length: Number) -> Any:
        """By the field that they make, over a length [m]; returns the field."""
        state = kick.admit(self.state)
        field = kick.field(beam, state)
        self.state = kick.apply(state, field, length)
        return field


def particles_of(state: State, data: Any) -> Particles:
    """Particles as they are tracked best.

    Args:
        data: all that they will meet, and on which derivatives may depend.
    """
    tensors = [*state.coordinates, *tensors_in(data)]
    pushed = [t for t in tensors if isinstance(t, Pushed)]
    if not pushed or forward_ad._current_level >= 0 or any(map(is_transformed, tensors)):
        return Particles(state)
    if any(c.device.type != "cpu" or c.dim() != 1 or c.requires_grad for c in state.coordinates):
        return Particles(state)
    return _PushedParticles(state, tuple(sorted({d for t in pushed for d in t.directions})))


class _PushedParticles(Particles):
    """Particles that are changed in place together with their tangents, where there are kernels.

    What there are none for is done with tensors.

    Args:
        directions: all in which there will be derivatives, ascending.
    """

    def __init__(self, state: State, directions: Directions) -> None:
        self._directions = directions
        #: those that act already
        self._met: Directions = ()
        self.state = state

    @property
    def state(self) -> State:
        """As tensors, which share memory with what is here."""
        columns, every = [], self._met == self._directions
        for i, value in enumerate(map(torch.from_numpy, self._columns)):
            if i in self._moving:
                tangent = self._tangents[i] if every else self._tangents[i][self._rows()]
                value = Pushed.make(value, torch.from_numpy(tangent), self._met)
            columns.append(value)
        return State(tuple(columns), self._alive)

    @state.setter
    def state(self, state: State) -> None:
        coordinates = state.coordinates
        self._meet(*coordinates)
        # new arrays, as the tensors may be the old ones in another order
        self._columns = np.stack([array(value_of(c)) for c in coordinates])
        self._alive, size = state.alive, self._columns.shape[1]
        #: a row for every direction, and one that is always zero
        tangents = np.zeros((6, len(self._directions), size), self._columns.dtype)
        self._still = np.zeros((1, size), self._columns.dtype)
        #: the columns that have tangents
        self._moving = {i for i, c in enumerate(coordinates) if isinstance(c, Pushed)}
        rows = self._rows()
        for i in self._moving:
            tangents[i, rows] = self._along(coordinates[i])
        self._tangents = tangents

    def go(self, segment: Segment, reference: Reference) -> None:
        """Through a part of an element."""
        operations = _with_kernels(segment, reference)
        if operations is None:
            super().go(segment, reference)
            return
        if segment.part.start == 0:
            self._alive = lose_unphysical(self._plain()).alive
        for map, parameters in operations:
            self._move(map, parameters)

    def _move(self, map: Map, parameters: Sequence[Any]) -> None:
        own = parameters[: len(parameters) - len(map.constants)]
        self._meet(*own)
        if self._met:
            self._moving.update(moves(map))
        tangents = [t if i in self._moving else self._still for i, t in enumerate(self._tangents)]
        numbers, shifts = [detached(p) for p in parameters], [self._along(p) for p in own]
        alive, columns = self._alive.numpy(), [*self._columns]
        push(map, columns, alive, numbers, self._rows(), tangents, shifts)

    def kick(self, kick: CollectiveEffect, beam: Beam, length: Number) -> Any:
        """By the field that they make, over a length [m]; returns the field."""
        if type(kick) is not SpaceCharge or beam.weights is not None:
            return super().kick(kick, beam, length)
        self._alive = kick.admit(self._plain()).alive
        field = kick.strength(beam, self._shares(kick, beam))
        self._meet(field, length)
        if self._met:
            self._moving.update((1, 3))
        x, px, y, py, _, _ = self._columns
        dx, dpx, dy, dpy, _, _ = self._tangents
        kernels.kick_push(
            stencil(kick.potential.mesh),
            detached(length),
            x,
            y,
            self._alive.numpy(),
            (px, py),
            array(value_of(field)),
            self._rows(),
            (dx, dy, dpx, dpy),
            self._along(field),
            self._along(length),
        )
        return field

    def _shares(self, kick: SpaceCharge, beam: Beam) -> Tensor:
        """The shares of the beam in the cells, of the particles here."""
        x, _, y, _, _, _ = self._columns
        dx, _, dy, _, _, _ = self._tangents
        met = self._met if kick.response else ()
        share, rows = np.full(1, 1 / beam.particles, x.dtype), self._rows()[: len(met)]
        places = (x, y, self._alive.numpy(), share)
        sheet = stencil(kick.potential.mesh)
        grids = torch.from_numpy(kernels.deposit_push(sheet, *places, rows, (dx, dy, self._still)))
        return Pushed.make(grids[0], grids[1:], met) if met else grids[0]

    def _plain(self) -> State:
        """Without tangents."""
        return State(tuple(map(torch.from_numpy, self._columns)), self._alive)

    def _rows(self) -> Any:
        """Where the tangents of the directions stand that act."""
        return np.array([self._directions.index(d) for d in self._met], np.int64)

    def _meet(self, *numbers: Any) -> None:
        found = {d for number in numbers if isinstance(number, Pushed) for d in number.directions}
        self._met = tuple(sorted(found.union(self._met)))

    def _along(self, number: Any) -> Any:
        """The tangents of a number or an array in the directions that act, (K, ...)."""
        if isinstance(number, Pushed):
            return array(along(number, self._met))
        count = len(self._met)
        if not isinstance(number, Tensor):
            return np.zeros(count)
        return np.zeros((count, *number.shape), array(number).dtype)


def _with_kernels(segment: Segment, reference: Reference) -> list[Operation] | None:
    """What a part of an element does, if there are kernels for it and nobody is lost on the way."""
    if not segment.element.transmits_all or isinstance(reference.p0c, Tensor):
        return None
    found = record(segment.element, reference, segment.part)
    return found if all(map.array_kernels for map, _ in found) else None
