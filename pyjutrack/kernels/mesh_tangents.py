"""The mesh kernels with tangents: K directions at once, a grid each.

The weights of a particle are found once for all directions: `wx, vx, qx` are those in x, their
slopes and their curvatures, `wy, vy, qy` those in y. `rows_of` (K) says where in the tangents of a
column (of any number of rows) the directions stand; one row serves all. The rest is as in
`mesh_kernels`, whose rounding the values share: gradients whose terms cancel differ by it.
"""

import numpy as np

from .jit import helper, kernel
from .mesh_kernels import BLOCK, place
from .stencil import (
    across,
    across_spread,
    at_cubic,
    at_square,
    cubic,
    curvatures,
    lanes,
    put,
    put_spread,
    rows,
    slopes,
)
from .vector import dot, fma, spread, times, wide


@helper
def step(tangents):
    """Step from row to row of the flat array; none where one row serves all directions."""
    return np.uintp(tangents.shape[1] * min(1, tangents.shape[0] - 1))


@kernel
def deposit_push(
    part, start, stop, x, y, active, w, rows_of, dx, dy, dw, geometry, c, columns, out
):
    """`deposit` on grid 0, and on grids 1 to K its tangents.

    These are sum_p (dw + w dx d/dx + w dy d/dy) W(x_p) W(y_p). w is (N,) or (1,).
    """
    count, each = rows_of.size, min(1, w.size - 1)
    row, g = np.uintp(columns), out[part]
    nodes = np.uintp(g.size // (count + 1))
    flat_x, flat_y, flat_w = dx.reshape(dx.size), dy.reshape(dy.size), dw.reshape(dw.size)
    step_x, step_y, step_w = step(dx), step(dy), step(dw)
    c0, c1, c2, c3 = cubic(c, x.dtype)
    alike = spread(w[0])
    a0, a1, a2, a3 = times(alike, c0), times(alike, c1), times(alike, c2), times(alike, c3)
    vx1, vx2, vx3 = slopes(c1, c2, c3, x.dtype.type(geometry[2]))
    vy1, vy2, vy3 = slopes(c1, c2, c3, x.dtype.type(geometry[3]))
    first, u = np.empty(BLOCK, np.int32), np.empty((2, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        place(x, y, low, size, geometry, columns, first, u)
        for i in range(size):
            n = low + i
            if not active[n]:
                continue
            weight = w[n * each]
            all_wx, wy = at_cubic(u[0, i], c0, c1, c2, c3), at_cubic(u[1, i], c0, c1, c2, c3)
            vy = at_square(u[1, i], vy1, vy2, vy3)
            at = np.uintp(first[i])
            shared = at_cubic(u[0, i], a0, a1, a2, a3)
            if each:
                shared = times(spread(weight), all_wx)
            put(g, at, row, wide(shared), wide(wy))
            wx, vx = lanes(wide(all_wx)), lanes(wide(at_square(u[0, i], vx1, vx2, vx3)))
            for k in range(count):
                at += nodes
                r, i_n = np.uintp(rows_of[k]), np.uintp(n)
                ex, ey = weight * flat_x[r * step_x + i_n], weight * flat_y[r * step_y + i_n]
                here = fma(spread(ey), vy, times(spread(flat_w[r * step_w + i_n]), wy))
                put_spread(g, at, row, wx, wide(here), vx, wide(times(spread(ex), wy)))


@kernel
def kick_push(
    part,
    start,
    stop,
    x,
    y,
    active,
    px,
    py,
    g,
    factor,
    rows_of,
    dx,
    dy,
    dpx,
    dpy,
    dg,
    dfactor,
    geometry,
    c,
):
    """`kick` and its tangents, in place of px, py (N) and dpx, dpy; dg is (K, nx, ny)."""
    count, columns = rows_of.size, g.shape[1]
    row, nodes = np.uintp(columns), np.uintp(g.size)
    flat, changes = g.reshape(g.size), dg.reshape(dg.size)
    flat_x, flat_y = dx.reshape(dx.size), dy.reshape(dy.size)
    flat_px, flat_py = dpx.reshape(dpx.size), dpy.reshape(dpy.size)
    step_x, step_y, long = step(dx), step(dy), np.uintp(x.size)
    gx, gy = x.dtype.type(geometry[2]), x.dtype.type(geometry[3])
    sx, sy = x.dtype.type(factor * geometry[2]), x.dtype.type(factor * geometry[3])
    c0, c1, c2, c3 = cubic(c, x.dtype)
    d1, d2, d3 = slopes(c1, c2, c3, x.dtype.type(1.0))
    q2, q3 = curvatures(c2, c3, x.dtype.type(1.0))
    first, u = np.empty(BLOCK, np.int32), np.empty((2, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        place(x, y, low, size, geometry, columns, first, u)
        for i in range(size):
            n = low + i
            if not active[n]:
                continue
            at = np.uintp(first[i])
            f0, f1, f2, f3 = rows(flat, at, row)
            wx, wy = at_cubic(u[0, i], c0, c1, c2, c3), at_cubic(u[1, i], c0, c1, c2, c3)
            vx, vy = at_square(u[0, i], d1, d2, d3), at_square(u[1, i], d1, d2, d3)
            qx, qy = fma(spread(u[0, i]), q3, q2), fma(spread(u[1, i]), q3, q2)
            over, along = across(wx, f0, f1, f2, f3), across(vx, f0, f1, f2, f3)
            slope_x, slope_y = dot(along, wy), dot(over, vy)
            px[n] -= sx * slope_x
            py[n] -= sy * slope_y
            h20 = sx * gx * dot(across(qx, f0, f1, f2, f3), wy)
            h11, h02 = sx * gy * dot(along, vy), sy * gy * dot(over, qy)
            slope_x, slope_y = gx * slope_x, gy * slope_y
            by_x, by_y = times(spread(sx), wy), times(spread(sy), vy)
            all_wx, all_vx = lanes(wx), lanes(vx)
            for k in range(count):
                f0, f1, f2, f3 = rows(changes, at, row)
                at += nodes
                to_x = dot(across_spread(all_vx, f0, f1, f2, f3), by_x)
                to_y = dot(across_spread(all_wx, f0, f1, f2, f3), by_y)
                r, i_n, share = np.uintp(rows_of[k]), np.uintp(n), x.dtype.type(dfactor[k])
                ex, ey = flat_x[r * step_x + i_n], flat_y[r * step_y + i_n]
                flat_px[r * long + i_n] -= to_x + (h20 * ex + h11 * ey + share * slope_x)
                flat_py[r * long + i_n] -= to_y + (h11 * ex + h02 * ey + share * slope_y)
