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
    strength = k1 / total
    x, xp, path_x = _focus(x, px / total, length, strength)
    y, yp, path_y = _focus(y, py / total, length, -strength)
    z = z + length * slip(delta, beta0) - (path_x + path_y) / 2
    return x, xp * total, y, yp * total, z, delta


def _focus(x: Any, xp: Any, length: Any, strength: Any) -> Any:
    """x'' = -strength x over a length: the new x, x', and the integral of x'^2 on the way."""
    cosine, sinc = stumpff(strength * length * length)
    sine = length * sinc
    half_twice = sine * cosine / 2
    path = (
        xp * xp * (length / 2 + half_twice)
        - strength * x * xp * sine * sine
        + strength * x * x * (length / 2 - half_twice)
    )
    return cosine * x + sine * xp, cosine * xp - strength * sine * x, path
