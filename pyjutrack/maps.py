"""The physics of single elements: pure maps (coordinates, parameters) -> coordinates.

Every function takes the coordinates as six separate values, then the element's parameters, then
the constants of the reference particle, and returns the six new values. They use only arithmetic,
`.sqrt()` and `stumpff`, so that the same source runs on tensors, under any PyTorch transform, and
through the tracer that writes the compiled kernels.

Coordinates: x, y, z [m]; px, py = P_x/P0, P_y/P0; delta = (P - P0)/P0; z = -beta c (t - t0),
positive ahead of the reference particle. All maps are symplectic in these variables.
Source of the Hamiltonians: D. Sagan, The Bmad Reference Manual, ch. 23; E. Forest, Beam Dynamics.
"""

from __future__ import annotations

from typing import Any

from .functions import stumpff


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


def multipole_kick(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, knl: Any, ksl: Any) -> Any:
    """Thin multipole: H = Re sum_n (knl[n] + i ksl[n]) (x + i y)^(n+1) / (n+1)!.

    MAD's integrated strengths: knl[0] is a dipole kick [rad], knl[1] = k1 L [1/m], ...; factorials
    belong to the expansion, not to the strengths. Unlike MAD's, knl[0] kicks the beam only and does
    not bend the reference orbit.
    """
    real, imag = x * 0, x * 0
    for n in reversed(range(max(len(knl), len(ksl)))):  # Horner in (x + i y), factorials folded in
        normal = knl[n] if n < len(knl) else 0.0
        skew = ksl[n] if n < len(ksl) else 0.0
        real, imag = (
            normal + (real * x - imag * y) / (n + 1),
            skew + (real * y + imag * x) / (n + 1),
        )
    return x, px - real, y, py + imag, z, delta
