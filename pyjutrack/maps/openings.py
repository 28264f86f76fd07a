"""Openings: which places let particles through."""

from __future__ import annotations

from typing import Any

from .base import map


@map(opening=True)
def in_ellipse(x: Any, y: Any, half_width: Any, half_height: Any) -> Any:
    """Inside an ellipse; half axes in m."""
    across, up = x / half_width, y / half_height
    return across * across + up * up <= 1


@map(opening=True)
def in_racetrack(
    x: Any, y: Any, half_width: Any, half_height: Any, corner_x: Any, corner_y: Any
) -> Any:
    """Inside a rectangle whose corners are quarters of an ellipse with these half axes [m].

    Without corners a rectangle.
    """
    x, y = abs(x), abs(y)
    flat_x, flat_y = half_width - corner_x, half_height - corner_y
    across, up = (x - flat_x) / corner_x, (y - flat_y) / corner_y
    rounded = (x <= flat_x) | (y <= flat_y) | (across * across + up * up <= 1)
    return (x <= half_width) & (y <= half_height) & rounded
