"""Tangents of the mesh kernels: K directions at once, a grid each.

What the weights of a particle are is found once for all directions. `wx, vx, qx` are its weights in
x, their slopes and their curvatures, `wy, vy, qy` those in y. The rest is as in `mesh_kernels`.
"""

import numpy as np

from .jit import helper, kernel
from .mesh_kernels import (
    BLOCK,
    across,
    at_cubic,
    at_square,
    cubic,
    curvatures,
    place,
    rows,
    slopes,
)
from .vector import dot, fma, lane, load, spread, store, times, wide


@helper
def lanes(four):
    """Each of the four numbers, four times."""
    return spread(lane(four, 0)), spread(lane(four, 1)), spread(lane(four, 2)), spread(lane(four, 3))


@helper
def put_spread(g, at, row, a, b, c, d):
    """Add a b + c d to 4 x 4 nodes, where a and c (in x) are `lanes`."""
    store(g, at, fma(a[0], b, fma(c[0], d, load(g, at))))
    at += row
    store(g, at, fma(a[1], b, fma(c[1], d, load(g, at))))
    at += row
    store(g, at, fma(a[2], b, fma(c[2], d, load(g, at))))
    at += row
    store(g, at, fma(a[3], b, fma(c[3], d, load(g, at))))


@helper
def across_spread(a, f0, f1, f2, f3):
    """Sum over x of 4 x 4 nodes, where the weights a are `lanes`."""
    return fma(a[3], f3, fma(a[2], f2, fma(a[1], f1, times(a[0], f0))))


@kernel
def deposit_tangent(part, start, stop, x, y, active, w, dw, dx, dy, geometry, c, columns, out):
    """Tangents of `deposit`, a grid each: sum_p (dw + w dx d/dx + w dy d/dy) W(x_p) W(y_p).

    dw, dx, dy are (K or 1, N).
    """
    count, step = max(dw.shape[0], dx.shape[0], dy.shape[0]), min(1, w.size - 1)
    kw, kx, ky = min(1, dw.shape[0] - 1), min(1, dx.shape[0] - 1), min(1, dy.shape[0] - 1)
    row, g = np.uintp(columns), out[part]
    nodes = np.uintp(g.size // count)
    c0, c1, c2, c3 = cubic(c, x.dtype)
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
            weight = w[n * step]
            wx = lanes(wide(at_cubic(u[0, i], c0, c1, c2, c3)))
            vx = lanes(wide(at_square(u[0, i], vx1, vx2, vx3)))
            wy, vy = at_cubic(u[1, i], c0, c1, c2, c3), at_square(u[1, i], vy1, vy2, vy3)
            at = np.uintp(first[i])
            for k in range(count):
                along, up = weight * dx[k * kx, n], weight * dy[k * ky, n]
                here = fma(spread(up), vy, times(spread(dw[k * kw, n]), wy))
                put_spread(g, at, row, wx, wide(here), vx, wide(times(spread(along), wy)))
                at += nodes


@kernel
def kick_tangent(
    part, start, stop, x, y, active, g, dx, dy, dpx, dpy, dg, factor, dfactor, geometry, c, out
):
    """Tangents of `kick` in K directions, (2, K, N).

    dx, dy, dpx, dpy are (K or 1, N), dg is (K, nx, ny), dfactor (K).
    """
    count, columns = dg.shape[0], g.shape[1]
    row, nodes = np.uintp(columns), np.uintp(g.size)
    flat, changes = g.reshape(g.size), dg.reshape(dg.size)
    kx, ky = min(1, dx.shape[0] - 1), min(1, dy.shape[0] - 1)
    kpx, kpy = min(1, dpx.shape[0] - 1), min(1, dpy.shape[0] - 1)
    sx, sy = x.dtype.type(geometry[2]), x.dtype.type(geometry[3])
    whole = x.dtype.type(factor)
    c0, c1, c2, c3 = cubic(c, x.dtype)
    vx1, vx2, vx3 = slopes(c1, c2, c3, sx)
    vy1, vy2, vy3 = slopes(c1, c2, c3, sy)
    qx2, qx3 = curvatures(c2, c3, sx * sx)
    qy2, qy3 = curvatures(c2, c3, sy * sy)
    first, u = np.empty(BLOCK, np.int32), np.empty((2, BLOCK), x.dtype)
    to_px, to_py = out[0], out[1]
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        place(x, y, low, size, geometry, columns, first, u)
        for i in range(size):
            n = low + i
            if not active[n]:
                for k in range(count):
                    to_px[k, n], to_py[k, n] = dpx[k * kpx, n], dpy[k * kpy, n]
                continue
            at = np.uintp(first[i])
            f0, f1, f2, f3 = rows(flat, at, row)
            wx, wy = at_cubic(u[0, i], c0, c1, c2, c3), at_cubic(u[1, i], c0, c1, c2, c3)
            vx, vy = at_square(u[0, i], vx1, vx2, vx3), at_square(u[1, i], vy1, vy2, vy3)
            qx, qy = fma(spread(u[0, i]), qx3, qx2), fma(spread(u[1, i]), qy3, qy2)
            over, along = across(wx, f0, f1, f2, f3), across(vx, f0, f1, f2, f3)
            slope_x, slope_y = dot(along, wy), dot(over, vy)
            h20 = whole * dot(across(qx, f0, f1, f2, f3), wy)
            h11, h02 = whole * dot(along, vy), whole * dot(over, qy)
            by_x, by_y = times(spread(whole), wy), times(spread(whole), vy)
            all_wx, all_vx = lanes(wx), lanes(vx)
            for k in range(count):
                f0, f1, f2, f3 = rows(changes, at, row)
                at += nodes
                ex, ey, share = dx[k * kx, n], dy[k * ky, n], x.dtype.type(dfactor[k])
                to_x = dot(across_spread(all_vx, f0, f1, f2, f3), by_x)
                to_y = dot(across_spread(all_wx, f0, f1, f2, f3), by_y)
                to_x += h20 * ex + h11 * ey + share * slope_x
                to_y += h11 * ex + h02 * ey + share * slope_y
                to_px[k, n] = dpx[k * kpx, n] - to_x
                to_py[k, n] = dpy[k * kpy, n] - to_y
