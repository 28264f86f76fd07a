"""Compiled kernels that spread particles over a grid and read a grid at particles.

Particles go through in blocks that fit the first-level cache. For a block, first nodes and places
in the cells are found together; then each particle meets its 4 x 4 nodes, a row of four in one
vector. A row's weights are cubic polynomials of the place, `c` has their coefficients (see
`spacecharge.shapes`): `w`, `v` and `q` stand for weights, slopes and curvatures.

Particles that are not `active` are passed over. `geometry` is (position of padded node 1 in x and
y, 1/spacing in x and y). Every kernel serves particles `start` to `stop`, and sums into its own
`part` of an array, in double precision; see `parallel.run`. Offsets are unsigned, and columns are
cut to the block: that spares the test for negative indices.
"""

import numpy as np

from .jit import helper, kernel
from .stencil import across, at_cubic, at_square, cubic, curvatures, put, put_two, rows, slopes
from .vector import dot, fma, spread, times, wide

BLOCK = 128


@helper
def place(x, y, low, size, geometry, columns, first, u):
    """First nodes (flat; a row has so many columns) and places in [0, 1) in the cell, of a block.

    What is active lies in the box, where the number of the cell is positive: to cut off the
    fraction is to take the floor.
    """
    x0, y0, sx, sy = geometry
    xs, ys, u0, u1, wide = x[low : low + size], y[low : low + size], u[0], u[1], np.int32(columns)
    for i in range(size):
        ux, uy = (xs[i] - x0) * sx, (ys[i] - y0) * sy
        ix, iy = np.int32(ux), np.int32(uy)
        u0[i], u1[i] = ux - ix, uy - iy
        first[i] = ix * wide + iy


@kernel
def mask_inside(part, start, stop, x, y, alive, half_x, half_y, out, missing):
    """Mask of the live particles in a box of half sides, walls included; count those outside."""
    xs, ys, lives, here = x[start:stop], y[start:stop], alive[start:stop], out[start:stop]
    gone = 0
    for i in range(stop - start):
        found = (abs(xs[i]) <= half_x) & (abs(ys[i]) <= half_y)
        here[i] = lives[i] & found
        gone += np.int64(lives[i] & (not found))
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
        counts, ux, uy = active[low : low + size], u[0], u[1]
        for i in range(size):
            if counts[i]:
                wx = at_cubic(ux[i], a0, a1, a2, a3)
                if each:
                    wx = times(spread(w[low + i]), at_cubic(ux[i], c0, c1, c2, c3))
                wy = at_cubic(uy[i], c0, c1, c2, c3)
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
        high = min(low + BLOCK, stop)
        place(x, y, low, high - low, geometry, columns, first, u)
        moved, ux, uy = active[low:high], u[0], u[1]
        here_x, here_y = to_x[low:high], to_y[low:high]
        for i in range(high - low):
            if moved[i]:
                f0, f1, f2, f3 = rows(flat, np.uintp(first[i]), row)
                along = across(at_square(ux[i], d1, d2, d3), f0, f1, f2, f3)
                over = across(at_cubic(ux[i], c0, c1, c2, c3), f0, f1, f2, f3)
                here_x[i] += sx * dot(along, at_cubic(uy[i], c0, c1, c2, c3))
                here_y[i] += sy * dot(over, at_square(uy[i], d1, d2, d3))


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
        high = min(low + BLOCK, stop)
        place(x, y, low, high - low, geometry, columns, first, u)
        moved, ux, uy = active[low:high], u[0], u[1]
        from_x, from_y, to_x, to_y = px[low:high], py[low:high], out[0, low:high], out[1, low:high]
        for i in range(high - low):
            if not moved[i]:
                to_x[i], to_y[i] = from_x[i], from_y[i]
                continue
            f0, f1, f2, f3 = rows(flat, np.uintp(first[i]), row)
            along = across(at_square(ux[i], d1, d2, d3), f0, f1, f2, f3)
            over = across(at_cubic(ux[i], c0, c1, c2, c3), f0, f1, f2, f3)
            to_x[i] = from_x[i] - sx * dot(along, at_cubic(uy[i], c0, c1, c2, c3))
            to_y[i] = from_y[i] - sy * dot(over, at_square(uy[i], d1, d2, d3))


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
        high = min(low + BLOCK, stop)
        total = 0.0  # of a block: one long sum would pile up rounding
        place(x, y, low, high - low, geometry, columns, first, u)
        moved, ux, uy, bs, ds = active[low:high], u[0], u[1], b[low:high], d[low:high]
        here_x, here_y, here_px, here_py = (
            to_x[low:high],
            to_y[low:high],
            px[low:high],
            py[low:high],
        )
        for i in range(high - low):
            if not moved[i]:
                continue
            at = np.uintp(first[i])
            f0, f1, f2, f3 = rows(flat, at, row)
            wx, wy = at_cubic(ux[i], c0, c1, c2, c3), at_cubic(uy[i], c0, c1, c2, c3)
            vx, vy = at_square(ux[i], vx1, vx2, vx3), at_square(uy[i], vy1, vy2, vy3)
            qx, qy = fma(spread(ux[i]), qx3, qx2), fma(spread(uy[i]), qy3, qy2)
            over, along = across(wx, f0, f1, f2, f3), across(vx, f0, f1, f2, f3)
            bn, dn = x.dtype.type(-factor * bs[i]), x.dtype.type(-factor * ds[i])
            mixed = dot(along, vy)
            here_x[i] += bn * dot(across(qx, f0, f1, f2, f3), wy) + dn * mixed
            here_y[i] += bn * mixed + dn * dot(over, qy)
            slope_x, slope_y = dot(along, wy), dot(over, vy)
            total -= bs[i] * slope_x + ds[i] * slope_y
            if invert:
                here_px[i] += x.dtype.type(factor) * slope_x
                here_py[i] += x.dtype.type(factor) * slope_y
            bx, dx = times(spread(bn), vx), times(spread(dn), wx)
            put_two(back, at, row, wide(bx), wide(wy), wide(dx), wide(vy))
        by_factor[part] += total
