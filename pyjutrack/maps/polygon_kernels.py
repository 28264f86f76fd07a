"""Kernels of `in_polygon`, whose corners are of any number; see `codegen.particles`."""

import math

from ..kernels.jit import kernel
from .program_kernels import step_kernel


@kernel
def block(size, x, px, y, py, z, delta, alive, numbers):
    """Count edges to the right of a particle; numbers are the count of corners, and these."""
    corners = int(numbers[0])
    for n in range(size):
        inside = False
        a = corners - 1
        for b in range(corners):
            xa, ya, xb, yb = (
                numbers[2 * a + 1],
                numbers[2 * a + 2],
                numbers[2 * b + 1],
                numbers[2 * b + 2],
            )
            if (ya > y[n]) != (yb > y[n]) and x[n] < xa + (xb - xa) * (y[n] - ya) / (yb - ya):
                inside = not inside
            a = b
        alive[n] = alive[n] and inside


@step_kernel
def step(numbers, c, d):
    """One particle; NaN where it is outside."""
    corners = int(numbers[0])
    inside = False
    a = corners - 1
    for b in range(corners):
        xa, ya, xb, yb = (
            numbers[2 * a + 1],
            numbers[2 * a + 2],
            numbers[2 * b + 1],
            numbers[2 * b + 2],
        )
        if (ya > c[2]) != (yb > c[2]) and c[0] < xa + (xb - xa) * (c[2] - ya) / (yb - ya):
            inside = not inside
        a = b
    if not inside:
        c[0] = math.nan
