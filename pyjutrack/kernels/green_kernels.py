"""The kernel of `green`."""

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
                logs = y[j] * z[k] * math.log((x[i] + r) / math.sqrt(yy + zz))
                logs += x[i] * z[k] * math.log((y[j] + r) / math.sqrt(xx + zz))
                logs += xy * math.log((z[k] + r) / math.sqrt(xx + yy))
                angles = xx * math.atan(y[j] * z[k] / (x[i] * r))
                angles += yy * math.atan(x[i] * z[k] / (y[j] * r))
                angles += zz * math.atan(xy / (z[k] * r))
                out[i, j, k] = logs - 0.5 * angles
