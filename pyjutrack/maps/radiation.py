"""Synchrotron radiation over a short length: the mean loss of energy, and its fluctuation.

With T = P/P0 and a field b over B rho across the direction of motion, dT/ds = -c b^2 T^2: the
inverse of T grows by what depends on place and direction alone, and photons take the direction of
the motion, so that both stay. So the solution is exact, and undone by the opposite strength. The
same holds for the fluctuation, as the photons' <u^2> / E0^2 goes with b^3 T^4.
Sources: M. Sands, SLAC-121 (1970), eqs. 4.3, 5.9, 5.41.
"""

from __future__ import annotations

from typing import Any

from .base import map, negate_strength


@map(inverse=negate_strength, array_kernels=True)
def radiate(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    strength: Any,
    length: Any,
    curvature: Any,
    entrance: Any,
    exit_: Any,
    k0: Any,
    k1: Any,
    k2: Any,
    k3: Any,
    s0: Any,
    s1: Any,
    s2: Any,
    s3: Any,
) -> Any:
    """The mean loss over a length: 1/T grows by strength b^2 dl, and the direction stays.

    Args:
        strength: 2/3 r_c beta0 gamma0^3 [m].
        length: along the reference orbit, about the place [m]. curvature: of that orbit [1/m].
        entrance, exit_: tangents of face angles, whose wedges are passed too; 0 for none.
        k0 .. k3, s0 .. s3: normal and skew multipoles over B rho [1/m, ... 1/m^4].
    """
    across, _, path = _pass(
        *(x, px, y, py, delta, length, curvature, entrance, exit_),
        *(k0, k1, k2, k3, s0, s1, s2, s3),
    )
    return _emit(x, px, y, py, z, delta, strength * across * path)


@map(
    inverse=lambda strength, spread, *rest: (-strength, -spread, *rest),
    array_kernels=True,
    noisy=True,
)
def radiate_photons(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    strength: Any,
    spread: Any,
    length: Any,
    curvature: Any,
    entrance: Any,
    exit_: Any,
    k0: Any,
    k1: Any,
    k2: Any,
    k3: Any,
    s0: Any,
    s1: Any,
    s2: Any,
    s3: Any,
) -> Any:
    """The loss with its fluctuation: 1/T grows by strength b^2 dl - spread n (b^3 dl)^(1/2).

    The fifth column is no place but n, a number of mean 0 and variance 1 for each particle.
    Wedges are left out of the fluctuation, as they may have negative lengths.

    Args:
        spread: square root of 55 / (24 sqrt(3)) r_c lambda_c gamma0^5 [m].
        strength and the others: as for `radiate`, of a positive length.
    """
    across, body, path = _pass(
        *(x, px, y, py, delta, length, curvature, entrance, exit_),
        *(k0, k1, k2, k3, s0, s1, s2, s3),
    )
    # without field there is no slope either; in single precision this is still above zero
    dim = across + 1e-30
    fluctuation = (dim * dim.sqrt() * body).sqrt()
    growth = strength * across * path - spread * z * fluctuation
    return _emit(x, px, y, py, z, delta, growth)


def _pass(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    delta: Any,
    length: Any,
    curvature: Any,
    entrance: Any,
    exit_: Any,
    k0: Any,
    k1: Any,
    k2: Any,
    k3: Any,
    s0: Any,
    s1: Any,
    s2: Any,
    s3: Any,
) -> tuple[Any, Any, Any]:
    """b^2 across the motion, and the length of the path [m] without and with wedges."""
    total = 1 + delta
    ps = (total * total - px * px - py * py).sqrt()
    real, imag = k3 / 3, s3 / 3
    for normal, skew, order in ((k2, s2, 2), (k1, s1, 1)):
        real, imag = x * real - y * imag + normal, x * imag + y * real + skew
        real, imag = real / order, imag / order
    b_y, b_x = x * real - y * imag + k0, x * imag + y * real + s0
    along = b_x * px + b_y * py
    across = b_x * b_x + b_y * b_y - along * along / (total * total)
    forward = 1 / ps
    slope, longer = px * forward * length / 2, total * forward
    body = length * (1 + curvature * x) * longer
    wedges = entrance * (x - slope) + exit_ * (x + slope)
    return across, body, body - wedges * longer


def _emit(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, growth: Any) -> Any:
    """1 / T grows, in the same direction."""
    total = 1 + delta
    lost = growth * total / (1 + growth * total)
    return x, px - px * lost, y, py - py * lost, z, delta - total * lost
