"""Densities folded into quadrants by parity, and potentials unfolded from them."""

import numpy as np

from .jit import kernel, scalar
from .sine_lines import add, add_mirrored, fold_line, turn_line, unfold_line, unturn_line


@scalar
def quadrant_line(f, at, rows, cells, i, parities, turns, line, half, out, to, wide):
    """Line i of the quadrant of the density at `at`, folded again in y if asked."""
    (nx, ny), (p, q) = cells, parities
    to_x, to_y = f.dtype.type(1 - 2 * p), f.dtype.type(1 - 2 * q)
    ghosts, last, columns = (rows - nx) // 2, (rows + nx) // 2 - 1, line.size
    one, other = at + (ghosts + i) * columns, at + (last - i) * columns
    # a node in the middle is its own mirror image
    sign = f.dtype.type(-p) if 2 * i == nx - 1 else to_x
    add_mirrored(columns, f, one, sign, other, line)
    if i < ghosts:
        one, other = at + (ghosts - 1 - i) * columns, at + (last + 1 + i) * columns
        for j in range(columns):
            line[j] -= f[one + j] + to_x * f[other + j]
    fold_line(line, ny, to_y, half)
    if turns.size:
        turn_line(half, ny // 2, turns, 2 * q * wide, out, to, wide)
    else:
        for j in range(half.size):
            out[to + j] = half[j]


@kernel
def fold(f, at, rows, columns, cells, parities, turns_x, turns_y, lines, out):
    """The quadrant of some parities of the density at `at`, folded again if asked.

    `lines` is room for the lines of half the nodes in x.
    """
    (nx, ny), p = cells, parities[0]
    deep, wide = out.shape
    flat, kind = out.reshape(out.size), f.dtype
    line, half = np.empty(columns, kind), np.empty((ny + 1) // 2, kind)
    turns, twice = turns_y.reshape(turns_y.size), turns_x.size > 0
    into = lines if twice else flat
    for i in range((nx + 1) // 2):
        quadrant_line(f, at, rows, cells, i, parities, turns, line, half, into, i * wide, wide)
    if twice:
        for i in range(nx // 4):
            first, last = i * wide, (nx // 2 - 1 - i) * wide
            t0, t1, t2, t3 = turns_x[p, 0, i], turns_x[p, 1, i], turns_x[p, 2, i], turns_x[p, 3, i]
            add(wide, t0, lines, first, t1, lines, last, flat, i * wide)
            add(wide, t2, lines, first, t3, lines, last, flat, (deep // 2 + i) * wide)


@kernel
def unturn(data, cells, parities, turns_x, turns_y, lines, out, to):
    """The transpose of what `fold` does after the first folding."""
    (nx, ny), (p, q) = cells, parities
    deep, wide = data.shape
    flat, turns, twice = data.reshape(data.size), turns_y.reshape(turns_y.size), turns_x.size > 0
    if twice:
        for i in range(nx // 4):
            one, other = i * wide, (deep // 2 + i) * wide
            t0, t1, t2, t3 = turns_x[p, 0, i], turns_x[p, 1, i], turns_x[p, 2, i], turns_x[p, 3, i]
            add(wide, t0, flat, one, t2, flat, other, lines, i * wide)
            add(wide, t1, flat, one, t3, flat, other, lines, (nx // 2 - 1 - i) * wide)
    rows = lines if twice else flat
    for i in range((nx + 1) // 2):
        at = i * wide
        if turns.size:
            unturn_line(rows, at, ny // 2, turns, 2 * q * wide, out, to + at, wide)
        else:
            for j in range(wide):
                out[to + at + j] = rows[at + j]


@kernel
def unfold(part, start, stop, nx, ny, quadrant, outs):
    """The wholes `start` to `stop` from their four quadrants each, continued oddly beyond walls."""
    _, deep, wide = quadrant.shape
    flat, to = quadrant.reshape(quadrant.size), outs.reshape(outs.size)
    for n in range(start, stop):
        out = outs[n]
        rows, columns = out.shape
        left, low = (rows - nx) // 2, (columns - ny) // 2
        for i in range((nx + 1) // 2):
            at, first = (4 * n * deep + i) * wide, n * rows
            one, other = (first + left + i) * columns, (first + rows - 1 - left - i) * columns
            unfold_line(flat, at, deep * wide, ny, to, one, other, columns)
        for i in range(left, left + nx):
            for g in range(low):
                out[i, low - 1 - g] = -out[i, low + g]
                out[i, low + ny + g] = -out[i, low + ny - 1 - g]
        for g in range(left):
            for j in range(columns):
                out[left - 1 - g, j] = -out[left + g, j]
                out[left + nx + g, j] = -out[left + nx - 1 - g, j]
