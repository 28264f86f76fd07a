"""Compiled kernels that spread particles over a grid and read a grid at particles.

Particles go through in blocks that fit the first-level cache. For a block, first nodes and places
in the cells are found together; then each particle meets its 4 x 4 nodes, a row of four in one
vector. A row's weights are cubic polynomials of the place, `c` has their coefficients (see
`spacecharge.shapes`): `w`, `v` and `q` stand for weights, slopes and curvatures.

Particles that are not `active` are passed over. `geometry` is (position of padded node 1 in x and
y, 1/spacing in x and y). Every kernel serves particles `start` to `stop`, and sums into its own
`part` of an array, in double precision; see `parallel.run`. Places are unsigned: that spares the
test for negative indices.
"""

from typing import Any

import numpy as np

from .emit import DOUBLE, FREE, Column, Emitter, Table, written
from .jit import kernel
from .stencil import across, at_cubic, at_square, cubic, curvatures, put, put_two, rows, slopes
from .vector import dot, fma, spread, times, wide

BLOCK = 128


@written
def place(
    e: Emitter, x: Column, y: Column, low: Any, size: Any, geometry: Any, columns: Any,
    first: Column, u: Table,
) -> None:  # fmt: skip
    """First nodes (flat; a row has so many columns) and places in [0, 1) in the cell, of a block.

    What is active lies in the box, where the number of the cell is positive: to cut off the
    fraction is to take the floor.
    """
    b, whole = e.builder, first.kind
    columns = b.trunc(columns, whole)
    with e.loop(size) as i:
        cells = []
        for axis, along in enumerate((x, y)):
            origin, rate = (b.extract_value(geometry, k) for k in (axis, 2 + axis))
            away = b.fsub(along.shifted(low).double(i), origin, flags=FREE)
            cell = b.fmul(away, rate, flags=FREE)
            cells.append(b.fptosi(cell, whole))
            fraction = b.fsub(cell, b.sitofp(cells[-1], DOUBLE), flags=FREE)
            u.row(e.index(axis)).store(i, fraction)
        first.store(i, b.add(b.mul(cells[0], columns), cells[1]))


@kernel
def mask_inside(part, start, stop, x, y, alive, half_x, half_y, out, missing):
    """Mask of the live particles in a box of half sides, walls included; count those outside."""
    gone = 0
    for i in range(start, stop):
        n = np.uintp(i)
        found = (abs(x[n]) <= half_x) & (abs(y[n]) <= half_y)
        out[n] = alive[n] & found
        gone += np.int64(alive[n] & (not found))
    missing[part] = gone


@kernel
def deposit(part, start, stop, x, y, active, w, geometry, c, columns, out):
    """Grid of sum_p w_p W(x_p) W(y_p), made here; w is (N,), or (1,) for all."""
    row, g, each = np.uintp(columns), out[part], w.size > 1
    g[:] = 0.0
    c0, c1, c2, c3 = cubic(c, x.dtype)
    alike = spread(w[0])  # a weight that all share is a factor of the polynomials in x
    a0, a1, a2, a3 = times(alike, c0), times(alike, c1), times(alike, c2), times(alike, c3)
    first, u = np.empty(BLOCK, np.int32), np.empty((2, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        place(x, y, low, size, geometry, columns, first, u)
        for i in range(size):
            n = np.uintp(low + i)
            if active[n]:
                wx = at_cubic(u[0, i], a0, a1, a2, a3)
                if each:
                    wx = times(spread(w[n]), at_cubic(u[0, i], c0, c1, c2, c3))
                wy = at_cubic(u[1, i], c0, c1, c2, c3)
                put(g, np.uintp(first[i]), row, wide(wx), wide(wy))


@kernel
def gather(part, start, stop, x, y, active, g, geometry, c, out):
    """Value and both slopes of a grid at every particle, (3, N)."""
    columns, flat = g.shape[1], g.reshape(g.size)
    row = np.uintp(columns)
    sx, sy = x.dtype.type(geometry[2]), x.dtype.type(geometry[3])
    c0, c1, c2, c3 = cubic(c, x.dtype)
    d1, d2, d3 = slopes(c1, c2, c3, x.dtype.type(1.0))
    first, u = np.empty(BLOCK, np.int32), np.empty((2, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        place(x, y, low, size, geometry, columns, first, u)
        for i in range(size):
            n = low + i
            if not active[n]:
                out[0, n], out[1, n], out[2, n] = 0.0, 0.0, 0.0
                continue
            f0, f1, f2, f3 = rows(flat, np.uintp(first[i]), row)
            wy = at_cubic(u[1, i], c0, c1, c2, c3)
            over = across(at_cubic(u[0, i], c0, c1, c2, c3), f0, f1, f2, f3)
            along = across(at_square(u[0, i], d1, d2, d3), f0, f1, f2, f3)
            out[0, n] = dot(over, wy)
            out[1, n] = sx * dot(along, wy)
            out[2, n] = sy * dot(over, at_square(u[1, i], d1, d2, d3))


@kernel
def add_slopes(part, start, stop, x, y, active, g, share, geometry, c, to_x, to_y):
    """Add share times the slopes of a grid to to_x and to_y (N)."""
    columns, flat = g.shape[1], g.reshape(g.size)
    row = np.uintp(columns)
    sx, sy = x.dtype.type(share * geometry[2]), x.dtype.type(share * geometry[3])
    c0, c1, c2, c3 = cubic(c, x.dtype)
    d1, d2, d3 = slopes(c1, c2, c3, x.dtype.type(1.0))
    first, u = np.empty(BLOCK, np.int32), np.empty((2, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        place(x, y, low, size, geometry, columns, first, u)
        for i in range(size):
            n = np.uintp(low + i)
            if active[n]:
                f0, f1, f2, f3 = rows(flat, np.uintp(first[i]), row)
                along = across(at_square(u[0, i], d1, d2, d3), f0, f1, f2, f3)
                over = across(at_cubic(u[0, i], c0, c1, c2, c3), f0, f1, f2, f3)
                to_x[n] += sx * dot(along, at_cubic(u[1, i], c0, c1, c2, c3))
                to_y[n] += sy * dot(over, at_square(u[1, i], d1, d2, d3))


@kernel
def kick(part, start, stop, x, y, active, px, py, g, factor, geometry, c, out):
    """Momenta minus factor times the slopes of a grid, (2, N)."""
    columns, flat = g.shape[1], g.reshape(g.size)
    row = np.uintp(columns)
    sx, sy = x.dtype.type(factor * geometry[2]), x.dtype.type(factor * geometry[3])
    c0, c1, c2, c3 = cubic(c, x.dtype)
    d1, d2, d3 = slopes(c1, c2, c3, x.dtype.type(1.0))
    first, u = np.empty(BLOCK, np.int32), np.empty((2, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        place(x, y, low, size, geometry, columns, first, u)
        for i in range(size):
            n = np.uintp(low + i)
            out[0, n], out[1, n] = px[n], py[n]
            if active[n]:
                f0, f1, f2, f3 = rows(flat, np.uintp(first[i]), row)
                along = across(at_square(u[0, i], d1, d2, d3), f0, f1, f2, f3)
                over = across(at_cubic(u[0, i], c0, c1, c2, c3), f0, f1, f2, f3)
                out[0, n] -= sx * dot(along, at_cubic(u[1, i], c0, c1, c2, c3))
                out[1, n] -= sy * dot(over, at_square(u[1, i], d1, d2, d3))


@kernel
def kick_cotangent(
    part,
    start,
    stop,
    x,
    y,
    active,
    g,
    b,
    d,
    factor,
    geometry,
    c,
    to_x,
    to_y,
    px,
    py,
    invert,
    grids,
    by_factor,
):
    """Pull-back of `kick` by gradients b, d (N): onto to_x and to_y (N), the grid, and the factor.

    With `invert` the kick is subtracted from px and py as well.
    """
    columns, flat, back = g.shape[1], g.reshape(g.size), grids[part]
    row = np.uintp(columns)
    sx, sy = x.dtype.type(geometry[2]), x.dtype.type(geometry[3])
    c0, c1, c2, c3 = cubic(c, x.dtype)
    vx1, vx2, vx3 = slopes(c1, c2, c3, sx)
    vy1, vy2, vy3 = slopes(c1, c2, c3, sy)
    qx2, qx3 = curvatures(c2, c3, sx * sx)
    qy2, qy3 = curvatures(c2, c3, sy * sy)
    first, u = np.empty(BLOCK, np.int32), np.empty((2, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        total = 0.0  # of a block: one long sum would pile up rounding
        place(x, y, low, size, geometry, columns, first, u)
        for i in range(size):
            n = np.uintp(low + i)
            if not active[n]:
                continue
            at, ux, uy = np.uintp(first[i]), u[0, i], u[1, i]
            f0, f1, f2, f3 = rows(flat, at, row)
            wx, wy = at_cubic(ux, c0, c1, c2, c3), at_cubic(uy, c0, c1, c2, c3)
            vx, vy = at_square(ux, vx1, vx2, vx3), at_square(uy, vy1, vy2, vy3)
            qx, qy = fma(spread(ux), qx3, qx2), fma(spread(uy), qy3, qy2)
            over, along = across(wx, f0, f1, f2, f3), across(vx, f0, f1, f2, f3)
            bn, dn = x.dtype.type(-factor * b[n]), x.dtype.type(-factor * d[n])
            mixed = dot(along, vy)
            to_x[n] += bn * dot(across(qx, f0, f1, f2, f3), wy) + dn * mixed
            to_y[n] += bn * mixed + dn * dot(over, qy)
            slope_x, slope_y = dot(along, wy), dot(over, vy)
            total -= b[n] * slope_x + d[n] * slope_y
            if invert:
                px[n] += x.dtype.type(factor) * slope_x
                py[n] += x.dtype.type(factor) * slope_y
            bx, dx = times(spread(bn), vx), times(spread(dn), wx)
            put_two(back, at, row, wide(bx), wide(wy), wide(dx), wide(vy))
        by_factor[part] += total
