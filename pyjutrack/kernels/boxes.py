"""The kernels of boxes over all particles: memory, threads and sums. Arrays in, arrays out."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import parallel

Array = NDArray[Any]
Columns = tuple[Array, Array, Array]

#: work of a particle beside that of a kick in two dimensions
_WORK = 4.0
#: particles a node, and a thread, from which slabs cost less than they spare; see `fold_slabs`
_MANY = 1.0


@cache
def _kernels() -> ModuleType:
    from . import box_kernels  # late: it takes a moment to load

    return box_kernels


class BoxStencil(NamedTuple):
    """A box and its shape function as the kernels want them.

    Attributes:
        shape: numbers of nodes, ghosts included.
        geometry: position of node 1 in x, y and z, 1/spacing in x, y and z.
        coefficients: of the shape function, (4, 4).
        met: see `Shape.met`.
    """

    shape: tuple[int, int, int]
    geometry: tuple[float, ...]
    coefficients: Array
    met: tuple[int, ...]

    @property
    def nodes(self) -> int:
        """How many in all."""
        return math.prod(self.shape)

    @property
    def steps(self) -> tuple[int, int]:
        """Steps along y and x in the flat array."""
        return self.shape[2], self.shape[1] * self.shape[2]


def deposit(s: BoxStencil, at: Columns, active: Array, w: Array) -> Array:
    """Box of sum_p w_p W(x_p) W(y_p) W(z_p)."""
    share = parallel.parts(active.size, _WORK)
    args = (*at, active, w, s.geometry, s.coefficients, s.met)
    if active.size < _MANY * share * s.nodes:
        out = np.empty((share, s.nodes))
        parallel.run(_kernels().deposit, active.size, share, *args, *s.steps, 1, out)
        return _sum(out, at[0].dtype).reshape(s.shape)
    nx, ny, nz = s.shape
    slabs, box = _aligned(share, 4 * s.nodes), np.empty(s.shape)
    steps = 4, 4 * ny, 4 * nx * ny
    parallel.run(_kernels().deposit, active.size, share, *args, *steps, slabs)
    slabs = slabs.reshape(share, nz, nx, ny, 4)
    parallel.run(_kernels().fold_slabs, nx, min(share, nx), slabs, box)
    return box.astype(at[0].dtype, copy=False)


def deposit_push(
    s: BoxStencil, at: Columns, active: Array, w: Array, tangents: tuple[Array, ...], count: int
) -> Array:
    """Tangents of `deposit` by x, y, z and w, (K, nx, ny, nz)."""
    share = parallel.parts(active.size, _WORK * count)
    out = np.zeros((share, count * s.nodes))
    args = (*at, active, w, *tangents, s.geometry, s.coefficients, *s.steps, s.nodes, out)
    parallel.run(_kernels().deposit_push, active.size, share, *args)
    return _sum(out, at[0].dtype).reshape(count, *s.shape)


def gather(s: BoxStencil, at: Columns, active: Array, g: Array) -> Array:
    """Value and three slopes of a box at every particle, (4, N)."""
    return _read(_kernels().gather, 4, s, at, active, g, s.met)


def curve(s: BoxStencil, at: Columns, active: Array, g: Array) -> Array:
    """Second derivatives of a box at every particle: xx, xy, xz, yy, yz, zz, (6, N)."""
    return _read(_kernels().curve, 6, s, at, active, g)


def kick(
    s: BoxStencil, factor: float, at: Columns, active: Array, momenta: Columns, g: Array
) -> Array:
    """Momenta minus factor times the slopes of a box, (3, N)."""
    out = np.stack(momenta)
    kick_in_place(s, factor, at, active, (out[0], out[1], out[2]), g)
    return out


def kick_in_place(
    s: BoxStencil, factor: float, at: Columns, active: Array, momenta: Columns, g: Array
) -> None:
    """Subtract factor times the slopes of a box from momenta."""
    form = s.geometry, s.coefficients, s.met, *s.steps
    args = (*at, active, *momenta, g.reshape(-1), factor, *form)
    parallel.run(_kernels().kick, active.size, parallel.parts(active.size, _WORK), *args)


def _read(
    kernel: Callable[..., Any],
    found: int,
    s: BoxStencil,
    at: Columns,
    active: Array,
    g: Array,
    *met: tuple[int, ...],
) -> Array:
    out = np.empty((found, active.size), at[0].dtype)
    args = (*at, active, g.reshape(-1), s.geometry, s.coefficients, *met, *s.steps, out)
    parallel.run(kernel, active.size, parallel.parts(active.size, _WORK), *args)
    return out


def _aligned(rows: int, columns: int) -> Array:
    """Make an array of rows that start, as every fourth number does, where vectors are aligned."""
    room = np.empty(rows * columns + 3)
    first = -(room.ctypes.data // 8) % 4
    return room[first : first + rows * columns].reshape(rows, columns)


def _sum(parts: Array, dtype: Any) -> Array:
    """Convert what the threads summed in double precision to that of the particles."""
    total: Array = parts[0]
    for other in parts[1:]:
        total += other
    return total.astype(dtype, copy=False)
