"""Openings: which places let particles through."""

from __future__ import annotations

from typing import Any


def in_ellipse(x: Any, y: Any, half_width: Any, half_height: Any) -> Any:
    """Inside an ellipse; half axes in m."""
    across, up = x / half_width, y / half_height
    return across * across + up * up <= 1


def in_racetrack(
    x: Any, y: Any, half_width: Any, half_height: Any, corner_x: Any, corner_y: Any
) -> Any:
    """Inside a rectangle whose corners are quarters of an ellipse with these half axes [m].

    Without corners a rectangle.
    """
    x, y = abs(x), abs(y)
    within = (x <= half_width) & (y <= half_height)
    if corner_x == 0 or corner_y == 0:
        return within
    across, up = (x - (half_width - corner_x)) / corner_x, (y - (half_height - corner_y)) / corner_y
    return within & ((across <= 0) | (up <= 0) | (across * across + up * up <= 1))
