"""Compiled solution of a Poisson equation by sines, each parity by itself.

A sine with an odd number of half waves across the box is even about its middle, one with an even
number odd. Folded about the middle, a density falls into four quadrants of parities (in x, in y),
each with a quarter of the nodes and of the modes; together their matrix products cost half of the
plain ones. Where all modes count, each half is folded once more (`sine_axis`) and they cost half of
that.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import from_dtype, types
from numpy.typing import NDArray

from .jit import kernel
from .pointers import address, call
from .sine_folds import fold, unfold, unturn
from .sine_products import left_products, right_products


@kernel
def mix(a, blocks_x, blocks_y, p, q):
    """Mix sums and differences of even modes to the modes, or back."""
    if p == 0 and blocks_x == 2:
        half = a.shape[0] // 2
        for i in range(1, half):
            one, other = a[i], a[half + i]
            for j in range(one.size):
                s, c = one[j], other[j]
                one[j], other[j] = s + c, s - c
    if q == 0 and blocks_y == 2:
        half = a.shape[1] // 2
        for i in range(a.shape[0]):
            one, other = a[i, :half], a[i, half:]
            for j in range(1, half):
                s, c = one[j], other[j]
                one[j], other[j] = s + c, s - c


@kernel
def quadrants(
    part, start, stop, stages, fs, nx, ny, x, y, turned_x, turned_y, turns_x, turns_y, green, out
):
    """Potentials of quadrants `start` to `stop`, folded, (4 K, half nodes, half nodes).

    fs is (K, padded nx, padded ny); x, y, their transposes, turns and green are those of `Sines`.
    Quadrant 2 p + q of each density has parity p in x and q in y. `stages` has the addresses of
    fold, left_products, right_products, mix and unturn: each is compiled by itself, and once.
    """
    _, rows, columns = fs.shape
    _, deep, wide = out.shape
    _, modes_x, modes_y = green.shape
    flat, flat_out, cells = fs.reshape(fs.size), out.reshape(out.size), (nx, ny)
    nodes = np.zeros((deep, wide), fs.dtype)
    first = np.empty((modes_x, wide), fs.dtype)
    modes = np.empty((modes_x, modes_y), fs.dtype)
    room = (nx + 1) // 2 * wide if turns_x.size else 0
    folded, turned = np.zeros(room, fs.dtype), np.empty(room, fs.dtype)
    for place in range(start, stop):
        quadrant = place % 4
        p, q = quadrant // 2, quadrant % 2
        at = place // 4 * rows * columns
        call(stages[0], flat, at, rows, columns, cells, (p, q), turns_x, turns_y, folded, nodes)
        call(stages[1], x[p], nodes, first)
        call(stages[2], first, turned_y[q], modes)
        call(stages[3], modes, x.shape[1], y.shape[1], p, q)
        factors = green[quadrant]
        for m in range(modes_x):
            for n in range(modes_y):
                modes[m, n] *= factors[m, n]
        call(stages[3], modes, x.shape[1], y.shape[1], p, q)
        call(stages[2], modes, y[q], first)
        call(stages[1], turned_x[p], first, nodes)
        to = place * deep * wide
        call(stages[4], nodes, cells, (p, q), turns_x, turns_y, turned, flat_out, to)


@kernel
def wholes(
    part, start, stop, stages, fs, nx, ny, x, y, turned_x, turned_y, turns_x, turns_y, green, outs
):
    """Potentials `start` to `stop` of (K, padded nx, padded ny), one after another."""
    deep, wide = x.shape[1] * x.shape[3], y.shape[1] * y.shape[3]
    work = np.empty((4, deep, wide), fs.dtype)
    for n in range(start, stop):
        quadrants(
            0, 0, 4, stages, fs[n : n + 1], nx, ny, x, y, turned_x, turned_y, turns_x, turns_y,
            green, work,
        )  # fmt: skip
        unfold(0, 0, 1, nx, ny, work, outs[n : n + 1])


@cache
def stages(dtype: Any) -> NDArray[np.int64]:
    """Addresses of what `quadrants` calls, for densities of a precision."""

    def table(rank: int) -> Any:
        return types.Array(from_dtype(dtype), rank, "C")

    line, plane, box, whole = table(1), table(2), table(3), types.int64
    pair = types.UniTuple(whole, 2)
    found = [
        address(fold, line, whole, whole, whole, pair, pair, box, box, line, plane),
        address(left_products, box, plane, plane),
        address(right_products, plane, box, plane),
        address(mix, plane, whole, whole, whole, whole),
        address(unturn, plane, pair, pair, box, box, line, line, whole),
    ]
    return np.array(found)
