"""A line of cells along the bunch, and how particles are spread over it and read it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..autodiff.operator import array
from ..core.checks import require_real, require_whole
from ..core.errors import InvalidValueError
from ..core.scalars import has_numbers, layers
from ..kernels import lines as kernels
from . import line_operators
from .grid import GHOSTS
from .shapes import BSPLINE, Shape

Array = NDArray[Any]

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

    @property
    def origin(self) -> float:
        """Place from which particles count cells, each with its four nodes [m]."""
        # past the offset of cell i a particle has its first node at padded index i - 1 + GHOSTS;
        # cells are counted from that for which this is 0
        return self.start + (1.5 - GHOSTS + self.shape.offset) * self.spacing

    def positions(self) -> NDArray[np.float64]:
        """Positions of all nodes, ghosts included [m]."""
        return np.asarray(
            self.start + (np.arange(-GHOSTS, self.cells + GHOSTS) + 0.5) * self.spacing
        )

    def stencils(self, order: int) -> tuple[kernels.LineStencil, kernels.LineStencil]:
        """The line as kernels want it, for derivatives of the shape function of two orders."""
        return _stencils(self, order)

    def inside(self, z: Tensor) -> Tensor:
        """Mask the particles on the line, ends included; NaN counts as outside."""
        return (z >= self.start) & (z <= self.stop)


@lru_cache(64)  # turn by turn it is the same
def _stencils(line: Line, order: int) -> tuple[kernels.LineStencil, kernels.LineStencil]:
    origin, rate = line.origin, 1 / line.spacing
    tables = (line.shape.slopes(power) * rate**power for power in (order, order + 1))
    here, moved = (kernels.LineStencil(line.nodes, origin, rate, table) for table in tables)
    return here, moved


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


def bounds(z: Tensor, alive: Tensor) -> tuple[float, float]:
    """Lowest and highest position of live particles (..., N); infinite where none lives.

    Not finite, one or both, where a position of a live particle is not. Under a transform of
    `torch.func`, those of all that it runs over.
    """
    place = z.detach()
    if _is_plain(place, alive):
        return kernels.bound(array(place), array(alive))
    *_, low = layers(torch.where(alive, place, math.inf).amin(-1))
    *_, high = layers(torch.where(alive, place, -math.inf).amax(-1))
    return float(low.min()), float(high.max())


def admit(line: Line, z: Tensor, alive: Tensor) -> Tensor:
    """Mask the live particles that are on the line."""
    return _hold(line.start, line.stop, z.detach(), alive)


def admit_finite(z: Tensor, alive: Tensor) -> Tensor:
    """Mask the live particles whose places are numbers."""
    largest = torch.finfo(z.dtype).max
    return _hold(-largest, largest, z.detach(), alive)


def _hold(low: float, high: float, z: Tensor, alive: Tensor) -> Tensor:
    if _is_plain(z, alive):
        least, most = bounds(z, alive)
        if low <= least and most <= high:
            return alive  # all of them, as where the line follows them: a pass in place of four
    return alive & (z >= low) & (z <= high)


def _is_plain(z: Tensor, alive: Tensor) -> bool:
    return has_numbers(z) and has_numbers(alive) and z.dim() == alive.dim() == 1


def spread(line: Line, z: Tensor, active: Tensor, weights: Tensor, *factors: Tensor) -> Tensor:
    """Spread weights over a line: sum_p w_p f_p W(z_p - node), (..., nodes).

    Args:
        z: positions (..., N) [m]; active: the mask of those that count, all of them on the line.
        weights: (..., N), or (1,) for all alike, any unit; factors: the same, one or none.
    """
    return line_operators.spread(line.stencils(0), z, active, weights, *(factors or (_one(z),)))[0]


def gather(line: Line, z: Tensor, active: Tensor, values: Tensor, order: int = 0) -> Tensor:
    """Read values at the nodes (..., nodes) at particles, (..., N); zero where not `active`.

    Args:
        order: of the derivative by z that is read [1/m^order].
    """
    return add_line(line, z, active, torch.zeros_like(z), values, order=order)


def add_line(
    line: Line,
    z: Tensor,
    active: Tensor,
    column: Tensor,
    values: Tensor,
    *factors: Tensor,
    order: int = 0,
) -> Tensor:
    """Add a line, read at particles as by `gather`, times factors to a column, (..., N).

    Args:
        column: as it is where not `active`.
        factors: two at most, (..., N).
    """
    one, other = [*factors, _one(z), _one(z)][:2]
    found = line_operators.add(
        line.stencils(order), z, active, column, one, other, values.to(z.dtype)
    )
    return found[0]


def add_line_in_place(
    line: Line,
    z: Array,
    active: Array,
    column: Array,
    values: Tensor,
    *factors: Array,
    order: int = 0,
) -> None:
    """Add a line without derivatives to a column, as `add_line` does, in place."""
    one, other = [*factors, np.ones(1, z.dtype), np.ones(1, z.dtype)][:2]
    kernels.add(line.stencils(order)[0], z, active, one, other, array(values), column)


def kick_line_in_place(
    line: Line,
    z: Array,
    active: Array,
    values: Tensor,
    offset: Array,
    factors: Sequence[Array],
    share: float,
    momentum: Array,
    delta: Array,
) -> None:
    """Add a line times factors, one or none, to a momentum, in place, and its slope to delta.

    That by z [1/m], times a share of the factors and an offset.
    """
    (factor,) = factors or [np.ones(1, z.dtype)]
    near = line.stencils(0)[0], z, active, factor, offset, array(values)
    kernels.kick(*near, share, momentum, delta)


def _one(like: Tensor) -> Tensor:
    return torch.ones(1, dtype=like.dtype, device=like.device)
