"""The kernels of `green`."""

import math

from .jit import kernel


@kernel
def integrate(part, start, stop, x, y, z, out):
    """The indefinite integral of 1/r over three axes, for places `start` to `stop` of x."""
    for i in range(start, stop):
        xx = x[i] * x[i]
        for j in range(len(y)):
            yy, xy = y[j] * y[j], x[i] * y[j]
            for k in range(len(z)):
                zz = z[k] * z[k]
                r = math.sqrt(xx + yy + zz)
                logs = y[j] * z[k] * math.asinh(x[i] / math.sqrt(yy + zz))
                logs += x[i] * z[k] * math.asinh(y[j] / math.sqrt(xx + zz))
                logs += xy * math.asinh(z[k] / math.sqrt(xx + yy))
                angles = xx * math.atan(y[j] * z[k] / (x[i] * r))
                angles += yy * math.atan(x[i] * z[k] / (y[j] * r))
                angles += zz * math.atan(xy / (z[k] * r))
                out[i, j, k] = logs - 0.5 * angles


@kernel
def expand(part, start, stop, hx, hy, hz, out):
    """Means of 1/r over cells far from the origin, of places `start` to `stop` of x.

    The mean of f over a cell is f + sum of h_i^2 f_ii / 24 + sum of h_i^4 f_iiii / 1920 + sum over
    pairs of h_i^2 h_j^2 f_iijj / 576 + ..., and the derivatives of 1/r are polynomials over powers
    of r.
    """
    ax, ay, az = hx * hx, hy * hy, hz * hz
    for i in range(start, stop):
        xx = ax * i * i
        for j in range(out.shape[1]):
            yy = ay * j * j
            for k in range(out.shape[2]):
                zz = az * k * k
                rr = max(xx + yy + zz, 1e-300)
                p, q, s = xx / rr, yy / rr, zz / rr
                a, b, c = ax / rr, ay / rr, az / rr
                second = a * (3 * p - 1) + b * (3 * q - 1) + c * (3 * s - 1)
                fourth = a * a * (105 * p * p - 90 * p + 9) + b * b * (105 * q * q - 90 * q + 9)
                fourth += c * c * (105 * s * s - 90 * s + 9)
                mixed = a * b * (105 * p * q - 15 * (p + q) + 3)
                mixed += a * c * (105 * p * s - 15 * (p + s) + 3)
                mixed += b * c * (105 * q * s - 15 * (q + s) + 3)
                mean = 1.0 + second / 24 + fourth / 1920 + mixed / 576
                out[i, j, k] = mean / math.sqrt(rr)
