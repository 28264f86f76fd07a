"""Curves through knots, by which overlays and groups of Bmad control.

Source: The Bmad Reference Manual, 2025, Overlay, Group: INTERPOLATION.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ...lattice.expressions import Formula, call


def interpolate(x: Formula, places: Sequence[float], values: Sequence[Formula]) -> Formula:
    """The straight pieces between knots, and the first and the last of them beyond.

    Args:
        x: the variable.
        places: of at least two knots, ascending.
        values: there.
    """
    steps = [b - a for a, b in pairwise(places)]
    slopes = [(b - a) / h for a, b, h in zip(values, values[1:], steps, strict=False)]
    curve = values[0] + slopes[0] * (x - places[0])
    for place, (before, after) in zip(places[1:-1], pairwise(slopes), strict=True):
        curve = curve + (after - before) * call("max", x - place, 0.0)
    return curve


def parabola(x: Formula, places: Sequence[float], values: Sequence[Formula]) -> Formula:
    """The parabola through three knots, which is what Bmad's cubic curve is for three."""
    (a, b, c), (at_a, at_b, at_c) = places, values
    first = (at_b - at_a) / (b - a)
    second = ((at_c - at_b) / (c - b) - first) / (c - a)
    return at_a + (x - a) * (first + second * (x - b))


def require_knots(places: Sequence[float], values: Sequence[Formula]) -> None:
    """Raise ValueError unless knots ascend, and each has a value."""
    if len(places) < 2 or any(b <= a for a, b in pairwise(places)):
        raise ValueError("x_knot must hold two numbers or more, each above the one before")
    if len(values) != len(places):
        raise ValueError(f"{len(values)} values stand for {len(places)} knots")
