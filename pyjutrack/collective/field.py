"""The field of a potential at macroparticles, and how two such fields differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..core.checks import require_vectors, wrong
from ..core.errors import InvalidValueError
from ..mesh.grid import Mesh
from ..mesh.particle_mesh import deposit, inside, interpolate, require_mesh
from .poisson import Potential, require_potential


class Field(NamedTuple):
    """Slopes of H at particles, both (N,) [1/m]; the kick is against them.

    Attributes:
        along_x, along_y: dH/dx and dH/dy.
    """

    along_x: Tensor
    along_y: Tensor


def density(mesh: Mesh, x: Tensor, y: Tensor) -> Tensor:
    """The share of a beam at x and y (N,) [m] in each cell of the padded grid of a mesh."""
    require_mesh(mesh)
    require_vectors(x=x, y=y)
    everywhere = torch.ones_like(x, dtype=torch.bool)
    return deposit(mesh, x, y, everywhere, torch.full_like(x, 1 / len(x)))


def own_field(potential: Potential, x: Tensor, y: Tensor) -> Field:
    """The field that macroparticles at x and y (N,) [m] make at themselves.

    Args:
        potential: a solver, or a network in its place.

    Raises:
        InvalidValueError: none of them is in the box.
    """
    require_potential(potential, "potential")
    require_vectors(x=x, y=y)
    mesh = potential.mesh
    within = inside(mesh.grid, x, y)
    if not bool(within.any()):
        raise InvalidValueError(f"no particle is in the box of {mesh.grid.size} m")
    h = potential.solve(density(mesh, x, y)).to(x.dtype)
    return Field(*interpolate(mesh, x, y, within, h)[1:])


def field_error(ours: Sequence[Tensor], reference: Sequence[Tensor]) -> float:
    """rms difference of two fields over the particles, relative to the rms of the second.

    Args:
        ours, reference: slopes in x and y, as of `own_field`.
    """
    for name, field in (("ours", ours), ("reference", reference)):
        if not isinstance(field, (tuple, list)) or len(field) != 2:
            raise wrong(name, field, "a field: two tensors (N,)")
    require_vectors(
        **{f"{n}[{i}]": f[i] for n, f in (("ours", ours), ("reference", reference)) for i in (0, 1)}
    )
    size = sum(float((f * f).sum()) for f in reference)
    off = sum(float(((a - b) ** 2).sum()) for a, b in zip(ours, reference, strict=True))
    return math.sqrt(off / size)
