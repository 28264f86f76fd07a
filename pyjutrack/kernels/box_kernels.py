"""Kernels that spread particles over a box of nodes and read the box at particles.

A particle meets 4 x 4 x 4 nodes: four planes of what `stencil` has for two dimensions. Kernels of
values meet of the planes, and of the rows along z, those alone that have weights, three each for a
quadratic; see `met_nodes`. Weights, slopes and curvatures are `w`, `v` and `q`, as in
`mesh_kernels`. `geometry` is the position of padded node 1 in x, y and z, past the offset of the
shape function, and 1/spacing in x, y and z; `row` and `plane` are the steps in the flat array along
y and along x. Particles that are not `active` are passed over. Every kernel serves particles
`start` to `stop`, and sums into its own `part` in double precision.
"""

import numpy as np

from .jit import helper, kernel
from .met_nodes import (
    derived,
    lanes_met,
    polynomials,
    put_met,
    rows_met,
    sum_rows,
    value_at,
)
from .stencil import across, at_cubic, at_square, cubic, curvatures, lanes, put_two, rows, slopes
from .vector import dot, fma, spread, times, wide

#: particles whose cells are found together
BLOCK = 16
ONE = np.uintp(1)


@helper
def locate(n, x, y, z, geometry, row, plane):
    """First node of particle n, flat, and its place in [0, 1) in the cell; inside the box."""
    ux = (np.float64(x[n]) - geometry[0]) * geometry[3]
    uy = (np.float64(y[n]) - geometry[1]) * geometry[4]
    uz = (np.float64(z[n]) - geometry[2]) * geometry[5]
    i, j, k = int(ux), int(uy), int(uz)
    at = np.uintp(i) * plane + np.uintp(j) * row + np.uintp(k)
    return at, x.dtype.type(ux - i), y.dtype.type(uy - j), z.dtype.type(uz - k)


@helper
def locate_block(low, size, x, y, z, geometry, row, plane, step, first, u):
    """`locate` of a block of particles: their nodes are then known while those of one are met.

    Nodes along z are `step` apart. Written out, as by `locate` it would take a tenth longer.
    """
    for m in range(size):
        n, at = np.uintp(low + m), np.uintp(m)
        ux = (np.float64(x[n]) - geometry[0]) * geometry[3]
        uy = (np.float64(y[n]) - geometry[1]) * geometry[4]
        uz = (np.float64(z[n]) - geometry[2]) * geometry[5]
        i, j, k = int(ux), int(uy), int(uz)
        first[at] = np.uintp(i) * plane + np.uintp(j) * row + np.uintp(k) * step
        u[0, at], u[1, at], u[2, at] = ux - i, uy - j, uz - k


@kernel
def deposit(part, start, stop, x, y, z, active, w, geometry, c, met, row, plane, step, out):
    """Box of sum_p w_p W(x_p) W(y_p) W(z_p), made here; w is (N,), or (1,) for all.

    Particles in one cell along z and those in the next have their four nodes `step` apart: 1, or
    that of slabs (nz, nx, ny, 4), see `fold_slabs`.
    """
    g, each = out[part], min(1, w.size - 1)
    g[:] = 0.0
    row, plane, step = np.uintp(row), np.uintp(plane), np.uintp(step)
    before, near = np.uintp(met[0]) * (row + plane), polynomials(c, met, x.dtype)
    first, u = np.empty(BLOCK, np.uintp), np.empty((3, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        locate_block(low, size, x, y, z, geometry, row, plane, step, first, u)
        for i in range(size):
            n, k = np.uintp(low + i), np.uintp(i)
            if active[n]:
                wx = lanes_met(times(spread(w[(low + i) * each]), value_at(u[0, k], near)), met)
                wy, wz = lanes_met(wide(value_at(u[1, k], near)), met), value_at(u[2, k], near)
                at = first[k] + before
                for m in range(len(wx)):
                    put_met(g, at, row, wy, wide(times(wx[m], wz)))
                    at += plane


@kernel
def fold_slabs(part, start, stop, slabs, out):
    """Sum planes `start` to `stop` along x of slabs (parts, nz, nx, ny, 4), the box that they are.

    Slab k holds what particles between nodes k + 1 and k + 2 along z have deposited on their four
    nodes. These stand side by side, so that stores are aligned and meet each other wholly or not at
    all: a load of what half of a store under way has written waits for that store.
    """
    for i in range(start, stop):
        out[i] = 0.0
        for own in slabs:
            for k in range(out.shape[2] - 3):
                for j in range(out.shape[1]):
                    out[i, j, k] += own[k, i, j, 0]
                    out[i, j, k + 1] += own[k, i, j, 1]
                    out[i, j, k + 2] += own[k, i, j, 2]
                    out[i, j, k + 3] += own[k, i, j, 3]


@kernel
def deposit_push(
    part, start, stop, x, y, z, active, w, dx, dy, dz, dw, geometry, c, row, plane, nodes, out
):
    """Tangents of `deposit` in K directions, a box each.

    These are sum_p (dw + w dx d/dx + w dy d/dy + w dz d/dz) W(x_p) W(y_p) W(z_p); the tangents
    are (K, N), or (1, N) for all directions, and dx may have no direction more than `out`.
    """
    g, each = out[part], min(1, w.size - 1)
    count = g.size // nodes
    row, plane = np.uintp(row), np.uintp(plane)
    c0, c1, c2, c3 = cubic(c, x.dtype)
    vx1, vx2, vx3 = slopes(c1, c2, c3, x.dtype.type(geometry[3]))
    vy1, vy2, vy3 = slopes(c1, c2, c3, x.dtype.type(geometry[4]))
    vz1, vz2, vz3 = slopes(c1, c2, c3, x.dtype.type(geometry[5]))
    several = min(1, len(dx) - 1), min(1, len(dy) - 1), min(1, len(dz) - 1), min(1, len(dw) - 1)
    for i in range(start, stop):
        n = np.uintp(i)
        if active[n]:
            at, ux, uy, uz = locate(n, x, y, z, geometry, row, plane)
            wx, vx = lanes(at_cubic(ux, c0, c1, c2, c3)), lanes(at_square(ux, vx1, vx2, vx3))
            wy, vy = at_cubic(uy, c0, c1, c2, c3), at_square(uy, vy1, vy2, vy3)
            wz, vz = at_cubic(uz, c0, c1, c2, c3), at_square(uz, vz1, vz2, vz3)
            weight = w[i * each]
            for k in range(count):
                ex, ey = weight * dx[k * several[0], n], weight * dy[k * several[1], n]
                ez, ew = weight * dz[k * several[2], n], dw[k * several[3], n]
                # planes: wy (wx along + vx across) + vy (wx sideways), rows along z
                along = fma(spread(ez), vz, times(spread(ew), wz))
                over, aside = times(spread(ex), wz), wide(times(spread(ey), wz))
                to = at + np.uintp(k * nodes)
                for m in range(4):
                    here = wide(fma(wx[m], along, times(vx[m], over)))
                    put_two(g, to, row, wide(wy), here, wide(times(wx[m], vy)), aside)
                    to += plane


@helper
def read(at, ux, uy, g, row, plane, met, near, slope):
    """Four values along z, and their slopes by x and y, of a box at a place in x and y."""
    wx, vx = lanes_met(value_at(ux, near), met), lanes_met(value_at(ux, slope), met)
    wy, vy = lanes_met(value_at(uy, near), met), lanes_met(value_at(uy, slope), met)
    value = by_x = by_y = spread(ux - ux)
    at += np.uintp(met[0]) * (row + plane)
    for m in range(len(met)):
        f = rows_met(g, at, row, met)
        over, along = sum_rows(wy, f), sum_rows(vy, f)
        value, by_x = fma(wx[m], over, value), fma(vx[m], over, by_x)
        by_y = fma(wx[m], along, by_y)
        at += plane
    return value, by_x, by_y


@kernel
def gather(part, start, stop, x, y, z, active, g, geometry, c, met, row, plane, out):
    """Value and three slopes of a box at every particle, (4, N)."""
    row, plane = np.uintp(row), np.uintp(plane)
    sx, sy = x.dtype.type(geometry[3]), x.dtype.type(geometry[4])
    sz = x.dtype.type(geometry[5])
    near = polynomials(c, met, x.dtype)
    slope = derived(near)
    for i in range(start, stop):
        n = np.uintp(i)
        if not active[n]:
            out[0, n], out[1, n], out[2, n], out[3, n] = 0.0, 0.0, 0.0, 0.0
            continue
        at, ux, uy, uz = locate(n, x, y, z, geometry, row, plane)
        value, by_x, by_y = read(at, ux, uy, g, row, plane, met, near, slope)
        wz = value_at(uz, near)
        out[0, n], out[1, n], out[2, n] = dot(value, wz), sx * dot(by_x, wz), sy * dot(by_y, wz)
        out[3, n] = sz * dot(value, value_at(uz, slope))


@kernel
def kick(part, start, stop, x, y, z, active, px, py, pz, g, factor, geometry, c, met, row, plane):
    """Subtract factor times the slopes of a box from momenta (N,), in place."""
    row, plane = np.uintp(row), np.uintp(plane)
    sx, sy = x.dtype.type(factor * geometry[3]), x.dtype.type(factor * geometry[4])
    sz = x.dtype.type(factor * geometry[5])
    near = polynomials(c, met, x.dtype)
    slope = derived(near)
    first, u = np.empty(BLOCK, np.uintp), np.empty((3, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        locate_block(low, size, x, y, z, geometry, row, plane, ONE, first, u)
        for i in range(size):
            n, k = np.uintp(low + i), np.uintp(i)
            if active[n]:
                at, ux, uy, uz = first[k], u[0, k], u[1, k], u[2, k]
                value, by_x, by_y = read(at, ux, uy, g, row, plane, met, near, slope)
                wz = value_at(uz, near)
                px[n] -= sx * dot(by_x, wz)
                py[n] -= sy * dot(by_y, wz)
                pz[n] -= sz * dot(value, value_at(uz, slope))


@kernel
def curve(part, start, stop, x, y, z, active, g, geometry, c, row, plane, out):
    """Second derivatives of a box at every particle: xx, xy, xz, yy, yz, zz, (6, N)."""
    row, plane = np.uintp(row), np.uintp(plane)
    one = x.dtype.type(1.0)
    sx, sy = x.dtype.type(geometry[3]), x.dtype.type(geometry[4])
    sz = x.dtype.type(geometry[5])
    c0, c1, c2, c3 = cubic(c, x.dtype)
    d1, d2, d3 = slopes(c1, c2, c3, one)
    q2, q3 = curvatures(c2, c3, one)
    for i in range(start, stop):
        n = np.uintp(i)
        if not active[n]:
            for m in range(6):
                out[m, n] = 0.0
            continue
        at, ux, uy, uz = locate(n, x, y, z, geometry, row, plane)
        wx, vx = lanes(at_cubic(ux, c0, c1, c2, c3)), lanes(at_square(ux, d1, d2, d3))
        wy, vy = at_cubic(uy, c0, c1, c2, c3), at_square(uy, d1, d2, d3)
        qx, qy = lanes(fma(spread(ux), q3, q2)), fma(spread(uy), q3, q2)
        value = by_x = by_y = by_xx = by_xy = by_yy = spread(x.dtype.type(0.0))
        for m in range(4):
            f0, f1, f2, f3 = rows(g, at, row)
            over, along = across(wy, f0, f1, f2, f3), across(vy, f0, f1, f2, f3)
            value, by_x = fma(wx[m], over, value), fma(vx[m], over, by_x)
            by_y, by_xx = fma(wx[m], along, by_y), fma(qx[m], over, by_xx)
            by_xy = fma(vx[m], along, by_xy)
            by_yy = fma(wx[m], across(qy, f0, f1, f2, f3), by_yy)
            at += plane
        wz, vz = at_cubic(uz, c0, c1, c2, c3), at_square(uz, d1, d2, d3)
        out[0, n], out[1, n] = sx * sx * dot(by_xx, wz), sx * sy * dot(by_xy, wz)
        out[2, n], out[3, n] = sx * sz * dot(by_x, vz), sy * sy * dot(by_yy, wz)
        out[4, n] = sy * sz * dot(by_y, vz)
        out[5, n] = sz * sz * dot(value, fma(spread(uz), q3, q2))
