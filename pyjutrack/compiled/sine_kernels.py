"""Compiled solution of a Poisson equation by sines, each parity by itself.

A sine with an odd number of half waves across the box is even about its middle, one with an even
number odd. Folded about the middle, a density falls into four quadrants of parities (in x, in y),
each with a quarter of the nodes and of the modes; together their matrix products cost half of the
plain ones. Matrices are padded with zeros to multiples of `TILE`, so that no loop has a rest.
"""

import numpy as np

from .jit import kernel
from .vector import fma, load, spread, store

TILE = 8
_4 = np.uintp(4)


@kernel
def product(a, b, c):
    """c = a b; sides are multiples of TILE."""
    rows, inner = a.shape
    columns = b.shape[1]
    fa, fb, fc = a.reshape(a.size), b.reshape(b.size), c.reshape(c.size)
    wide, deep, zero = np.uintp(columns), np.uintp(inner), spread(a.dtype.type(0.0))
    for i in range(0, rows, 4):
        for j in range(0, columns, TILE):
            s0, s1, s2, s3, t0, t1, t2, t3 = zero, zero, zero, zero, zero, zero, zero, zero
            at, left = np.uintp(j), np.uintp(i) * deep
            for _ in range(inner):
                u, v = load(fb, at), load(fb, at + _4)
                at += wide
                row = left
                w = spread(fa[row])
                s0, t0 = fma(w, u, s0), fma(w, v, t0)
                row += deep
                w = spread(fa[row])
                s1, t1 = fma(w, u, s1), fma(w, v, t1)
                row += deep
                w = spread(fa[row])
                s2, t2 = fma(w, u, s2), fma(w, v, t2)
                row += deep
                w = spread(fa[row])
                s3, t3 = fma(w, u, s3), fma(w, v, t3)
                left += np.uintp(1)
            to = np.uintp(i) * wide + np.uintp(j)
            store(fc, to, s0)
            store(fc, to + _4, t0)
            to += wide
            store(fc, to, s1)
            store(fc, to + _4, t1)
            to += wide
            store(fc, to, s2)
            store(fc, to + _4, t2)
            to += wide
            store(fc, to, s3)
            store(fc, to + _4, t3)


@kernel
def quadrants(part, start, stop, fs, sines_x, sines_y, turned_x, turned_y, green, out):
    """Potentials of quadrants `start` to `stop`, folded, (4 K, nodes, nodes); fs is (K, nx, ny).

    sines_x is (2, modes, nodes) for even and odd functions, turned_x its transpose, green
    (4, modes, modes); quadrant 2 p + q of each density has parity p in x and q in y.
    """
    _, nx, ny = fs.shape
    deep_x, deep_y = turned_x.shape[1], turned_y.shape[1]
    modes_x, modes_y = sines_x.shape[1], sines_y.shape[1]
    folded = np.zeros((deep_x, deep_y), fs.dtype)
    first, second = np.empty((deep_x, modes_y), fs.dtype), np.empty((modes_x, modes_y), fs.dtype)
    for place in range(start, stop):
        f, quadrant = fs[place // 4], place % 4
        p, q = quadrant // 2, quadrant % 2
        to_x, to_y = f.dtype.type(1 - 2 * p), f.dtype.type(1 - 2 * q)
        for i in range((nx + 1) // 2):
            one, other = f[i], f[nx - 1 - i]
            # a node in the middle is its own mirror image
            sign_x = f.dtype.type(-p) if 2 * i == nx - 1 else to_x
            for j in range(ny // 2):
                k = ny - 1 - j
                folded[i, j] = one[j] + to_y * one[k] + sign_x * (other[j] + to_y * other[k])
            if ny % 2:
                j = ny // 2
                middle = one[j] + sign_x * other[j]
                folded[i, j] = middle if q == 0 else f.dtype.type(0.0)
        product(folded, turned_y[q], first)
        product(sines_x[p], first, second)
        for m in range(modes_x):
            for n in range(modes_y):
                second[m, n] *= green[quadrant, m, n]
        product(turned_x[p], second, first)
        product(first, sines_y[q], out[place])


@kernel
def unfold(part, start, stop, quadrant, outs):
    """The wholes `start` to `stop` from their four quadrants each."""
    for n in range(start, stop):
        out, four = outs[n], quadrant[4 * n : 4 * n + 4]
        nx, ny = out.shape
        for i in range((nx + 1) // 2):
            one, other = out[i], out[nx - 1 - i]
            for j in range((ny + 1) // 2):
                a, b = four[0, i, j], four[1, i, j]
                c, d = four[2, i, j], four[3, i, j]
                k = ny - 1 - j
                other[k], other[j] = (a - b) - (c - d), (a + b) - (c + d)
                one[k], one[j] = (a - b) + (c - d), (a + b) + (c + d)
