"""The ends of quadrupoles."""

from __future__ import annotations

from typing import Any

from .base import map, negate


@map(inverse=negate)
def quadrupole_fringe(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, gradient: Any) -> Any:
    """Hard-edge fringe at the entrance of a quadrupole, to leading order; exit with -gradient.

    The flow of H = c (x^3 px + 3 x y^2 px - y^3 py - 3 x^2 y py) with
    c = gradient / (12 (1 + delta)), by exact flows of its parts in a symmetric row: symplectic, and
    undone exactly by the opposite gradient. Other rows, and generating functions, differ from it in
    fifth order of x and y.
    Sources: G. Lee-Whiting, Nucl. Instrum. Methods 83 (1970) 232; E. Forest, J. Milutinovic, Nucl.
    Instrum. Methods A 269 (1988) 474.

    Args:
        gradient: k1 [1/m^2].
    """
    total = 1 + delta
    c = gradient / (12 * total)
    moved = 0.0
    x, px, y, py, moved = _along_itself(x, px, y, py, moved, c / 2)
    x, px, y, py, moved = _by_the_other(x, px, y, py, moved, c / 2)
    y, py, x, px, moved = _by_the_other(y, py, x, px, moved, -c)
    x, px, y, py, moved = _by_the_other(x, px, y, py, moved, c / 2)
    x, px, y, py, moved = _along_itself(x, px, y, py, moved, c / 2)
    return x, px, y, py, z - moved / total, delta


def _along_itself(x: Any, px: Any, y: Any, py: Any, moved: Any, c: Any) -> tuple[Any, ...]:
    """The flow of c (x^3 px - y^3 py), which adds its value to `moved`."""
    value = c * (x * x * x * px - y * y * y * py)
    at_x, at_y = (1 - 2 * c * x * x).sqrt(), (1 + 2 * c * y * y).sqrt()
    return x / at_x, px * at_x * at_x * at_x, y / at_y, py * at_y * at_y * at_y, moved + value


def _by_the_other(x: Any, px: Any, y: Any, py: Any, moved: Any, c: Any) -> tuple[Any, ...]:
    """The flow of 3 c x y^2 px, which adds its value to `moved`."""
    steep = 3 * c * y * y
    value = steep * x * px
    return x * steep.exp(), px * (-steep).exp(), y, py - 6 * c * x * px * y, moved + value
