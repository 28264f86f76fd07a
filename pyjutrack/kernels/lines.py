"""The kernels of lines over all particles: memory, threads and sums. Arrays in, arrays out."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import parallel

Array = NDArray[Any]

#: work of a particle beside that of a kick in two dimensions
_WORK = 0.3
#: that of looking where it is
_SIGHT = 0.1


@cache
def _kernels() -> ModuleType:
    from . import line_kernels  # late: it takes a moment to load

    return line_kernels


class LineStencil(NamedTuple):
    """A line and its shape function as the kernels want them.

    Attributes:
        nodes: how many, ghosts included.
        origin: position of node 1 [m], and `rate`, 1/spacing [1/m].
        coefficients: of the shape function or of its derivative by position, (4, 4).
    """

    nodes: int
    origin: float
    rate: float
    coefficients: Array

    @property
    def cells(self) -> int:
        """How many there are in which a particle has its four nodes."""
        return self.nodes - 3


def spread(s: LineStencil, z: Array, active: Array, weights: Array, factors: Array) -> Array:
    """A line of sum_p w_p f_p W(z_p), (nodes,), of weights and factors (N,), or (1,) for all."""
    share = parallel.parts(z.size, _WORK)
    sums = np.zeros((share, s.cells, 4))
    args = (z, active, weights, factors, s.origin, s.rate, sums)
    parallel.run(_kernels().spread, z.size, share, *args)
    line = np.zeros(s.nodes)
    for node, amounts in enumerate((sums.sum(0) @ s.coefficients.T).T):
        line[node : node + s.cells] += amounts
    return line.astype(z.dtype, copy=False)


def add(
    s: LineStencil,
    z: Array,
    active: Array,
    weights: Array,
    factors: Array,
    line: Array,
    column: Array,
) -> None:
    """Add w f times a line (nodes,), read at every particle, to a column (N,), in place."""
    args = (z, active, weights, factors, _pieces(s, line), s.origin, s.rate, column)
    parallel.run(_kernels().add, z.size, parallel.parts(z.size, _WORK), *args)


def kick(
    s: LineStencil,
    z: Array,
    active: Array,
    factors: Array,
    offset: Array,
    line: Array,
    share: float,
    momentum: Array,
    delta: Array,
) -> None:
    """Add f times a line to a momentum, and a share of f times offset times its slope to delta.

    In place; factors as for `add`.
    """
    form = _pieces(s, line), share, s.origin, s.rate
    args = (z, active, factors, offset, *form, momentum, delta)
    parallel.run(_kernels().kick, z.size, parallel.parts(z.size, _WORK), *args)


def _pieces(s: LineStencil, line: Array) -> Array:
    """The cubics of a line (nodes,), cell by cell, (cells, 4)."""
    double = np.ascontiguousarray(line, np.float64)
    # what `sliding_window_view` makes in twenty times as long
    near = np.ndarray((s.cells, 4), np.float64, double, 0, (double.itemsize,) * 2)
    return np.asarray(near @ s.coefficients)


def gather(
    s: LineStencil, z: Array, active: Array, weights: Array, factors: Array, line: Array
) -> Array:
    """The same, (N,); zero where not `active`."""
    column = np.zeros(z.size, z.dtype)
    add(s, z, active, weights, factors, line, column)
    return column


def bound(z: Array, alive: Array) -> tuple[float, float]:
    """Lowest and highest position of the live particles; infinite where none lives."""
    share = parallel.parts(z.size, _SIGHT)
    out = np.empty((share, 2))
    parallel.run(_kernels().bound, z.size, share, z, alive, out)
    return float(out[:, 0].min()), float(out[:, 1].max())
