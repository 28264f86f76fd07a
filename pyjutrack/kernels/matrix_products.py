"""Products of matrices within kernels, in tiles of whole vectors.

Matrices are padded with zeros to multiples of `TILE`, so that no loop has a remainder.
"""

import numpy as np

from .jit import kernel
from .vector import fma, load, spread, store

TILE = 8
_4 = np.uintp(4)


@kernel
def product(rows, inner, columns, a, at_a, wide_a, b, at_b, wide_b, c, at_c, wide_c):
    """c = a b of blocks of flat arrays that begin at `at`, with lines `wide` apart.

    Rows and columns are multiples of TILE.
    """
    step_a, step_b, step_c = np.uintp(wide_a), np.uintp(wide_b), np.uintp(wide_c)
    zero = spread(a.dtype.type(0.0))
    for j in range(0, columns, TILE):
        for i in range(0, rows, 4):
            s0, s1, s2, s3, t0, t1, t2, t3 = zero, zero, zero, zero, zero, zero, zero, zero
            at, left = np.uintp(at_b + j), np.uintp(at_a + i * wide_a)
            for _ in range(inner):
                u, v = load(b, at), load(b, at + _4)
                at += step_b
                row = left
                w = spread(a[row])
                s0, t0 = fma(w, u, s0), fma(w, v, t0)
                row += step_a
                w = spread(a[row])
                s1, t1 = fma(w, u, s1), fma(w, v, t1)
                row += step_a
                w = spread(a[row])
                s2, t2 = fma(w, u, s2), fma(w, v, t2)
                row += step_a
                w = spread(a[row])
                s3, t3 = fma(w, u, s3), fma(w, v, t3)
                left += np.uintp(1)
            to = np.uintp(at_c + i * wide_c + j)
            store(c, to, s0)
            store(c, to + _4, t0)
            to += step_c
            store(c, to, s1)
            store(c, to + _4, t1)
            to += step_c
            store(c, to, s2)
            store(c, to + _4, t2)
            to += step_c
            store(c, to, s3)
            store(c, to + _4, t3)


@kernel
def left_products(matrices, data, out):
    """Blocks of rows of `data` times a matrix each, (blocks, rows, inner)."""
    blocks, rows, inner = matrices.shape
    wide = data.shape[1]
    a, b, c = matrices.reshape(matrices.size), data.reshape(data.size), out.reshape(out.size)
    for n in range(blocks):
        places = n * rows * inner, n * inner * wide, n * rows * wide
        product(rows, inner, wide, a, places[0], inner, b, places[1], wide, c, places[2], wide)


@kernel
def right_products(data, matrices, out):
    """Blocks of columns of `data` by a matrix each, (blocks, inner, columns)."""
    blocks, inner, columns = matrices.shape
    rows, wide = data.shape
    a, b, c = data.reshape(data.size), matrices.reshape(matrices.size), out.reshape(out.size)
    to = blocks * columns
    for n in range(blocks):
        at = n * inner * columns
        product(rows, inner, columns, a, n * inner, wide, b, at, columns, c, n * columns, to)
