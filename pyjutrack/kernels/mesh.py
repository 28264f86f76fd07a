"""The mesh kernels over all particles: memory, threads and sums. Arrays in, arrays out."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import parallel

Array = NDArray[Any]
Columns = tuple[Array, ...]


@cache
def _kernels() -> ModuleType:
    from . import mesh_kernels  # late: it takes a moment to load

    return mesh_kernels


@cache
def _tangent_kernels() -> ModuleType:
    from . import mesh_tangents  # late: it takes a moment to load

    return mesh_tangents


class Stencil(NamedTuple):
    """Grid and shape function as the kernels want them.

    Attributes:
        shape: of the padded grid.
        geometry: position of its node 1 in x and y, 1/spacing in x and y.
        coefficients: of the shape function, (4, 4).
    """

    shape: tuple[int, int]
    geometry: tuple[float, float, float, float]
    coefficients: Array


def mask_inside(sides: tuple[float, float], x: Array, y: Array, alive: Array) -> tuple[Array, int]:
    """Mask of the live particles in a box, (N,), and the number of live ones outside."""
    share = parallel.parts(x.size)
    out, missing = np.empty_like(alive), np.zeros(share, np.int64)
    args = (x, y, alive, sides[0] / 2, sides[1] / 2, out, missing)
    parallel.run(_kernels().mask_inside, x.size, share, *args)
    return out, int(missing.sum())


def deposit(s: Stencil, x: Array, y: Array, active: Array, w: Array) -> Array:
    """Grid of sum_p w_p W(x_p) W(y_p)."""
    share = parallel.parts(x.size)
    out = np.empty((share, s.shape[0] * s.shape[1]))
    args = (x, y, active, w, s.geometry, s.coefficients, s.shape[1], out)
    parallel.run(_kernels().deposit, x.size, share, *args)
    return _sum(out, x.dtype).reshape(s.shape)


def deposit_push(
    s: Stencil, x: Array, y: Array, active: Array, w: Array, rows: Array, tangents: Columns
) -> Array:
    """`deposit` and its tangents by x, y and w, (1 + K, nx, ny)."""
    share, count = parallel.parts(x.size), 1 + len(rows)
    out = np.zeros((share, count * s.shape[0] * s.shape[1]))
    args = (x, y, active, w, rows, *tangents, s.geometry, s.coefficients, s.shape[1], out)
    parallel.run(_tangent_kernels().deposit_push, x.size, share, *args)
    return _sum(out, x.dtype).reshape(count, *s.shape)


def gather(s: Stencil, x: Array, y: Array, active: Array, g: Array) -> Array:
    """Value and both slopes of a grid at every particle, (3, N)."""
    out = np.empty((3, x.size), x.dtype)
    args = (x, y, active, g, s.geometry, s.coefficients, out)
    parallel.run(_kernels().gather, x.size, parallel.parts(x.size), *args)
    return out


def kick(
    s: Stencil, factor: float, x: Array, y: Array, active: Array, px: Array, py: Array, g: Array
) -> Array:
    """Momenta minus factor times the slopes of a grid, (2, N)."""
    out = np.empty((2, x.size), x.dtype)
    args = (x, y, active, px, py, g, factor, s.geometry, s.coefficients, out)
    parallel.run(_kernels().kick, x.size, parallel.parts(x.size), *args)
    return out


def kick_push(
    s: Stencil,
    factor: float,
    x: Array,
    y: Array,
    active: Array,
    momenta: Columns,
    g: Array,
    rows: Array,
    tangents: Columns,
    dg: Array,
    dfactor: Array,
) -> None:
    """`kick` and its tangents, in place.

    Args:
        momenta: px and py (N).
        rows: where in the tangents the K directions stand.
        tangents: of x, y, px, py, (R, N) with rows for all directions, or (1, N) for x and y.
        dg: (K, nx, ny). dfactor: (K).
    """
    args = (x, y, active, *momenta, g, factor, rows, *tangents, dg, dfactor)
    share = parallel.parts(x.size)
    parallel.run(_tangent_kernels().kick_push, x.size, share, *args, s.geometry, s.coefficients)


def kick_cotangent(
    s: Stencil,
    factor: float,
    x: Array,
    y: Array,
    active: Array,
    g: Array,
    gradients: tuple[Array, Array],
    onto: tuple[Array, Array],
    momenta: tuple[Array, Array] | None = None,
) -> tuple[Array, float]:
    """Pull gradients back through `kick`, and invert it if momenta are given.

    Args:
        gradients: by px and py after the kick (N).
        onto: those by x and y (N), to which the pull-back is added in place.
        momenta: px and py (N) after the kick; overwritten by those before it.

    Returns:
        Gradients by the grid and by the factor.
    """
    share = parallel.parts(x.size)
    by_factor = np.zeros(share)
    grids = np.zeros((share, s.shape[0] * s.shape[1]))
    invert = momenta is not None
    args = (x, y, active, g, *gradients, factor, s.geometry, s.coefficients, *onto)
    kernel = _kernels().kick_cotangent
    none = np.empty(0, x.dtype)
    parallel.run(kernel, x.size, share, *args, *(momenta or (none, none)), invert, grids, by_factor)
    return _sum(grids, x.dtype).reshape(s.shape), float(by_factor.sum())


def add_slopes(
    s: Stencil, share: float, x: Array, y: Array, active: Array, g: Array, onto: tuple[Array, Array]
) -> None:
    """Add share times the slopes of a grid to two arrays (N), in place."""
    args = (x, y, active, g, share, s.geometry, s.coefficients, *onto)
    parallel.run(_kernels().add_slopes, x.size, parallel.parts(x.size), *args)


def _sum(parts: Array, dtype: Any) -> Array:
    """Convert what the threads summed in double precision to that of the particles."""
    total: Array = parts[0]
    for other in parts[1:]:
        total += other
    return total.astype(dtype, copy=False)
