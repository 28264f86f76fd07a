"""Compiled kernels that spread particles over a grid and read a grid at particles.

Both know a particle by its cell and the weights of 4 x 4 nodes, polynomials of its place in the
cell (`c`, see `spacecharge.shapes`). K fields at once live on the last axis of the grid, so that
the inner loop runs over neighbours in memory. Particles that are not `active` are passed over.
`geometry` is (position of padded node 1 in x and y, 1/spacing in x and y). Sums over particles are
made in `threads` parts, so they repeat to the last bit for the same number.
"""

import math

import numpy as np
from numba import njit, prange

_OPTIONS = {"cache": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


@njit(inline="always", **_OPTIONS)
def _weights(u, c):
    return (
        c[0, 0] + u * (c[0, 1] + u * (c[0, 2] + u * c[0, 3])),
        c[1, 0] + u * (c[1, 1] + u * (c[1, 2] + u * c[1, 3])),
        c[2, 0] + u * (c[2, 1] + u * (c[2, 2] + u * c[2, 3])),
        c[3, 0] + u * (c[3, 1] + u * (c[3, 2] + u * c[3, 3])),
    )


@njit(inline="always", **_OPTIONS)
def _slopes(u, c, s):
    return (
        s * (c[0, 1] + u * (2 * c[0, 2] + u * 3 * c[0, 3])),
        s * (c[1, 1] + u * (2 * c[1, 2] + u * 3 * c[1, 3])),
        s * (c[2, 1] + u * (2 * c[2, 2] + u * 3 * c[2, 3])),
        s * (c[3, 1] + u * (2 * c[3, 2] + u * 3 * c[3, 3])),
    )


@njit(inline="always", **_OPTIONS)
def _curvatures(u, c, s):
    return (
        s * s * (2 * c[0, 2] + u * 6 * c[0, 3]),
        s * s * (2 * c[1, 2] + u * 6 * c[1, 3]),
        s * s * (2 * c[2, 2] + u * 6 * c[2, 3]),
        s * s * (2 * c[3, 2] + u * 6 * c[3, 3]),
    )


@njit(parallel=True, **_OPTIONS)
def _sum_threads(parts):
    threads, rows = parts.shape[0], parts.shape[1]
    for i in prange(rows):
        for t in range(1, threads):
            parts[0, i] += parts[t, i]
    return parts[0]


@njit(parallel=True, **_OPTIONS)
def deposit(x, y, active, w, geometry, c, threads, shape):
    """Grid of sum_p w_p W(x_p) W(y_p)."""
    x0, y0, sx, sy = geometry
    parts = np.zeros((threads, shape[0], shape[1]), x.dtype)
    for t in prange(threads):
        g = parts[t]
        for n in range(t * x.size // threads, (t + 1) * x.size // threads):
            if not active[n]:
                continue
            ux, uy = (x[n] - x0) * sx, (y[n] - y0) * sy
            fx, fy = math.floor(ux), math.floor(uy)
            i, j = int(fx), int(fy)
            wx, wy = _weights(ux - fx, c), _weights(uy - fy, c)
            for r in range(4):
                a = w[n] * wx[r]
                row = g[i + r]
                row[j] += a * wy[0]
                row[j + 1] += a * wy[1]
                row[j + 2] += a * wy[2]
                row[j + 3] += a * wy[3]
    return _sum_threads(parts)


@njit(parallel=True, **_OPTIONS)
def spread(x, y, active, a, b, d, geometry, c, threads, shape):
    """K grids (last axis) of sum_p (a + b d/dx + d d/dy) W(x_p) W(y_p); a, b, d are (K or 1, N)."""
    x0, y0, sx, sy = geometry
    count = max(a.shape[0], b.shape[0], d.shape[0])
    cell, width = np.uintp(count), np.uintp(shape[1] * count)
    parts = np.zeros((threads, shape[0] * shape[1] * count), x.dtype)
    ka, kb, kd = min(1, a.shape[0] - 1), min(1, b.shape[0] - 1), min(1, d.shape[0] - 1)
    for t in prange(threads):
        g = parts[t]
        ga, gb, gd = np.empty(count, x.dtype), np.empty(count, x.dtype), np.empty(count, x.dtype)
        for n in range(t * x.size // threads, (t + 1) * x.size // threads):
            if not active[n]:
                continue
            ux, uy = (x[n] - x0) * sx, (y[n] - y0) * sy
            fx, fy = math.floor(ux), math.floor(uy)
            wx, wy = _weights(ux - fx, c), _weights(uy - fy, c)
            vx, vy = _slopes(ux - fx, c, sx), _slopes(uy - fy, c, sy)
            for k in range(count):
                ga[k], gb[k], gd[k] = a[k * ka, n], b[k * kb, n], d[k * kd, n]
            # unsigned offsets into flat rows: no test for negative indices in the inner loop
            first = np.uintp(fx) * width + np.uintp(fy) * cell
            for r in range(4):
                c0 = first
                c1 = c0 + cell
                c2 = c1 + cell
                c3 = c2 + cell
                first += width
                for k in range(count):
                    along = wx[r] * ga[k] + vx[r] * gb[k]
                    across = wx[r] * gd[k]
                    g[c0 + np.uintp(k)] += along * wy[0] + across * vy[0]
                    g[c1 + np.uintp(k)] += along * wy[1] + across * vy[1]
                    g[c2 + np.uintp(k)] += along * wy[2] + across * vy[2]
                    g[c3 + np.uintp(k)] += along * wy[3] + across * vy[3]
    return _sum_threads(parts.reshape((threads, shape[0], shape[1] * count))).reshape(
        (shape[0], shape[1], count)
    )


@njit(parallel=True, **_OPTIONS)
def gather(x, y, active, g, geometry, c, threads):
    """Value and both slopes of a grid at every particle, (3, N)."""
    x0, y0, sx, sy = geometry
    out = np.zeros((3, x.size), x.dtype)
    for n in prange(x.size):
        if active[n]:
            ux, uy = (x[n] - x0) * sx, (y[n] - y0) * sy
            fx, fy = math.floor(ux), math.floor(uy)
            i, j = int(fx), int(fy)
            wx, wy = _weights(ux - fx, c), _weights(uy - fy, c)
            vx, vy = _slopes(ux - fx, c, sx), _slopes(uy - fy, c, sy)
            v00, v10, v01 = 0.0, 0.0, 0.0
            for r in range(4):
                row = g[i + r]
                along = (
                    wy[0] * row[j] + wy[1] * row[j + 1] + wy[2] * row[j + 2] + wy[3] * row[j + 3]
                )
                across = (
                    vy[0] * row[j] + vy[1] * row[j + 1] + vy[2] * row[j + 2] + vy[3] * row[j + 3]
                )
                v00 += wx[r] * along
                v10 += vx[r] * along
                v01 += wx[r] * across
            out[0, n], out[1, n], out[2, n] = v00, v10, v01
    return out


@njit(parallel=True, **_OPTIONS)
def gather_tangent(x, y, active, g, dx, dy, dg, base_x, base_y, scale, geometry, c, threads):
    """Slopes of a grid at every particle, differentiated in K directions: out (2, K, N).

    dx, dy, base_x, base_y are (K or 1, N), dg (nx, ny, K); `scale` (1 + K) holds a factor and its
    tangents. The tangents of factor * slopes are added to the base.
    """
    x0, y0, sx, sy = geometry
    count = dg.shape[2]
    cell, width = np.uintp(count), np.uintp(dg.shape[1] * count)
    flat = dg.reshape(dg.size)
    kx, ky, kb = min(1, dx.shape[0] - 1), min(1, dy.shape[0] - 1), min(1, base_x.shape[0] - 1)
    kc = min(1, base_y.shape[0] - 1)
    out = np.empty((2, count, x.size), x.dtype)
    factor = scale[0]
    for t in prange(threads):
        o1, o2 = np.empty(count, x.dtype), np.empty(count, x.dtype)
        for n in range(t * x.size // threads, (t + 1) * x.size // threads):
            if not active[n]:
                for k in range(count):
                    out[0, k, n], out[1, k, n] = base_x[k * kb, n], base_y[k * kc, n]
                continue
            ux, uy = (x[n] - x0) * sx, (y[n] - y0) * sy
            fx, fy = math.floor(ux), math.floor(uy)
            i, j = int(fx), int(fy)
            wx, wy = _weights(ux - fx, c), _weights(uy - fy, c)
            vx, vy = _slopes(ux - fx, c, sx), _slopes(uy - fy, c, sy)
            qx, qy = _curvatures(ux - fx, c, sx), _curvatures(uy - fy, c, sy)
            h10, h01, h20, h11, h02 = 0.0, 0.0, 0.0, 0.0, 0.0
            for r in range(4):
                row = g[i + r]
                f0, f1, f2, f3 = row[j], row[j + 1], row[j + 2], row[j + 3]
                along = wy[0] * f0 + wy[1] * f1 + wy[2] * f2 + wy[3] * f3
                across = vy[0] * f0 + vy[1] * f1 + vy[2] * f2 + vy[3] * f3
                h10 += vx[r] * along
                h20 += qx[r] * along
                h01 += wx[r] * across
                h11 += vx[r] * across
                h02 += wx[r] * (qy[0] * f0 + qy[1] * f1 + qy[2] * f2 + qy[3] * f3)
            for k in range(count):
                ex, ey = dx[k * kx, n], dy[k * ky, n]
                o1[k] = h20 * ex + h11 * ey
                o2[k] = h11 * ex + h02 * ey
            first = np.uintp(fx) * width + np.uintp(fy) * cell
            for r in range(4):
                c0 = first
                c1 = c0 + cell
                c2 = c1 + cell
                c3 = c2 + cell
                first += width
                for k in range(count):
                    f0, f1, f2, f3 = (
                        flat[c0 + np.uintp(k)],
                        flat[c1 + np.uintp(k)],
                        flat[c2 + np.uintp(k)],
                        flat[c3 + np.uintp(k)],
                    )
                    o1[k] += vx[r] * (wy[0] * f0 + wy[1] * f1 + wy[2] * f2 + wy[3] * f3)
                    o2[k] += wx[r] * (vy[0] * f0 + vy[1] * f1 + vy[2] * f2 + vy[3] * f3)
            for k in range(count):
                slope = scale[k + 1]
                out[0, k, n] = base_x[k * kb, n] + factor * o1[k] + slope * h10
                out[1, k, n] = base_y[k * kc, n] + factor * o2[k] + slope * h01
    return out


@njit(parallel=True, **_OPTIONS)
def kick_cotangent(x, y, active, g, b, d, factor, geometry, c, threads):
    """Pull-back of -factor * slopes by gradients b, d (N): for x and y (2, N), grid, and factor."""
    x0, y0, sx, sy = geometry
    out = np.zeros((2, x.size), x.dtype)
    parts = np.zeros((threads, g.shape[0], g.shape[1]), x.dtype)
    by_factor = np.zeros(threads, np.float64)
    for t in prange(threads):
        back = parts[t]
        total = 0.0
        for n in range(t * x.size // threads, (t + 1) * x.size // threads):
            if not active[n]:
                continue
            ux, uy = (x[n] - x0) * sx, (y[n] - y0) * sy
            fx, fy = math.floor(ux), math.floor(uy)
            i, j = int(fx), int(fy)
            wx, wy = _weights(ux - fx, c), _weights(uy - fy, c)
            vx, vy = _slopes(ux - fx, c, sx), _slopes(uy - fy, c, sy)
            qx, qy = _curvatures(ux - fx, c, sx), _curvatures(uy - fy, c, sy)
            bn, dn = -factor * b[n], -factor * d[n]
            h10, h01, h20, h11, h02 = 0.0, 0.0, 0.0, 0.0, 0.0
            for r in range(4):
                row, into = g[i + r], back[i + r]
                f0, f1, f2, f3 = row[j], row[j + 1], row[j + 2], row[j + 3]
                along = wy[0] * f0 + wy[1] * f1 + wy[2] * f2 + wy[3] * f3
                across = vy[0] * f0 + vy[1] * f1 + vy[2] * f2 + vy[3] * f3
                h10 += vx[r] * along
                h20 += qx[r] * along
                h01 += wx[r] * across
                h11 += vx[r] * across
                h02 += wx[r] * (qy[0] * f0 + qy[1] * f1 + qy[2] * f2 + qy[3] * f3)
                for s in range(4):
                    into[j + s] += bn * vx[r] * wy[s] + dn * wx[r] * vy[s]
            out[0, n] = bn * h20 + dn * h11
            out[1, n] = bn * h11 + dn * h02
            total -= b[n] * h10 + d[n] * h01
        by_factor[t] = total
    return out, _sum_threads(parts), by_factor.sum()
