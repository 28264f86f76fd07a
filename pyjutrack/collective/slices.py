"""What effects have in common that act slice by slice, in the box of a solver in x and y."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.scalars import tensor_like
from ..core.special import on_host
from ..maps.state import State
from ..mesh.box import Box, admit, kick, kick_in_place
from ..mesh.grid import Grid, Mesh
from ..mesh.line import Line
from ..mesh.line import admit as admit_on_line
from ..mesh.operators import Operators
from ..mesh.staircase import refuse_staircase
from .base import CollectiveEffect, Place
from .bunches import Potential3D, is_in_place, join_beams
from .poisson import Potential


class MeshEffect(CollectiveEffect):
    """An effect by a potential over x and y, in the box of its mesh."""

    models: ClassVar[str] = "space charge"

    potential: Potential

    @property
    def mesh(self) -> Mesh:
        """The mesh of the potential."""
        return self.potential.mesh

    def check_differentiable(self) -> None:
        """Raise InvalidValueError for a shape whose kick has no derivative."""
        refuse_staircase(self.mesh)

    def admit(self, state: State) -> State:
        """Particles outside the box of the potential are lost."""
        return lose_outside(self.mesh.grid, state)


class SlicedEffect(MeshEffect):
    """An effect whose field is a potential on a `slice_box`, one a beam of a batch."""

    def apply(self, state: State, field: Sequence[Potential3D], place: Place) -> State:
        """Kick particles by a field over a slice of an element; none outside the line is kicked."""
        refuse_staircase(self.mesh, *state.coordinates)
        return join_beams(kick_slices, state, field, place)

    def apply_in_place(
        self,
        columns: Sequence[NDArray[Any]],
        alive: Tensor,
        field: Sequence[Potential3D],
        place: Place,
    ) -> bool:
        """Kick particles that are plain numbers."""
        if type(self).apply is not SlicedEffect.apply or not is_in_place(field, place):
            return False
        (box, values), (x, px, y, py, z, delta) = field[0], columns
        active = admit(box, [torch.from_numpy(column) for column in (z, x, y)], alive).numpy()
        kick_in_place(box, (z, x, y), active, (delta, px, py), values, float(place.ds))
        return True


def slice_box(mesh: Mesh, line: Line) -> Box:
    """The box of a line along the bunch and a mesh across, in the order z, x, y."""
    grid, used = mesh
    across = zip(grid.size, grid.shape, strict=True)
    return Box(
        line._replace(shape=used), *(Line(-size / 2, size / 2, n, used) for size, n in across)
    )


@cache
def _sides(grid: Grid) -> Operators:
    """Half the width and height of a box."""
    return Operators(np.array(grid.size) / 2)


def lose_outside(grid: Grid, state: State) -> State:
    """Particles outside the box of a grid are lost."""
    x, _, y, *_ = state.coordinates
    alive = state.alive
    if not on_host(x):  # in few operations, each of them a launch
        (sides,) = _sides(grid).tensors(x.dtype, x.device)
        away = torch.stack((x.detach(), y.detach())).abs()
        within = (away <= sides.reshape(2, *[1] * x.dim())).all(0)
        return State(state.coordinates, alive & within)
    for place, size, cells in zip((x, y), grid.size, grid.shape, strict=True):
        alive = admit_on_line(Line(-size / 2, size / 2, cells), place, alive)
    return State(state.coordinates, alive)


def kick_slices(state: State, field: Potential3D, place: Place) -> State:
    """Kick particles by the slopes of a potential on a `slice_box`; none off its line is kicked."""
    x, px, y, py, z, delta = state.coordinates
    at, momenta = (z, x, y), (delta, px, py)
    active = admit(field.box, at, state.alive)
    ds = tensor_like(place.ds, x)
    delta, px, py = kick(field.box, at, active, momenta, field.values, ds)
    return State((x, px, y, py, z, delta), state.alive)


def unsmooth(line: Line, values: Any, times: int) -> NDArray[np.float64]:
    """Undo the smoothing of values at the nodes by the shape function, so many times."""
    matrix = sum(w * np.eye(line.nodes, k=k - 1) for k, w in enumerate(line.shape.on_node))
    for _ in range(times):
        values = np.linalg.solve(np.asarray(matrix), values)
    return np.asarray(values)
