"""Thin multipoles."""

from __future__ import annotations

import math
from typing import Any

from .base import Parameters, map, negate


def negate_series(knl: Any, ksl: Any) -> Parameters:
    """Parameters of the opposite kick."""
    return negate(*knl), negate(*ksl)


def coefficients(knl: Any, ksl: Any) -> list[float]:
    """Count the pairs, and pick normal and skew coefficients of the powers of x + i y."""
    order = max(len(knl), len(ksl))
    pairs = [(k[n] if n < len(k) else 0.0, n) for n in range(order) for k in (knl, ksl)]
    return [float(order), *(strength / math.factorial(n) for strength, n in pairs)]


@map(
    inverse=negate_series,
    kick=True,
    numbers=coefficients,
    written="pyjutrack.maps.multipole_kernels",
)
def multipole_kick(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, knl: Any, ksl: Any) -> Any:
    """Thin multipole: H = Re sum_n (knl[n] + i ksl[n]) (x + i y)^(n+1) / (n+1)!.

    MAD's integrated strengths: knl[0] is a dipole kick [rad], knl[1] = k1 L [1/m], ...; factorials
    belong to the expansion, not to the strengths. Unlike MAD's, knl[0] kicks the beam only and does
    not bend the reference orbit.
    """
    real, imag = x * 0, x * 0
    for n in reversed(range(max(len(knl), len(ksl)))):  # Horner in (x + i y), factorials folded in
        normal = knl[n] if n < len(knl) else 0.0
        skew = ksl[n] if n < len(ksl) else 0.0
        real, imag = (
            normal + (real * x - imag * y) / (n + 1),
            skew + (real * y + imag * x) / (n + 1),
        )
    return x, px - real, y, py + imag, z, delta
