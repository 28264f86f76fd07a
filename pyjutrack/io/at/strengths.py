"""Strengths of AT's magnets: gradients, multipoles, kicks and what scales them.

AT's PolynomB[n] and PolynomA[n] are k_n / n! of the normal and skew multipoles, densities where the
element has a length. Source: pyAT's documentation of its field expansion.
"""

from __future__ import annotations

import math

from .element import AtElement
from .placement import Fields


def own_gradient(source: AtElement) -> float:
    """The gradient in PolynomB, or K where that does not reach so far."""
    normal = source.polynomial("PolynomB")
    return normal[1] if len(normal) > 1 else source.number("K")


def kick_of(source: AtElement) -> list[float]:
    """The angles by which it kicks beside its field, x and y [rad]."""
    return source.numbers("KickAngle", 2) if source.has("KickAngle") else [0.0, 0.0]


def scaling(source: AtElement) -> float:
    """The factor on its field."""
    return source.number("FieldScaling", source.number("Scaling", 1.0))


def polynomials(source: AtElement) -> tuple[list[float], list[float]]:
    """Multipole strengths k_n and k_n s, densities in a thick element."""
    scale = scaling(source)
    normal, skew = (
        [scale * b * math.factorial(n) for n, b in enumerate(values)]
        for values in (source.polynomial("PolynomB"), source.polynomial("PolynomA"))
    )
    for values in (normal, skew):
        del values[source.whole("MaxOrder", len(values)) + 1 :]
    kick = kick_of(source)
    if any(kick):
        length = source.length
        thick = length and source.method != "ThinMPolePass"
        strength = [scale * (math.sin(k) / length if thick else k) for k in kick]
        normal, skew = normal or [0.0], skew or [0.0]
        normal[0] -= strength[0]
        skew[0] += strength[1]
    return normal, skew


def take(values: list[float], order: int) -> float:
    """Take the strength of one order out of the rest."""
    if order >= len(values):
        return 0.0
    value, values[order] = values[order], 0.0
    return value


def series(normal: list[float], skew: list[float], length: float) -> Fields:
    """Integrated strengths `knl` and `ksl`, as far as there are any."""
    found = {}
    for name, values in (("knl", normal), ("ksl", skew)):
        while values and values[-1] == 0.0:
            values.pop()
        if values:
            found[name] = tuple(v * length for v in values)
    return found
