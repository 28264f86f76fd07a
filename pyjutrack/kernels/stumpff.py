"""Stumpff functions and arc tangent for the compiled maps; `functions.py` has the PyTorch twins."""

import math

from .jit import kernel, scalar

#: particles whose Jacobians are held at once: small enough for the first-level cache
BLOCK = 64


@scalar
def series(w):  # type: ignore[no-untyped-def]
    """c0 to c5 for |w| < 1, without a branch: c_k = sum_j (-w)^j / (k + 2 j)!."""
    # written out, with the factorials as literals: a table would keep the loop from vectorising
    c4 = 1 / 6_402_373_705_728_000.0
    c5 = 1 / 121_645_100_408_832_000.0
    c4 = 1 / 20_922_789_888_000.0 - w * c4
    c5 = 1 / 355_687_428_096_000.0 - w * c5
    c4 = 1 / 87_178_291_200.0 - w * c4
    c5 = 1 / 1_307_674_368_000.0 - w * c5
    c4 = 1 / 479_001_600.0 - w * c4
    c5 = 1 / 6_227_020_800.0 - w * c5
    c4 = 1 / 3_628_800.0 - w * c4
    c5 = 1 / 39_916_800.0 - w * c5
    c4 = 1 / 40_320.0 - w * c4
    c5 = 1 / 362_880.0 - w * c5
    c4 = 1 / 720.0 - w * c4
    c5 = 1 / 5_040.0 - w * c5
    c4 = 1 / 24.0 - w * c4
    c5 = 1 / 120.0 - w * c5
    c2 = 1 / 2.0 - w * c4
    c3 = 1 / 6.0 - w * c5
    return 1.0 - w * c2, 1.0 - w * c3, c2, c3, c4, c5


@scalar
def exact(w):  # type: ignore[no-untyped-def]
    """c0 to c5 for any w."""
    if abs(w) < 1.0:
        return series(w)
    if w > 0.0:
        root = math.sqrt(w)
        c0, c1 = math.cos(root), math.sin(root) / root
    else:
        root = math.sqrt(-w)
        c0, c1 = math.cosh(root), math.sinh(root) / root
    c2, c3 = (1.0 - c0) / w, (1.0 - c1) / w
    return c0, c1, c2, c3, (0.5 - c2) / w, (1.0 / 6.0 - c3) / w


@scalar
def arctangent(w):  # type: ignore[no-untyped-def]
    """atan(sqrt(w))/sqrt(w) and its derivative, for w >= 0."""
    if w < 0.06:
        value, slope = 1.0 / 29.0, 14.0 / 29.0
        for n in range(13, 0, -1):
            value = 1.0 / (2 * n + 1) - w * value
            slope = n / (2 * n + 1) - w * slope
        return 1.0 - w * value, -slope
    root = math.sqrt(w)
    value = math.atan(root) / root
    return value, (1.0 / (1.0 + w) - value) / (2.0 * w)


@kernel
def tabulate(size, small, w, table):  # type: ignore[no-untyped-def]
    """c0 to c5 of each w, by the series if it serves all; a row of BLOCK numbers each."""
    if small:
        for n in range(size):
            c0, c1, c2, c3, c4, c5 = series(w[n])
            table[n], table[BLOCK + n], table[2 * BLOCK + n] = c0, c1, c2
            table[3 * BLOCK + n], table[4 * BLOCK + n], table[5 * BLOCK + n] = c3, c4, c5
    else:
        for n in range(size):
            c0, c1, c2, c3, c4, c5 = exact(w[n])
            table[n], table[BLOCK + n], table[2 * BLOCK + n] = c0, c1, c2
            table[3 * BLOCK + n], table[4 * BLOCK + n], table[5 * BLOCK + n] = c3, c4, c5
