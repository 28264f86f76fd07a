"""Drifts and linear quadrupoles."""

from __future__ import annotations

from typing import Any

from ..functions import stumpff


def slip(delta: Any, beta0: Any) -> Any:
    """beta/beta0 - 1: how much faster than the reference, free of cancellation at small delta."""
    twice = delta * (2 + delta)
    energy = (1 + beta0 * beta0 * twice).sqrt()  # E/E0
    return twice * (1 - beta0 * beta0) / (energy * (1 + delta + energy))


def drift(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, length: Any, beta0: Any) -> Any:
    """Exact drift: H = -sqrt((1 + delta)^2 - px^2 - py^2) plus the slip of the velocity."""
    total = 1 + delta
    transverse = px * px + py * py
    along = (total * total - transverse).sqrt()
    path = length / along
    # total/along - 1, without the cancellation
    longer = transverse / (along * (total + along))
    return (
        x + path * px,
        px,
        y + path * py,
        py,
        z + length * (slip(delta, beta0) - longer),
        delta,
    )


def drift_paraxial(
    x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, length: Any, beta0: Any
) -> Any:
    """Paraxial drift: H = (px^2 + py^2) / (2 (1 + delta)) plus the slip of the velocity."""
    xp, yp = px / (1 + delta), py / (1 + delta)
    longer = (xp * xp + yp * yp) / 2
    return (
        x + length * xp,
        px,
        y + length * yp,
        py,
        z + length * (slip(delta, beta0) - longer),
        delta,
    )


def quadrupole(
    x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, length: Any, k1: Any, beta0: Any
) -> Any:
    """Thick quadrupole, exact solution of the paraxial Hamiltonian.

    H = (px^2 + py^2) / (2 (1 + delta)) + k1 (x^2 - y^2) / 2 plus the slip; k1 > 0 [1/m^2]
    focuses x. One formula holds for either sign of k1 and through zero.
    """
    total = 1 + delta
    focusing = k1 * length / total
    x, xp, _, path_x = swing(x, px / total, length, focusing, 0)
    y, yp, _, path_y = swing(y, py / total, length, -focusing, 0)
    z = z + length * slip(delta, beta0) - (path_x + path_y) / 2
    return x, xp * total, y, yp * total, z, delta


def swing(x: Any, xp: Any, length: Any, focusing: Any, turn: Any) -> tuple[Any, Any, Any, Any]:
    """x'' = (turn - focusing x) / length over a length, for any sign of the focusing.

    Args:
        focusing: strength times length [1/m].
        turn: deflection on the axis [rad].

    Returns:
        The new x and x', the mean of x on the way, and the integral of x'^2.
    """
    c0, c1, c2, c3 = stumpff(focusing * length)
    start = turn - focusing * x  # x'' times the length, at the start
    path = xp * xp * (1 + c0 * c1) / 2 + xp * start * c1 * c1 + start * start * (c2 + c0 * c3) / 2
    return (
        x + length * (c1 * xp + c2 * start),
        c0 * xp + c1 * start,
        x + length * (c2 * xp + c3 * start),
        length * path,
    )
