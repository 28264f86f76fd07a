"""Openings: which places let particles through."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from .base import map


@map(opening=True)
def in_rectangle(x: Any, y: Any, half_width: Any, half_height: Any) -> Any:
    """Inside a rectangle; half sides in m."""
    return (abs(x) <= half_width) & (abs(y) <= half_height)


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


@map(opening=True)
def in_octagon(
    x: Any, y: Any, half_width: Any, half_height: Any, corner_x: Any, corner_y: Any
) -> Any:
    """Inside a rectangle whose corners are cut off along straight lines over these lengths [m]."""
    x, y = abs(x), abs(y)
    flat_x, flat_y = half_width - corner_x, half_height - corner_y
    across, up = (x - flat_x) / corner_x, (y - flat_y) / corner_y
    within = (x <= flat_x) | (y <= flat_y) | (across + up <= 1)
    return (x <= half_width) & (y <= half_height) & within


@map(opening=True)
def in_rectellipse(
    x: Any, y: Any, half_width: Any, half_height: Any, radius_x: Any, radius_y: Any
) -> Any:
    """Inside a rectangle and an ellipse of these half axes [m]."""
    across, up = x / radius_x, y / radius_y
    return (abs(x) <= half_width) & (abs(y) <= half_height) & (across * across + up * up <= 1)


def corners_in_a_row(vertices: Any) -> list[float]:
    """Count the corners, and list their x and y."""
    return [float(len(vertices)), *(u for corner in vertices for u in corner)]


@map(opening=True, numbers=corners_in_a_row, written="pyjutrack.maps.polygon_kernels")
def in_polygon(x: Any, y: Any, vertices: Any) -> Any:
    """Inside a polygon of any shape: an odd number of its edges is to the right of the particle.

    Args:
        vertices: corners (x, y) in order [m].
    """
    inside = x != x  # nowhere
    for (xa, ya), (xb, yb) in pairwise([vertices[-1], *vertices]):
        if ya != yb:
            crosses = ((ya > y) != (yb > y)) & (x < xa + (xb - xa) * (y - ya) / (yb - ya))
            inside = inside != crosses
    return inside
