"""A line of cells along the bunch, and the adjoint pair between particles and it.

With one shape function W for both, <spread(w), g> = <w, gather(g)>, and the derivatives of either
are the other with a differentiated shape function: four operators of any order are two kernels.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..autodiff.operator import Maybe, Tensors, array, compiled_operator, tensors
from ..core.checks import require_real, require_whole
from ..core.errors import InvalidValueError
from ..kernels import lines as kernels
from .grid import GHOSTS
from .shapes import BSPLINE, Shape

#: lengths of lines that follow a bunch are powers of two to this: within a ninth of each other
_LENGTHS = 8


class Line(NamedTuple):
    """Even cells along z; values live at their centres.

    Attributes:
        start, stop: ends [m].
        cells: their number.
        shape: the shape function that joins particles to it.
    """

    start: float
    stop: float
    cells: int
    shape: Shape = BSPLINE

    @property
    def spacing(self) -> float:
        """Length of a cell [m]."""
        return (self.stop - self.start) / self.cells

    @property
    def nodes(self) -> int:
        """Number of values: the cells, and two ghosts a side."""
        return self.cells + 2 * GHOSTS

    def positions(self) -> NDArray[np.float64]:
        """Positions of all nodes, ghosts included [m]."""
        return np.asarray(
            self.start + (np.arange(-GHOSTS, self.cells + GHOSTS) + 0.5) * self.spacing
        )

    def inside(self, z: Tensor) -> Tensor:
        """Mask the particles on the line, ends included; NaN counts as outside."""
        return (z >= self.start) & (z <= self.stop)


def line_around(low: float, high: float, cells: int, margin: float = 0.1) -> Line:
    """A line that holds a bunch from `low` to `high` [m], with a margin of its length on both ends.

    Its length is a power of 2^(1/8), and its ends are multiples of a 64th of that: a bunch that
    changes a little has the same line, so that derivatives, for which the line stands still, are
    those of the function; where the line changes, results jump by its discretisation error.

    Raises:
        InvalidValueError: ends that are not finite or in the wrong order; fewer than 8 cells.
    """
    require_whole("cells", cells, 8)
    for name, end in (("low", low), ("high", high)):
        require_real(name, end)
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise InvalidValueError(f"a line must have finite ends in order, got {low} and {high} m")
    extent = max((high - low) * (1 + 2 * margin), 1e-12)
    length = 2.0 ** (math.ceil(_LENGTHS * math.log2(extent * (1 + 1 / 64))) / _LENGTHS)
    step = length / 64
    centre = round((low + high) / (2 * step)) * step
    return Line(centre - length / 2, centre + length / 2, cells)


def spread(line: Line, z: Tensor, active: Tensor, weights: Tensor) -> Tensor:
    """Spread weights over a line: sum_p w_p W(z_p - node), (..., nodes).

    Args:
        z: positions (..., N) [m]; active: the mask of those that count, all of them on the line.
        weights: (..., N), any unit.
    """
    return _spread((line, 0), z, active, weights.expand_as(z))[0]


def gather(line: Line, z: Tensor, active: Tensor, values: Tensor) -> Tensor:
    """Read values at the nodes (..., nodes) at particles, (..., N); zero where not `active`."""
    return _gather((line, 0), z, active, values)[0]


def gather_with_slope(
    line: Line, z: Tensor, active: Tensor, values: Tensor
) -> tuple[Tensor, Tensor]:
    """Read values as `gather` does, and the slope of that by z [1/m], in one pass."""
    value, slope = _gather_two(line, z, active, values)
    return value, slope


def _table(line: Line, order: int) -> NDArray[np.float64]:
    """The table of a derivative of the shape function by position, (4, 4)."""
    table = line.shape.table
    for _ in range(order):
        table = np.pad(table[:, 1:] * np.arange(1, 4), ((0, 0), (0, 1)))
    return table / line.spacing**order


def _stencil(line: Line, order: int) -> kernels.LineStencil:
    # a particle between the centres of cells i and i + 1 has its first node at padded index
    # i - 1 + GHOSTS; places are counted from the cell for which that is 0
    origin = line.start + (1.5 - GHOSTS) * line.spacing
    return kernels.LineStencil(line.nodes, origin, 1 / line.spacing, _table(line, order))


Static = tuple[Line, int]


def _near(static: Static, z: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
    """The four nodes near each particle and the weights there, (..., N, 4), in plain PyTorch."""
    stencil = _stencil(*static)
    u = (torch.where(active, z, stencil.origin) - stencil.origin) * stencil.rate
    first = u.detach().floor()
    u = u - first
    rows = []
    for c0, c1, c2, c3 in stencil.coefficients.tolist():
        rows.append(c0 + u * (c1 + u * (c2 + u * c3)))
    nodes = first.long().unsqueeze(-1) + torch.arange(4, device=z.device)
    return nodes, torch.stack(rows, -1)


def _rows(tangent: Tensor | None) -> list[Any]:
    return [] if tangent is None else [array(tangent)]


class _Spread:
    """Inputs z, active, weights."""

    ranks = (1, 1, 1)

    def plain(self, static: Static, *inputs: Tensor) -> Tensors:
        z, active, weights = inputs
        nodes, near = _near(static, z, active)
        amounts = torch.where(active, weights, 0.0).unsqueeze(-1) * near
        empty = amounts.new_zeros(*z.shape[:-1], static[0].nodes)
        return (empty.scatter_add(-1, nodes.flatten(-2), amounts.flatten(-2)),)

    def value(self, static: Static, inputs: Tensors) -> Tensors:
        z, active, weights = map(array, inputs)
        return (torch.from_numpy(kernels.spread(_stencil(*static), z, active, weights[None])[0]),)

    def push(
        self, static: Static, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        (line, order), (dz, _, dw) = static, tangents
        z, active, weights = map(array, inputs)
        rows = np.concatenate([weights[None], *_rows(dw)])
        found = kernels.spread(_stencil(line, order), z, active, rows)
        slopes = found[1:] if dw is not None else np.zeros((count, line.nodes), z.dtype)
        if dz is not None:
            moved = np.ascontiguousarray(weights * array(dz))
            slopes = slopes + kernels.spread(_stencil(line, order + 1), z, active, moved)
        return (torch.from_numpy(found[0].copy()),), (torch.from_numpy(slopes),)

    def cotangent(self, static: Static, inputs: Tensors, gradients: Tensors) -> Tensors:
        (line, order), (z, active, weights) = static, inputs
        (by_z,) = _GATHER.value((line, order + 1), (z, active, gradients[0]))
        (by_weight,) = _GATHER.value(static, (z, active, gradients[0]))
        return weights * by_z, by_weight


class _Gather:
    """Inputs z, active, values."""

    ranks = (1, 1, 1)

    def plain(self, static: Static, *inputs: Tensor) -> Tensors:
        z, active, values = inputs
        nodes, near = _near(static, z, active)
        found = values.expand(*z.shape[:-1], -1).gather(-1, nodes.flatten(-2))
        read = (found.reshape(near.shape) * near).sum(-1)
        return (torch.where(active, read, torch.zeros_like(read)),)

    def value(self, static: Static, inputs: Tensors) -> Tensors:
        z, active, values = map(array, inputs)
        return (torch.from_numpy(kernels.gather(_stencil(*static), z, active, values[None])[0]),)

    def push(
        self, static: Static, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        (line, order), (dz, _, dvalues) = static, tangents
        z, active, values = map(array, inputs)
        rows = np.concatenate([values[None], *_rows(dvalues)])
        found = kernels.gather(_stencil(line, order), z, active, rows)
        slopes = found[1:] if dvalues is not None else np.zeros((count, z.size), z.dtype)
        if dz is not None:
            along = kernels.gather(_stencil(line, order + 1), z, active, values[None])[0]
            slopes = slopes + along * array(dz)
        return (torch.from_numpy(found[0].copy()),), (torch.from_numpy(slopes),)

    def cotangent(self, static: Static, inputs: Tensors, gradients: Tensors) -> Tensors:
        (line, order), (z, active, values), (g,) = static, inputs, gradients
        (along,) = self.value((line, order + 1), (z, active, values))
        return g * along, _SPREAD.value(static, (z, active, g))[0]


class _GatherTwo:
    """Inputs z, active, values; the value and its slope by z."""

    ranks = (1, 1, 1)

    def plain(self, static: Line, *inputs: Tensor) -> Tensors:
        return *_GATHER.plain((static, 0), *inputs), *_GATHER.plain((static, 1), *inputs)

    def value(self, static: Line, inputs: Tensors) -> Tensors:
        z, active, values = map(array, inputs)
        return tensors(kernels.gather_two(_stencil(static, 0), z, active, values))

    def push(
        self, static: Line, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        found = [_GATHER.push((static, order), inputs, tangents, count) for order in (0, 1)]
        (values, pushed), (slopes, pushed_slopes) = found
        return values + slopes, pushed + pushed_slopes

    def cotangent(self, static: Line, inputs: Tensors, gradients: Tensors) -> Tensors:
        both = [_GATHER.cotangent((static, order), inputs, (gradients[order],)) for order in (0, 1)]
        return both[0][0] + both[1][0], both[0][1] + both[1][1]


_SPREAD, _GATHER = _Spread(), _Gather()
_spread = compiled_operator(_SPREAD)
_gather = compiled_operator(_GATHER)
_gather_two = compiled_operator(_GatherTwo())
