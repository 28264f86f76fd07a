"""Magnets as rows of free motions and kicks, as the package itself integrates them."""

from __future__ import annotations

from collections.abc import Callable

from ....core.scalars import Number, is_zero
from ....elements.integrators import scheme
from ....elements.magnet import Series
from .base import Twin, Twins

Share = Callable[[float], Twins]


def row(order: int, steps: int, free: Share, kick: Share) -> Twins:
    """An element by `steps` of an integrator.

    Args:
        order: 2, 4 or 6.
        free, kick: the twins of a share of the whole.
    """
    drifts, kicks = scheme(order, steps)
    found = free(drifts[0])
    for strength, drift in zip(kicks, drifts[1:], strict=True):
        found = (*found, *kick(strength), *free(drift))
    return found


def drift(length: Number, model: str = "exact") -> Twins:
    """Free space; JuTrack's corrector without kicks is paraxial."""
    return (Twin("DRIFT" if model == "exact" else "CORRECTOR", {"len": length}, length),)


def thin(normal: Series, skew: Series) -> Twins:
    """A kick by integrated multipoles of any order; none by none."""
    if all(map(is_zero, (*normal, *skew))):
        return ()
    orders = max(len(normal), len(skew), 1)
    # JuTrack looks at the first four, whatever the order
    a, b = (series_of(k, max(orders, 4)) for k in (skew, normal))
    return (Twin("thinMULTIPOLE", {"PolynomA": a, "PolynomB": b, "MaxOrder": orders - 1}),)


def series_of(strengths: Series, entries: int) -> Series:
    """JuTrack's polynomial, which contains the factorials, from strengths of MAD."""
    found: list[Number] = []
    factorial = 1
    for order in range(entries):
        factorial *= max(order, 1)
        own = strengths[order] if order < len(strengths) else 0.0
        found.append(own if is_zero(own) else own / factorial)
    return tuple(found)


def highest(*series: Series) -> int:
    """The highest order of multipoles that is not a plain zero, from 0."""
    found = [n for strengths in series for n, k in enumerate(strengths) if not is_zero(k)]
    return max(found, default=0)


def scaled(series: Series, factor: Number) -> Series:
    """Strengths times a factor; a zero stays a plain zero."""
    return tuple(k if is_zero(k) else k * factor for k in series)
