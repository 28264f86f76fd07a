"""A learned boundary: what walls other than those of the solver add to the potential."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.checks import require_real, require_whole
from ..core.errors import InvalidValueError
from ..core.storage import storable
from ..mesh.operators import Operators
from .corrections import Correction
from .poisson import Potential, require_potential

Array = NDArray[np.float64]

#: orders above are noise: ((r / radius)^n)
_ORDERS = 64


@storable
@dataclass(frozen=True, eq=False)
class ImageCharges(Correction):
    """A solver, and the image charges of walls that are to be learned.

    Two Green's functions of the Laplacian with different walls differ by a function that is
    harmonic inside both walls and symmetric in place and source. So whatever the true walls,

        H = H_solver + sum over j, k of C_jk P_j(x, y) <P_k>,   C symmetric,

    with P_0 = 1, P_(2n-1) and P_(2n) the real and the imaginary part of ((x + iy) / radius)^n, and
    <P> the moments of the density. C_0j is the kick of the walls on a beam as a whole, which
    displaced walls make; C_03 is Laslett's incoherent image, and makes his coherent ones with C_11
    and C_22. The series converges within the largest circle about the axis that lies within both
    walls; in a round pipe of radius R by r r' / R^2 an order, for charge at r' and a particle at r.

    Particles are still lost at the walls of the solver: place an `Aperture` where others stand.
    The smoothing by the shape functions drops out of harmonic functions on square cells. On others,
    of side h, it changes them by some (n h / radius)^2 / 6.

    Attributes:
        solver: what gives the field within its own walls; any potential.
        order: highest n.
        radius: where the P are of size one [m]: a scale of the weights, no limit. By default half
            of the smaller side of the grid.
        weights: (P,), C_jk [1] for j <= k without C_00, row by row: see `pairs`. Zero if left out.

    Raises:
        InvalidValueError: an order or a radius that cannot be, weights of another number.

    Sources: J. D. Jackson, Classical Electrodynamics, 3rd ed., sec. 1.10 (Green's functions and
    their harmonic part) and 2.11 (harmonic functions of the plane in polar coordinates);
    L. J. Laslett, Proc. 1963 Summer Study on Storage Rings, BNL-7534, p. 324 (images of a beam).
    """

    solver: Potential
    order: int = 4
    radius: float | None = None
    weights: Tensor = None  # type: ignore[assignment]  # zeros

    linear = True
    linear_in_weights = True

    def __post_init__(self) -> None:
        require_potential(self.solver, "solver")
        require_whole("order", self.order, 1)
        if self.order > _ORDERS:
            raise InvalidValueError(f"order must not be above {_ORDERS}, got {self.order}")
        if isinstance(self.radius, Tensor):
            raise InvalidValueError(
                f"radius is a scale of the weights, and no tensor: {self.radius}; vary the weights"
            )
        if self.radius is not None:
            require_real("radius", self.radius)
        radius = min(self.mesh.grid.size) / 2 if self.radius is None else self.radius
        if not (math.isfinite(radius) and radius > 0):
            raise InvalidValueError(f"radius must be positive and finite, got {radius} m")
        object.__setattr__(self, "radius", float(radius))
        self._settle(torch.zeros(len(self.pairs), dtype=torch.float64))

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(j, k) of each weight, in their order."""
        size = 2 * self.order + 1
        return [(j, k) for j in range(size) for k in range(j, size) if k > 0]

    @cached_property
    def _operators(self) -> Operators:
        """Powers of x and y at the padded nodes, the P in them, and C by the weights."""
        assert self.radius is not None
        in_x, in_y = (
            (self.mesh.grid.nodes(axis, ghosts=True) / self.radius)
            ** np.arange(self.order + 1)[:, None]
            for axis in (0, 1)
        )
        return Operators(in_x, in_y, _harmonics(self.order), self._symmetric())

    def _symmetric(self) -> Array:
        """C, its rows one after another, by the weights: (P, harmonics^2)."""
        size = 2 * self.order + 1
        table = np.zeros((len(self.pairs), size, size))
        for place, (j, k) in enumerate(self.pairs):
            table[place, j, k] = table[place, k, j] = 1.0
        return table.reshape(len(table), -1)

    def term(self, fractions: Tensor, weights: Tensor) -> Tensor:
        """See `Correction`."""
        in_x, in_y, harmonics, symmetric = self._operators.tensors(weights.dtype, weights.device)
        moments = (in_x @ fractions @ in_y.mT).flatten(-2) @ harmonics
        size = moments.shape[-1]
        strengths = moments.unsqueeze(-2) @ (weights @ symmetric).unflatten(-1, (size, size))
        strengths = strengths.squeeze(-2)
        powers = (strengths @ harmonics.mT).unflatten(-1, (len(in_x), len(in_y)))
        return in_x.mT @ powers @ in_y


def _harmonics(order: int) -> Array:
    """The P as polynomials: coefficients of x^a y^b in rows a (order + 1) + b."""
    table = np.zeros((order + 1, order + 1, 2 * order + 1))
    table[0, 0, 0] = 1.0
    for n in range(1, order + 1):
        for b in range(n + 1):
            turn = (1, 1, -1, -1)[b % 4]  # i^b, real for even b and imaginary for odd
            table[n - b, b, 2 * n - 1 + b % 2] = turn * math.comb(n, b)
    return table.reshape((order + 1) ** 2, -1)
