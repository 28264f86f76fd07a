"""Kernels that spread particles over a line of cells and read the line at particles.

In each cell a line is a cubic of the place u of a particle in it, from 0 to 1, so that sums of
weights times powers of u, and the coefficients of the cubic, are all that particles and line need
to know of each other: `out` of `spread` and `pieces` of `add`, (cells, 4). Shape functions and
their derivatives make one of the other, outside of the loops. `origin` and `rate` are the position
of the first cell and 1/spacing. Particles that are not `active` are passed over. Weights and
factors of one number stand for all particles. Every kernel serves particles `start` to `stop`, and
sums into its own `part`.
"""

import numpy as np

from .jit import kernel


@kernel
def bound(part, start, stop, z, alive, out):
    """Lowest and highest z of the live particles; NaN where one of them is not finite.

    By four sums and comparisons side by side, each of which would wait for the one before it.
    """
    most = z.dtype.type(np.inf)
    a = b = c = d = z.dtype.type(0.0)
    low_a = low_b = low_c = low_d = most
    high_a = high_b = high_c = high_d = -most
    fours = start + 4 * ((stop - start) // 4)
    for i in range(start, fours, 4):
        n = np.uintp(i)
        if alive[n]:
            a, low_a, high_a = a + 0.0 * z[n], min(low_a, z[n]), max(high_a, z[n])
        n += np.uintp(1)
        if alive[n]:
            b, low_b, high_b = b + 0.0 * z[n], min(low_b, z[n]), max(high_b, z[n])
        n += np.uintp(1)
        if alive[n]:
            c, low_c, high_c = c + 0.0 * z[n], min(low_c, z[n]), max(high_c, z[n])
        n += np.uintp(1)
        if alive[n]:
            d, low_d, high_d = d + 0.0 * z[n], min(low_d, z[n]), max(high_d, z[n])
    for i in range(fours, stop):
        if alive[i]:
            a, low_a, high_a = a + 0.0 * z[i], min(low_a, z[i]), max(high_a, z[i])
    nothing = (a + b) + (c + d)
    out[part, 0] = min(min(low_a, low_b), min(low_c, low_d)) + nothing
    out[part, 1] = max(max(high_a, high_b), max(high_c, high_d)) + nothing


@kernel
def spread(part, start, stop, z, active, weights, factors, origin, rate, out):
    """Sums of weights times factors times powers of u, by cell; out is (parts, cells, 4)."""
    sums = out[part]
    each, also = np.uintp(min(1, weights.size - 1)), np.uintp(min(1, factors.size - 1))
    for i in range(start, stop):
        n = np.uintp(i)
        if active[n]:
            u = (np.float64(z[n]) - origin) * rate
            cell = int(u)
            u -= cell
            near = sums[np.uintp(cell)]
            w = np.float64(weights[n * each]) * factors[n * also]
            near[0] += w
            near[1] += w * u
            near[2] += w * (u * u)
            near[3] += w * (u * u) * u


@kernel
def add(part, start, stop, z, active, weights, factors, pieces, origin, rate, out):
    """Add weights times factors times a line, read at every particle, to a column (N,)."""
    each, also = np.uintp(min(1, weights.size - 1)), np.uintp(min(1, factors.size - 1))
    for i in range(start, stop):
        n = np.uintp(i)
        if active[n]:
            u = (np.float64(z[n]) - origin) * rate
            cell = int(u)
            u -= cell
            near = pieces[np.uintp(cell)]
            found = near[0] + u * (near[1] + u * (near[2] + u * near[3]))
            # by a signed index, and LLVM makes no vectors of this, which would gather: five times
            # as long
            out[i] += weights[n * each] * factors[n * also] * found


@kernel
def kick(
    part, start, stop, z, active, factors, offset, pieces, share, origin, rate, momentum, delta
):
    """Add a line and its slope to two columns (N,), as one read of it gives both.

    To `momentum` factors times the line, to `delta` a share of factors times offset times its slope
    by z.
    """
    also, slope = np.uintp(min(1, factors.size - 1)), share * rate
    for i in range(start, stop):
        n = np.uintp(i)
        if active[n]:
            u = (np.float64(z[n]) - origin) * rate
            cell = int(u)
            u -= cell
            near = pieces[np.uintp(cell)]
            factor = np.float64(factors[n * also])
            along = near[1] + u * (2 * near[2] + u * (3 * near[3]))
            momentum[i] += factor * (near[0] + u * (near[1] + u * (near[2] + u * near[3])))
            delta[i] += slope * factor * offset[n] * along
