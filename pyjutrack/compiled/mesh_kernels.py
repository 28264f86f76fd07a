"""Compiled kernels that spread particles over a grid and read a grid at particles.

Both know a particle by its cell and the weights of 4 x 4 nodes, polynomials of its place in the cell
(`coefficients`, see `spacecharge.shapes`). K fields at once live on the last axis of the grid, so
that the inner loop is one vector instruction. Particles that are not `active` are passed over.
`geometry` is (position of padded node 1 in x and y, 1/spacing in x and y). Sums over particles are made
in `threads` parts, so they repeat to the last bit for the same number.
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


@njit(inline="always", **_OPTIONS)
def _dot(g, i, j, wx, wy):
    total = 0.0
    for r in range(4):
        row = g[i + r]
        total += wx[r] * (
            wy[0] * row[j] + wy[1] * row[j + 1] + wy[2] * row[j + 2] + wy[3] * row[j + 3]
        )
    return total


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
    parts = np.zeros((threads, shape[0], shape[1], count), x.dtype)
    ka, kb, kd = min(1, a.shape[0] - 1), min(1, b.shape[0] - 1), min(1, d.shape[0] - 1)
    for t in prange(threads):
        g = parts[t]
        ga, gb, gd = np.empty(count, x.dtype), np.empty(count, x.dtype), np.empty(count, x.dtype)
        for n in range(t * x.size // threads, (t + 1) * x.size // threads):
            if not active[n]:
                continue
            ux, uy = (x[n] - x0) * sx, (y[n] - y0) * sy
            fx, fy = math.floor(ux), math.floor(uy)
            i, j = int(fx), int(fy)
            wx, wy = _weights(ux - fx, c), _weights(uy - fy, c)
            vx, vy = _slopes(ux - fx, c, sx), _slopes(uy - fy, c, sy)
            for k in range(count):
                ga[k], gb[k], gd[k] = a[k * ka, n], b[k * kb, n], d[k * kd, n]
            for r in range(4):
                for s in range(4):
                    w00, w10, w01 = wx[r] * wy[s], vx[r] * wy[s], wx[r] * vy[s]
                    cell = g[i + r, j + s]
                    for k in range(count):
                        cell[k] += w00 * ga[k] + w10 * gb[k] + w01 * gd[k]
    return _sum_threads(parts)


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
def gather_tangent(x, y, active, g, dx, dy, dg, geometry, c, threads):
    """Tangents of `gather` in K directions: dx, dy (K or 1, N), dg (nx, ny, K); out (3, K, N)."""
    x0, y0, sx, sy = geometry
    count = dg.shape[2]
    kx, ky = min(1, dx.shape[0] - 1), min(1, dy.shape[0] - 1)
    out = np.zeros((3, count, x.size), x.dtype)
    for t in prange(threads):
        o0, o1, o2 = np.empty(count, x.dtype), np.empty(count, x.dtype), np.empty(count, x.dtype)
        for n in range(t * x.size // threads, (t + 1) * x.size // threads):
            if not active[n]:
                continue
            ux, uy = (x[n] - x0) * sx, (y[n] - y0) * sy
            fx, fy = math.floor(ux), math.floor(uy)
            i, j = int(fx), int(fy)
            wx, wy = _weights(ux - fx, c), _weights(uy - fy, c)
            vx, vy = _slopes(ux - fx, c, sx), _slopes(uy - fy, c, sy)
            qx, qy = _curvatures(ux - fx, c, sx), _curvatures(uy - fy, c, sy)
            h10, h01 = _dot(g, i, j, vx, wy), _dot(g, i, j, wx, vy)
            h20, h11, h02 = (
                _dot(g, i, j, qx, wy),
                _dot(g, i, j, vx, vy),
                _dot(g, i, j, wx, qy),
            )
            for k in range(count):
                ex, ey = dx[k * kx, n], dy[k * ky, n]
                o0[k] = h10 * ex + h01 * ey
                o1[k] = h20 * ex + h11 * ey
                o2[k] = h11 * ex + h02 * ey
            for r in range(4):
                for s in range(4):
                    w00, w10, w01 = wx[r] * wy[s], vx[r] * wy[s], wx[r] * vy[s]
                    cell = dg[i + r, j + s]
                    for k in range(count):
                        o0[k] += w00 * cell[k]
                        o1[k] += w10 * cell[k]
                        o2[k] += w01 * cell[k]
            for k in range(count):
                out[0, k, n], out[1, k, n], out[2, k, n] = o0[k], o1[k], o2[k]
    return out


@njit(parallel=True, **_OPTIONS)
def gather_cotangent(x, y, active, g, a, b, d, geometry, c, threads):
    """Pull-back of `gather`: gradients a, b, d (N) of value and slopes; (2, N) for x, y, and grid."""
    x0, y0, sx, sy = geometry
    out = np.zeros((2, x.size), x.dtype)
    parts = np.zeros((threads, g.shape[0], g.shape[1]), x.dtype)
    for t in prange(threads):
        back = parts[t]
        for n in range(t * x.size // threads, (t + 1) * x.size // threads):
            if not active[n]:
                continue
            ux, uy = (x[n] - x0) * sx, (y[n] - y0) * sy
            fx, fy = math.floor(ux), math.floor(uy)
            i, j = int(fx), int(fy)
            wx, wy = _weights(ux - fx, c), _weights(uy - fy, c)
            vx, vy = _slopes(ux - fx, c, sx), _slopes(uy - fy, c, sy)
            qx, qy = _curvatures(ux - fx, c, sx), _curvatures(uy - fy, c, sy)
            h11 = _dot(g, i, j, vx, vy)
            an, bn, dn = a[n], b[n], d[n]
            out[0, n] = an * _dot(g, i, j, vx, wy) + bn * _dot(g, i, j, qx, wy) + dn * h11
            out[1, n] = an * _dot(g, i, j, wx, vy) + bn * h11 + dn * _dot(g, i, j, wx, qy)
            for r in range(4):
                row = back[i + r]
                along, across = an * wx[r] + bn * vx[r], dn * wx[r]
                for s in range(4):
                    row[j + s] += along * wy[s] + across * vy[s]
    return out, _sum_threads(parts)
