"""The kernels of lines over all particles: memory, threads and sums. Arrays in, arrays out."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import parallel

Array = NDArray[Any]


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


def spread(s: LineStencil, z: Array, active: Array, weights: Array) -> Array:
    """Lines of sum_p w_p W(z_p), (R, nodes), of weights (R, N)."""
    share = parallel.parts(z.size)
    out = np.zeros((share, len(weights), s.nodes))
    args = (z, active, weights, s.origin, s.rate, s.coefficients, out)
    kernels = _kernels()
    kernel = kernels.spread_one if len(weights) == 1 else kernels.spread
    parallel.run(kernel, z.size, share, *args)
    return out.sum(0).astype(z.dtype, copy=False)


def gather(s: LineStencil, z: Array, active: Array, lines: Array) -> Array:
    """Lines (R, nodes) read at every particle, (R, N)."""
    out = np.empty((len(lines), z.size), z.dtype)
    args = (z, active, lines, s.origin, s.rate, s.coefficients, out)
    kernels = _kernels()
    kernel = kernels.gather_one if len(lines) == 1 else kernels.gather
    parallel.run(kernel, z.size, parallel.parts(z.size), *args)
    return out


def gather_two(s: LineStencil, z: Array, active: Array, line: Array) -> Array:
    """A line (nodes,) read at every particle, and its slope by position; (2, N)."""
    out = np.empty((2, z.size), z.dtype)
    args = (z, active, line, s.origin, s.rate, s.coefficients, out)
    parallel.run(_kernels().gather_two, z.size, parallel.parts(z.size), *args)
    return out
