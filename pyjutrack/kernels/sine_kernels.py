"""Compiled solution of a Poisson equation by sines, each parity by itself.

A sine with an odd number of half waves across the box is even about its middle, one with an even
number odd. Folded about the middle, a density falls into four quadrants of parities (in x, in y),
each with a quarter of the nodes and of the modes; together their matrix products cost half of the
plain ones. Where all modes count, each half is folded once more (`sine_axis`) and they cost half of
that.
"""

import numpy as np

from .jit import kernel, scalar
from .matrix_products import left_products, right_products
from .vector import fma, load, mirror, spread, store, times


@scalar
def add(count, f0, a, at_a, f1, b, at_b, out, to):
    """f0 a + f1 b of lines that begin at some place of flat arrays; `out` may not be b."""
    s0, s1, fours = spread(f0), spread(f1), count // 4 * 4
    for j in range(0, fours, 4):
        one, two = load(a, np.uintp(at_a + j)), load(b, np.uintp(at_b + j))
        store(out, np.uintp(to + j), fma(s0, one, times(s1, two)))
    for j in range(fours, count):
        out[to + j] = f0 * a[at_a + j] + f1 * b[at_b + j]


@scalar
def fold_line(line, count, sign, out, to):
    """A line of nodes folded about its middle; nodes beyond the walls are mirrored to minus.

    Lines of these functions begin at `to` or `at` of flat arrays, without which every line costs
    more than what is done with it.
    """
    ghosts = (line.size - count) // 2
    last, half = ghosts + count - 1, count // 2
    factor, fours = spread(sign), half // 4 * 4
    for j in range(0, fours, 4):
        a, b = load(line, np.uintp(ghosts + j)), load(line, np.uintp(last - 3 - j))
        store(out, np.uintp(to + j), fma(factor, mirror(b), a))
    for j in range(fours, half):
        out[to + j] = line[ghosts + j] + sign * line[last - j]
    for j in range(ghosts):
        out[to + j] -= line[ghosts - 1 - j] + sign * line[last + 1 + j]
    if count % 2:
        # a node in the middle is its own mirror image
        middle = line[ghosts + half]
        out[to + half] = middle if sign > 0 else line.dtype.type(0.0)


@scalar
def turn_line(line, count, t, t0, out, to, wide):
    """Two lines, in both halves of one, from mirrored pairs of `count` nodes; turns from t0 on."""
    half, nodes = count // 2, wide // 2
    fours = half // 4 * 4
    t1, t2, t3 = t0 + nodes, t0 + 2 * nodes, t0 + 3 * nodes
    for j in range(0, fours, 4):
        a, b = load(line, np.uintp(j)), mirror(load(line, np.uintp(count - 4 - j)))
        one = fma(load(t, np.uintp(t0 + j)), a, times(load(t, np.uintp(t1 + j)), b))
        two = fma(load(t, np.uintp(t2 + j)), a, times(load(t, np.uintp(t3 + j)), b))
        store(out, np.uintp(to + j), one)
        store(out, np.uintp(to + nodes + j), two)
    for j in range(fours, half):
        a, b = line[j], line[count - 1 - j]
        out[to + j] = t[t0 + j] * a + t[t1 + j] * b
        out[to + nodes + j] = t[t2 + j] * a + t[t3 + j] * b


@scalar
def unturn_line(line, count, t, t0, out, to):
    """The transpose of `turn_line`."""
    half, nodes = count // 2, line.size // 2
    fours = half // 4 * 4
    t1, t2, t3 = t0 + nodes, t0 + 2 * nodes, t0 + 3 * nodes
    for j in range(0, fours, 4):
        a, b = load(line, np.uintp(j)), load(line, np.uintp(nodes + j))
        one = fma(load(t, np.uintp(t0 + j)), a, times(load(t, np.uintp(t2 + j)), b))
        two = fma(load(t, np.uintp(t1 + j)), a, times(load(t, np.uintp(t3 + j)), b))
        store(out, np.uintp(to + j), one)
        store(out, np.uintp(to + count - 4 - j), mirror(two))
    for j in range(fours, half):
        a, b = line[j], line[nodes + j]
        out[to + j] = t[t0 + j] * a + t[t2 + j] * b
        out[to + count - 1 - j] = t[t1 + j] * a + t[t3 + j] * b


@kernel
def mix(a, blocks_x, blocks_y, p, q):
    """From sums and differences of even modes to the modes, or back to what they are made of."""
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


@scalar
def quadrant_line(f, at, rows, cells, i, parities, turns, line, half, out, to, wide):
    """Line i of the quadrant of the density at `at`, folded again in y if asked."""
    (nx, ny), (p, q) = cells, parities
    to_x, to_y = f.dtype.type(1 - 2 * p), f.dtype.type(1 - 2 * q)
    ghosts, last, columns = (rows - nx) // 2, (rows + nx) // 2 - 1, line.size
    one, other = at + (ghosts + i) * columns, at + (last - i) * columns
    # a node in the middle is its own mirror image
    sign = f.dtype.type(-p) if 2 * i == nx - 1 else to_x
    unit = f.dtype.type(1.0)
    add(columns, unit, f, one, sign, f, other, line, 0)
    if i < ghosts:
        one, other = at + (ghosts - 1 - i) * columns, at + (last + 1 + i) * columns
        for j in range(columns):
            line[j] -= f[one + j] + to_x * f[other + j]
    if turns.size == 0:
        fold_line(line, ny, to_y, out, to)
    else:
        fold_line(line, ny, to_y, half, 0)
        turn_line(half, ny // 2, turns, 2 * q * wide, out, to, wide)


@kernel
def fold(f, at, rows, columns, cells, parities, turns_x, turns_y, out):
    """The quadrant of some parities of the density at `at`, folded again if asked."""
    (nx, ny), p = cells, parities[0]
    deep, wide = out.shape
    flat, kind = out.reshape(out.size), f.dtype
    line, half = np.empty(columns, kind), np.empty((ny + 1) // 2, kind)
    turns = turns_y.reshape(turns_y.size)
    if turns_x.size == 0:
        for i in range((nx + 1) // 2):
            quadrant_line(f, at, rows, cells, i, parities, turns, line, half, flat, i * wide, wide)
        return
    first, last = np.zeros(wide, kind), np.zeros(wide, kind)
    for i in range(nx // 4):
        k = nx // 2 - 1 - i
        quadrant_line(f, at, rows, cells, i, parities, turns, line, half, first, 0, wide)
        quadrant_line(f, at, rows, cells, k, parities, turns, line, half, last, 0, wide)
        t0, t1, t2, t3 = turns_x[p, 0, i], turns_x[p, 1, i], turns_x[p, 2, i], turns_x[p, 3, i]
        one, other = i * wide, (deep // 2 + i) * wide
        add(wide, t0, first, 0, t1, last, 0, flat, one)
        add(wide, t2, first, 0, t3, last, 0, flat, other)


@kernel
def unturn(data, cells, parities, turns_x, turns_y, out, to):
    """The transpose of what `fold` does after the first folding."""
    (nx, ny), (p, q) = cells, parities
    deep, wide = data.shape
    flat = data.reshape(data.size)
    first, last = np.empty(wide, data.dtype), np.empty(wide, data.dtype)
    twice_x, twice_y, turns = turns_x.size > 0, turns_y.size > 0, turns_y.reshape(turns_y.size)
    for i in range(nx // 4 if twice_x else (nx + 1) // 2):
        one, other = i * wide, (deep // 2 + i) * wide
        if twice_x:
            t0, t1, t2, t3 = turns_x[p, 0, i], turns_x[p, 1, i], turns_x[p, 2, i], turns_x[p, 3, i]
            add(wide, t0, flat, one, t2, flat, other, first, 0)
            add(wide, t1, flat, one, t3, flat, other, last, 0)
        else:
            first[:] = data[i]
        to_first, to_last = to + i * wide, to + (nx // 2 - 1 - i) * wide
        if twice_y:
            unturn_line(first, ny // 2, turns, 2 * q * wide, out, to_first)
            if twice_x:
                unturn_line(last, ny // 2, turns, 2 * q * wide, out, to_last)
        else:
            for j in range(wide):
                out[to_first + j] = first[j]
            if twice_x:
                for j in range(wide):
                    out[to_last + j] = last[j]


@kernel
def quadrants(
    part, start, stop, fs, nx, ny, x, y, turned_x, turned_y, turns_x, turns_y, green, out
):
    """Potentials of quadrants `start` to `stop`, folded, (4 K, half nodes, half nodes).

    fs is (K, padded nx, padded ny); x, y, their transposes, turns and green are those of `Sines`.
    Quadrant 2 p + q of each density has parity p in x and q in y.
    """
    _, rows, columns = fs.shape
    _, deep, wide = out.shape
    _, modes_x, modes_y = green.shape
    flat, flat_out, cells = fs.reshape(fs.size), out.reshape(out.size), (nx, ny)
    nodes = np.zeros((deep, wide), fs.dtype)
    first = np.empty((modes_x, wide), fs.dtype)
    modes = np.empty((modes_x, modes_y), fs.dtype)
    for place in range(start, stop):
        quadrant = place % 4
        p, q = quadrant // 2, quadrant % 2
        at = place // 4 * rows * columns
        fold(flat, at, rows, columns, cells, (p, q), turns_x, turns_y, nodes)
        left_products(x[p], nodes, first)
        right_products(first, turned_y[q], modes)
        mix(modes, x.shape[1], y.shape[1], p, q)
        factors = green[quadrant]
        for m in range(modes_x):
            for n in range(modes_y):
                modes[m, n] *= factors[m, n]
        mix(modes, x.shape[1], y.shape[1], p, q)
        right_products(modes, y[q], first)
        left_products(turned_x[p], first, nodes)
        unturn(nodes, cells, (p, q), turns_x, turns_y, flat_out, place * deep * wide)


@scalar
def unfold_line(four, count, one, other):
    """Two lines that mirror each other, from those of the four quadrants."""
    low = (one.size - count) // 2
    last, half = low + count - 1, (count + 1) // 2
    fours, minus, plus = count // 8 * 4, spread(one.dtype.type(-1.0)), spread(one.dtype.type(1.0))
    for j in range(0, fours, 4):
        at, back = np.uintp(j), np.uintp(last - 3 - j)
        a, b, c, d = load(four[0], at), load(four[1], at), load(four[2], at), load(four[3], at)
        even, odd = fma(plus, b, a), fma(plus, d, c)
        store(one, np.uintp(low + j), fma(plus, odd, even))
        store(other, np.uintp(low + j), fma(minus, odd, even))
        even, odd = fma(minus, b, a), fma(minus, d, c)
        store(one, back, mirror(fma(plus, odd, even)))
        store(other, back, mirror(fma(minus, odd, even)))
    for j in range(fours, half):
        a, b, c, d = four[0, j], four[1, j], four[2, j], four[3, j]
        other[last - j], other[low + j] = (a - b) - (c - d), (a + b) - (c + d)
        one[last - j], one[low + j] = (a - b) + (c - d), (a + b) + (c + d)


@kernel
def unfold(part, start, stop, nx, ny, quadrant, outs):
    """The wholes `start` to `stop` from their four quadrants each, continued oddly beyond walls."""
    for n in range(start, stop):
        out, four = outs[n], quadrant[4 * n : 4 * n + 4]
        rows, columns = out.shape
        left, low = (rows - nx) // 2, (columns - ny) // 2
        for i in range((nx + 1) // 2):
            unfold_line(four[:, i], ny, out[left + i], out[rows - 1 - left - i])
        for i in range(left, left + nx):
            for g in range(low):
                out[i, low - 1 - g] = -out[i, low + g]
                out[i, low + ny + g] = -out[i, low + ny - 1 - g]
        for g in range(left):
            for j in range(columns):
                out[left - 1 - g, j] = -out[left + g, j]
                out[left + nx + g, j] = -out[left + nx - 1 - g, j]
