"""Particles that are moved in place together with their tangents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..autodiff import Directions, Pushed, tangents_along, value_of
from ..autodiff.operator import array
from ..beam.beam import Beam
from ..beam.reference import Reference
from ..collective import answers
from ..collective.base import CollectiveEffect, Place
from ..collective.mesh_kick import MeshKick
from ..core.scalars import to_float
from ..elements import Element
from ..elements.inverse import Operation, record
from ..elements.part import Part
from ..elements.recordings import memoize
from ..kernels import mesh as kernels
from ..maps.apply import moves, push
from ..maps.base import Map
from ..maps.state import State, lose_unphysical
from ..mesh.particle_mesh import stencil
from .particles import Particles, find_pushed


def particles_of(state: State, data: Any) -> Particles:
    """Particles as they are tracked best where there are derivatives.

    Args:
        data: all that they will meet, and on which derivatives may depend.
    """
    pushed = find_pushed(state, data)
    if pushed is None:
        return Particles(state)
    return DualParticles(state, tuple(sorted({d for t in pushed for d in t.directions})))


class DualParticles(Particles):
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
        """View as tensors, which share memory with the arrays here."""
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
            tangents[i, rows] = self._tangents_along(coordinates[i])
        self._tangents = tangents

    @property
    def alive(self) -> Tensor:
        """Mask of the particles alive."""
        return self._alive

    def lose(self, alive: Tensor) -> None:
        """Keep those alone that are alive here too."""
        self._alive = alive

    def traverse(self, element: Element, part: Part, reference: Reference) -> Particles:
        """Move through a part of an element."""
        operations = _record_kernels(element, part, reference)
        if operations is None:
            return super().traverse(element, part, reference)
        if part.start == 0:
            self._alive = lose_unphysical(self._plain()).alive
        for map, parameters in operations:
            self._move(map, parameters)
        return self

    def _move(self, map: Map, parameters: Sequence[Any]) -> None:
        columns = [*self._columns]
        if map.noisy:
            *parameters, stream = parameters
            columns[4] = stream.draw(len(columns[4])).astype(columns[4].dtype, copy=False)
        own = parameters[: len(parameters) - len(map.constants)]
        self._meet(*own)
        if self._met:
            self._moving.update(moves(map))
        moving = self._moving - {4} if map.noisy else self._moving
        tangents = [t if i in moving else self._still for i, t in enumerate(self._tangents)]
        numbers, shifts = [to_float(p) for p in parameters], [self._tangents_along(p) for p in own]
        push(map, columns, self._alive.numpy(), numbers, self._rows(), tangents, shifts)

    def field(self, effect: CollectiveEffect, beam: Beam, place: Place, memory: Any) -> Any:
        """Admit particles to an effect, and find the field that they make."""
        kick = effect.fused()
        if kick is None or beam.weights is not None:
            return super().field(effect, beam, place, memory)
        self._alive = answers.admit(effect, self._plain()).alive
        return kick.strength(beam, self._deposit(kick, beam))

    def respond(self, effect: CollectiveEffect, field: Any, place: Place) -> Particles:
        """Respond to a field."""
        kick = effect.fused()
        if kick is None:
            return super().respond(effect, field, place)
        dtype = torch.from_numpy(self._columns).dtype
        if field.dtype != dtype:  # of a beam in another precision
            field = field.to(dtype)
        self._meet(field, place.ds)
        if self._met:
            self._moving.update((1, 3))
        x, px, y, py, _, _ = self._columns
        dx, dpx, dy, dpy, _, _ = self._tangents
        kernels.kick_push(
            stencil(kick.mesh),
            to_float(place.ds),
            x,
            y,
            self._alive.numpy(),
            (px, py),
            array(value_of(field)),
            self._rows(),
            (dx, dy, dpx, dpy),
            self._tangents_along(field),
            self._tangents_along(place.ds),
        )
        return self

    def _deposit(self, kick: MeshKick, beam: Beam) -> Tensor:
        """Deposit the particles here: shares of the beam in the cells."""
        x, _, y, _, _, _ = self._columns
        dx, _, dy, _, _, _ = self._tangents
        met = self._met if kick.response else ()
        share, rows = np.full(1, 1 / beam.particles, x.dtype), self._rows()[: len(met)]
        places = (x, y, self._alive.numpy(), share)
        sheet = stencil(kick.mesh)
        grids = torch.from_numpy(kernels.deposit_push(sheet, *places, rows, (dx, dy, self._still)))
        return Pushed.make(grids[0], grids[1:], met) if met else grids[0]

    def _plain(self) -> State:
        """Drop the tangents."""
        return State(tuple(map(torch.from_numpy, self._columns)), self._alive)

    def _rows(self) -> Any:
        """Rows of the tangents of the directions that act."""
        return np.array([self._directions.index(d) for d in self._met], np.int64)

    def _meet(self, *numbers: Any) -> None:
        found = {d for number in numbers if isinstance(number, Pushed) for d in number.directions}
        self._met = tuple(sorted(found.union(self._met)))

    def _tangents_along(self, number: Any) -> Any:
        """The tangents of a number or an array in the directions that act, (K, ...)."""
        if isinstance(number, Pushed):
            return array(tangents_along(number, self._met))
        count = len(self._met)
        if not isinstance(number, Tensor):
            return np.zeros(count)
        return np.zeros((count, *number.shape), array(number).dtype)


def _record_kernels(element: Element, part: Part, reference: Reference) -> list[Operation] | None:
    """Record a part of an element, if it has kernels and loses no particle."""
    if not element.transmits_all or isinstance(reference.p0c, Tensor):
        return None
    found = memoize(record, element, reference, part)
    return found if all(map.array_kernels for map, _ in found) else None
