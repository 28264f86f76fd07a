"""The Stumpff functions for the compiled maps; `functions.stumpff` is their PyTorch twin."""

import math

import numpy as np

from .jit import scalar

#: particles whose Jacobians are held at once: small enough for the first-level cache
BLOCK = 256
#: Taylor coefficients of c2 and c3 in powers of -w: enough for |w| < 1 in double precision
C2 = np.array([1.0 / math.factorial(2 + 2 * j) for j in range(9)])
C3 = np.array([1.0 / math.factorial(3 + 2 * j) for j in range(9)])


@scalar
def stumpff(w):  # type: ignore[no-untyped-def]
    """The Stumpff functions c0, c1, c2, c3 of w; c_k = sum_j (-w)^j / (k + 2 j)!."""
    if abs(w) < 1.0:
        c2, c3 = C2[-1], C3[-1]
        for j in range(7, -1, -1):
            c2 = C2[j] - w * c2
            c3 = C3[j] - w * c3
        return 1.0 - w * c2, 1.0 - w * c3, c2, c3
    if w > 0.0:
        root = math.sqrt(w)
        c0, c1 = math.cos(root), math.sin(root) / root
    else:
        root = math.sqrt(-w)
        c0, c1 = math.cosh(root), math.sinh(root) / root
    return c0, c1, (1.0 - c0) / w, (1.0 - c1) / w
