"""Tangents of the mesh kernels: K directions at once, on the last axis of the grid.

The inner loops run over the directions, which are neighbours in memory. `wx, vx, qx` are weights of
a block of particles in x, their slopes and their curvatures, (4, BLOCK); `wy, vy, qy` are those in
y. The rest is as in `mesh_kernels`.
"""

import numpy as np

from .jit import helper, kernel
from .mesh_kernels import BLOCK, place

_1, _2, _3 = np.uintp(1), np.uintp(2), np.uintp(3)


@helper
def _room(dtype):
    """Memory of a block: first nodes, places in the cell, weights, slopes and curvatures."""
    return (
        np.empty(BLOCK, np.int32),
        np.empty((2, BLOCK), dtype),
        np.empty((4, BLOCK), dtype),
        np.empty((4, BLOCK), dtype),
        np.empty((4, BLOCK), dtype),
        np.empty((4, BLOCK), dtype),
        np.empty((4, BLOCK), dtype),
        np.empty((4, BLOCK), dtype),
    )


@helper
def _weigh(x, y, low, size, geometry, columns, c, first, u, wx, wy):
    """First nodes, places and weights of a block."""
    place(x, y, low, size, geometry, columns, first, u)
    for w, v in ((wx, u[0]), (wy, u[1])):
        for r in range(4):
            for i in range(size):
                w[r, i] = c[r, 0] + v[i] * (c[r, 1] + v[i] * (c[r, 2] + v[i] * c[r, 3]))


@helper
def _slope(u, c, sx, sy, size, vx, vy):
    """Slopes of the weights, times sx and sy."""
    for w, v, s in ((vx, u[0], sx), (vy, u[1], sy)):
        for r in range(4):
            for i in range(size):
                w[r, i] = s * (c[r, 1] + v[i] * (2 * c[r, 2] + v[i] * 3 * c[r, 3]))


@helper
def _curve(u, c, sx, sy, size, qx, qy):
    """Curvatures of the weights, times sx and sy squared."""
    for w, v, s in ((qx, u[0], sx), (qy, u[1], sy)):
        for r in range(4):
            for i in range(size):
                w[r, i] = s * s * (2 * c[r, 2] + v[i] * 6 * c[r, 3])


@helper
def _turn(rows, low, size, count, out):
    """A block of (K or 1, N) with the directions of each particle side by side."""
    step = min(1, rows.shape[0] - 1)
    for k in range(count):
        line = rows[k * step, low : low + size]
        for i in range(size):
            out[i, k] = line[i]


@helper
def _bend(flat, at, row, i, wx, vx, qx, wy, vy, qy):
    """Slopes in x and y and second derivatives xx, xy, yy at one particle."""
    h10, h01, h20, h11, h02 = 0.0, 0.0, 0.0, 0.0, 0.0
    for r in range(4):
        f0, f1, f2, f3 = flat[at], flat[at + _1], flat[at + _2], flat[at + _3]
        at += row
        along = (wy[0, i] * f0 + wy[1, i] * f1) + (wy[2, i] * f2 + wy[3, i] * f3)
        across = (vy[0, i] * f0 + vy[1, i] * f1) + (vy[2, i] * f2 + vy[3, i] * f3)
        bent = (qy[0, i] * f0 + qy[1, i] * f1) + (qy[2, i] * f2 + qy[3, i] * f3)
        h10 += vx[r, i] * along
        h20 += qx[r, i] * along
        h01 += wx[r, i] * across
        h11 += vx[r, i] * across
        h02 += wx[r, i] * bent
    return h10, h01, h20, h11, h02


@kernel
def deposit_tangent(part, start, stop, x, y, active, w, dw, dx, dy, geometry, c, columns, out):
    """Tangents of `deposit` on the last axis: sum_p (dw + w dx d/dx + w dy d/dy) W(x_p) W(y_p).

    dw, dx, dy are (K or 1, N).
    """
    count, step = max(dw.shape[0], dx.shape[0], dy.shape[0]), min(1, w.size - 1)
    cell, row, g = np.uintp(count), np.uintp(columns * count), out[part]
    sx, sy = geometry[2], geometry[3]
    first, u, wx, wy, vx, vy, _, _ = _room(x.dtype)
    sources = np.zeros((3, BLOCK, count), x.dtype)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        _weigh(x, y, low, size, geometry, columns, c, first, u, wx, wy)
        _slope(u, c, sx, sy, size, vx, vy)
        _turn(dw, low, size, count, sources[0])
        _turn(dx, low, size, count, sources[1])
        _turn(dy, low, size, count, sources[2])
        for i in range(size):
            if not active[low + i]:
                continue
            ew, ex, ey = sources[0, i], sources[1, i], sources[2, i]
            weight = w[(low + i) * step]
            w0, w1, w2, w3 = wy[0, i], wy[1, i], wy[2, i], wy[3, i]
            v0, v1, v2, v3 = vy[0, i], vy[1, i], vy[2, i], vy[3, i]
            c0 = np.uintp(first[i]) * cell
            for r in range(4):
                c1 = c0 + cell
                c2 = c1 + cell
                c3 = c2 + cell
                here, slope, up = wx[r, i], weight * vx[r, i], weight * wx[r, i]
                for k in range(count):
                    at = np.uintp(k)
                    along = here * ew[k] + slope * ex[k]
                    across = up * ey[k]
                    g[c0 + at] += along * w0 + across * v0
                    g[c1 + at] += along * w1 + across * v1
                    g[c2 + at] += along * w2 + across * v2
                    g[c3 + at] += along * w3 + across * v3
                c0 += row


@kernel
def kick_tangent(
    part, start, stop, x, y, active, g, dx, dy, dpx, dpy, dg, factor, dfactor, geometry, c, out
):
    """Tangents of `kick` in K directions, (2, K, N).

    dx, dy, dpx, dpy are (K or 1, N), dg is (nx, ny, K), dfactor (K).
    """
    count, columns = dg.shape[2], g.shape[1]
    cell, row = np.uintp(count), np.uintp(columns * count)
    narrow, plain, flat = np.uintp(columns), g.reshape(g.size), dg.reshape(dg.size)
    kpx, kpy = min(1, dpx.shape[0] - 1), min(1, dpy.shape[0] - 1)
    sx, sy = geometry[2], geometry[3]
    first, u, wx, wy, vx, vy, qx, qy = _room(x.dtype)
    # of a block: shifts of x and y, and what they and dg make of both slopes, every direction
    tx, ty = np.zeros((BLOCK, count), x.dtype), np.zeros((BLOCK, count), x.dtype)
    ox, oy = np.zeros((BLOCK, count), x.dtype), np.zeros((BLOCK, count), x.dtype)
    slope_x, slope_y = np.empty(BLOCK, x.dtype), np.empty(BLOCK, x.dtype)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        _weigh(x, y, low, size, geometry, columns, c, first, u, wx, wy)
        _slope(u, c, sx, sy, size, vx, vy)
        _curve(u, c, sx, sy, size, qx, qy)
        _turn(dx, low, size, count, tx)
        _turn(dy, low, size, count, ty)
        for i in range(size):
            to_x, to_y = ox[i], oy[i]
            if not active[low + i]:
                slope_x[i], slope_y[i] = 0.0, 0.0
                for k in range(count):
                    to_x[k], to_y[k] = 0.0, 0.0
                continue
            h10, h01, h20, h11, h02 = _bend(
                plain, np.uintp(first[i]), narrow, i, wx, vx, qx, wy, vy, qy
            )
            slope_x[i], slope_y[i] = h10, h01
            ex, ey = tx[i], ty[i]
            for k in range(count):
                to_x[k] = h20 * ex[k] + h11 * ey[k]
                to_y[k] = h11 * ex[k] + h02 * ey[k]
            w0, w1, w2, w3 = wy[0, i], wy[1, i], wy[2, i], wy[3, i]
            v0, v1, v2, v3 = vy[0, i], vy[1, i], vy[2, i], vy[3, i]
            c0 = np.uintp(first[i]) * cell
            for r in range(4):
                c1 = c0 + cell
                c2 = c1 + cell
                c3 = c2 + cell
                s, w = vx[r, i], wx[r, i]
                for k in range(count):
                    here = np.uintp(k)
                    f0, f1 = flat[c0 + here], flat[c1 + here]
                    f2, f3 = flat[c2 + here], flat[c3 + here]
                    to_x[k] += s * ((w0 * f0 + w1 * f1) + (w2 * f2 + w3 * f3))
                    to_y[k] += w * ((v0 * f0 + v1 * f1) + (v2 * f2 + v3 * f3))
                c0 += row
        for k in range(count):
            line_x, line_y = out[0, k, low : low + size], out[1, k, low : low + size]
            from_x, from_y = dpx[k * kpx, low : low + size], dpy[k * kpy, low : low + size]
            for i in range(size):
                line_x[i] = from_x[i] - factor * ox[i, k] - dfactor[k] * slope_x[i]
                line_y[i] = from_y[i] - factor * oy[i, k] - dfactor[k] * slope_y[i]
