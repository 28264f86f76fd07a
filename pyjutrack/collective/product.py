"""Kicks by a potential that is one across the bunch, times a function along it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.scalars import has_numbers, tensor_like
from ..maps.state import State
from ..mesh.grid import Mesh
from ..mesh.line import Line, add_line, add_line_in_place
from ..mesh.line import admit as admit_on_line
from ..mesh.particle_mesh import inside, kick, read, read_slopes
from .base import Place


class ProductPotential(NamedTuple):
    """H(x, y) f(z), whose slopes are kicks per metre.

    Attributes:
        mesh: of H. line: of f, with the shape function of the mesh.
        across: H at the nodes of the mesh, `mesh.grid.padded_shape`.
        along: f at those of the line, (nodes,).
    """

    mesh: Mesh
    line: Line
    across: Tensor
    along: Tensor

    @property
    def is_plain(self) -> bool:
        """Whether it has no derivatives."""
        return has_numbers(self.across) and has_numbers(self.along)


def kick_by_product(state: State, field: ProductPotential, place: Place) -> State:
    """Kick particles by the slopes of a product; none off its mesh and its line is kicked."""
    x, px, y, py, z, delta = state.coordinates
    mesh, line, across, along = field
    across = across.to(x.dtype)
    on_line = admit_on_line(line, z, state.alive)
    active = on_line & inside(mesh.grid, x.detach(), y.detach())
    still, factor = torch.zeros_like(x), -tensor_like(place.ds, x)
    slope_x, slope_y = kick(mesh, x, y, active, still, still, across, factor)
    height = factor * read(mesh, x, y, active, across)
    return State(
        (
            *(x, add_line(line, z, active, px, along, -slope_x)),
            *(y, add_line(line, z, active, py, along, -slope_y)),
            *(z, add_line(line, z, active, delta, along, height, order=1)),
        ),
        state.alive,
    )


def kick_by_product_in_place(
    columns: Sequence[NDArray[Any]], alive: Tensor, field: ProductPotential, ds: float
) -> None:
    """Do it to particles that are plain numbers, six columns (N,), in place."""
    x, px, y, py, z, delta = columns
    mesh, line, across, along = field
    on_line = admit_on_line(line, torch.from_numpy(z), alive)
    active = (on_line & inside(mesh.grid, torch.from_numpy(x), torch.from_numpy(y))).numpy()
    across = across.to(torch.from_numpy(x).dtype)
    height, slope_x, slope_y = -ds * read_slopes(mesh, x, y, active, across)
    add_line_in_place(line, z, active, px, along, slope_x)
    add_line_in_place(line, z, active, py, along, slope_y)
    add_line_in_place(line, z, active, delta, along, height, order=1)
