"""Kernels of `spline_kick`, whose potential is any grid; see `codegen.particles`.

Numbers are strength, half width and half height, the geometry of the grid (see `Mesh.geometry`),
nodes in y, the cubic polynomials of the shape (node by power), and the values on the nodes.
"""

import math

from ..kernels.jit import helper, kernel
from .program import LANES
from .program_kernels import step_kernel

_SHAPE, _NODES = 8, 24


@helper
def polynomial(numbers, node, u):
    """Weight of a node, its slope and its curvature, at u in the cell."""
    c = _SHAPE + 4 * node
    c0, c1, c2, c3 = numbers[c], numbers[c + 1], numbers[c + 2], numbers[c + 3]
    return c0 + u * (c1 + u * (c2 + u * c3)), c1 + u * (2 * c2 + u * 3 * c3), 2 * c2 + u * 6 * c3


@helper
def derivatives(numbers, x, y):
    """First and second derivatives of strength H: by x and y, and by xx, xy and yy."""
    by_x, by_y, by_xx, by_xy, by_yy = 0.0, 0.0, 0.0, 0.0, 0.0
    if not (abs(x) <= numbers[1] and abs(y) <= numbers[2]):
        return by_x, by_y, by_xx, by_xy, by_yy
    rate_x, rate_y = numbers[5], numbers[6]
    u, v = (x - numbers[3]) * rate_x, (y - numbers[4]) * rate_y
    row, column = math.floor(u), math.floor(v)
    u, v = u - row, v - column
    columns = int(numbers[7])
    for i in range(4):
        value, slope, curvature = 0.0, 0.0, 0.0
        for j in range(4):
            node = numbers[_NODES + (int(row) + i) * columns + int(column) + j]
            w, dw, ddw = polynomial(numbers, j, v)
            value, slope, curvature = value + w * node, slope + dw * node, curvature + ddw * node
        w, dw, ddw = polynomial(numbers, i, u)
        by_x, by_y = by_x + dw * value, by_y + w * slope
        by_xx, by_xy, by_yy = by_xx + ddw * value, by_xy + dw * slope, by_yy + w * curvature
    along_x, along_y = numbers[0] * rate_x, numbers[0] * rate_y
    return (
        along_x * by_x,
        along_y * by_y,
        along_x * rate_x * by_xx,
        along_x * rate_y * by_xy,
        along_y * rate_y * by_yy,
    )


@kernel
def block(size, x, px, y, py, z, delta, alive, numbers):
    """Kick of live particles."""
    for n in range(size):
        if alive[n]:
            by_x, by_y, _, _, _ = derivatives(numbers, x[n], y[n])
            px[n] -= by_x
            py[n] -= by_y


@step_kernel
def step(numbers, c, d):
    """Kick of one particle and its tangents."""
    by_x, by_y, by_xx, by_xy, by_yy = derivatives(numbers, c[0], c[2])
    c[1] -= by_x
    c[3] -= by_y
    for k in range(LANES):
        d_x, d_y = d[k], d[2 * LANES + k]
        d[LANES + k] -= by_xx * d_x + by_xy * d_y
        d[3 * LANES + k] -= by_xy * d_x + by_yy * d_y
