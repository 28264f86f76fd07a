"""Symbols of elements along s: data, which `plotting` turns into pictures."""

from __future__ import annotations

import math
from typing import NamedTuple

Outline = tuple[tuple[float, float], ...]


class Glyph(NamedTuple):
    """The symbol of a kind of element.

    Attributes:
        label: for the legend.
        colour: as in HTML.
        outlines: polygons of (share of the length, height), heights between -1 and 1.
        strength: the parameter whose negative values turn the outlines upside down.
    """

    label: str
    colour: str
    outlines: tuple[Outline, ...]
    strength: str = ""


def box(low: float, high: float) -> tuple[Outline, ...]:
    """Outline of a rectangle over the whole length."""
    return (((0, low), (1, low), (1, high), (0, high)),)


def oval(height: float) -> tuple[Outline, ...]:
    """Outline of an ellipse over the whole length."""
    turns = (2 * math.pi * n / 24 for n in range(24))
    return (tuple((0.5 + 0.5 * math.cos(t), height * math.sin(t)) for t in turns),)
