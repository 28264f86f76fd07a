"""The Stumpff functions for the compiled maps; `functions.stumpff` is their PyTorch twin."""

import math

from .jit import scalar


@scalar
def fits(arguments):  # type: ignore[no-untyped-def]
    """Whether `series` serves all of these arguments."""
    small = True
    for w in arguments:
        small &= abs(w) < 1.0
    return small


@scalar
def series(w):  # type: ignore[no-untyped-def]
    """c0, c1, c2, c3 for |w| < 1, without a branch: c_k = sum_j (-w)^j / (k + 2 j)!."""
    # written out, with the factorials as literals: a table would keep the loop from vectorising
    c2 = 1 / 6_402_373_705_728_000.0
    c3 = 1 / 121_645_100_408_832_000.0
    c2 = 1 / 20_922_789_888_000.0 - w * c2
    c3 = 1 / 355_687_428_096_000.0 - w * c3
    c2 = 1 / 87_178_291_200.0 - w * c2
    c3 = 1 / 1_307_674_368_000.0 - w * c3
    c2 = 1 / 479_001_600.0 - w * c2
    c3 = 1 / 6_227_020_800.0 - w * c3
    c2 = 1 / 3_628_800.0 - w * c2
    c3 = 1 / 39_916_800.0 - w * c3
    c2 = 1 / 40_320.0 - w * c2
    c3 = 1 / 362_880.0 - w * c3
    c2 = 1 / 720.0 - w * c2
    c3 = 1 / 5_040.0 - w * c3
    c2 = 1 / 24.0 - w * c2
    c3 = 1 / 120.0 - w * c3
    c2 = 1 / 2.0 - w * c2
    c3 = 1 / 6.0 - w * c3
    return 1.0 - w * c2, 1.0 - w * c3, c2, c3


@scalar
def exact(w):  # type: ignore[no-untyped-def]
    """c0, c1, c2, c3 for any w."""
    if abs(w) < 1.0:
        return series(w)
    if w > 0.0:
        root = math.sqrt(w)
        c0, c1 = math.cos(root), math.sin(root) / root
    else:
        root = math.sqrt(-w)
        c0, c1 = math.cosh(root), math.sinh(root) / root
    return c0, c1, (1.0 - c0) / w, (1.0 - c1) / w
