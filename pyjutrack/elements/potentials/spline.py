"""A potential on a grid of cubic B-splines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from ... import maps
from ...core.errors import InvalidValueError
from ...core.scalars import has_numbers
from ...maps.base import Map
from ...maps.program import NotRecordedError
from ...mesh.grid import Grid, Mesh
from ...mesh.particle_mesh import inside, interpolate, kick
from ...mesh.shapes import BSPLINE
from .base import form, positive

#: splines at each wall that reach beyond it, ghosts of the grid included
_MARGIN = 4
#: sides above this were not written in metres [m]
_FAR = 10.0


@form
@dataclass(frozen=True)
class Spline:
    """H(x, y) = unit sum_ij w_ij B(x - x_i) B(y - y_j), cubic B-splines on a rectangle.

    Only splines that lie in the rectangle as a whole have weights, so that H and its slopes fall
    to zero at its edge, and stay zero beyond: the kick is continuously differentiable everywhere.
    Linear in the weights, which are in the order of the grid, y fastest.

    Attributes:
        size: full width and height of the rectangle, centred on the axis, 10 m or less [m].
        shape: cells in x and y, at least 8; the weights are four fewer a side.
        unit: what a weight of one stands for [m].

    Raises:
        InvalidValueError: any of these is not so.

    Source: M. Unser, Splines: a perfect fit, IEEE Signal Proc. Mag. 16 (1999) 22.
    """

    size: tuple[float, float] = (0.02, 0.02)
    shape: tuple[int, int] = (12, 12)
    unit: float = 1e-6
    #: with kernels
    map: ClassVar[Map] = maps.spline_kick

    def __post_init__(self) -> None:
        Grid(self.size, self.shape)
        if max(self.size) > _FAR:
            raise InvalidValueError(
                f"size must not be above {_FAR:g} m, got {self.size!r}: is it in metres?"
            )
        positive("unit", self.unit)
        # plain data, for files
        object.__setattr__(self, "size", tuple(map(float, self.size)))
        object.__setattr__(self, "shape", tuple(map(int, self.shape)))

    @cached_property
    def _mesh(self) -> Mesh:
        return Mesh(Grid(self.size, self.shape), BSPLINE)

    @property
    def free(self) -> tuple[int, int]:
        """Weights in x and y."""
        return self.shape[0] - _MARGIN, self.shape[1] - _MARGIN

    @property
    def count(self) -> int:
        """See `Form`."""
        return self.free[0] * self.free[1]

    def start(self) -> Tensor:
        """See `Form`."""
        return torch.zeros(self.count, dtype=torch.float64)

    def value(self, weights: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """See `Form`."""
        everywhere = torch.ones_like(x, dtype=torch.bool)
        return interpolate(self._mesh, x, y, everywhere, self._grid(weights, x))[0]

    def slopes(
        self, weights: Tensor, x: Tensor, y: Tensor, z: Tensor
    ) -> tuple[Tensor, Tensor, None]:
        """See `Form`."""
        within = inside(self._mesh.grid, x.detach(), y.detach())
        none = torch.zeros_like(x.detach())
        against = none.new_full((), -1.0)
        return *kick(self._mesh, x, y, within, none, none, self._grid(weights, x), against), None

    def numbers(self, weights: Tensor) -> list[float]:
        """Numbers that the kernels of `spline_kick` read beside the strength.

        Raises:
            NotRecordedError: the weights carry derivatives, or are on another device.
        """
        if not has_numbers(weights):
            raise NotRecordedError("weights that carry derivatives are no plain numbers")
        grid, used = self._mesh
        halves = [side / 2 for side in self.size]
        polynomials = [c for node in used.coefficients for c in node]
        values = self._grid(weights, weights.double()).ravel().tolist()
        return [*halves, *self._mesh.geometry, float(grid.padded_shape[1]), *polynomials, *values]

    def _grid(self, weights: Tensor, like: Tensor) -> Tensor:
        if weights.shape[-1] != self.count:
            raise InvalidValueError(f"{self} has {self.count} weights, got {weights.shape[-1]}")
        free = (self.unit * weights.to(like.dtype)).reshape(self.free)
        return torch.nn.functional.pad(free, [_MARGIN] * 4)
