"""Drifts and linear quadrupoles."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..core.special import add_product, stumpff
from .base import map, reverse_length


def slip(delta: Any, beta0: Any) -> Any:
    """beta/beta0 - 1: how much faster than the reference, free of cancellation at small delta."""
    twice = delta * (2 + delta)
    energy = (1 + beta0 * beta0 * twice).sqrt()  # E/E0
    return twice * (1 - beta0 * beta0) / (energy * (1 + delta + energy))


@map(inverse=reverse_length, constants=("beta0",), array_kernels=True)
def drift(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, length: Any, beta0: Any) -> Any:
    """Exact drift: H = -sqrt((1 + delta)^2 - px^2 - py^2) plus the slip of the velocity."""
    total = 1 + delta
    transverse = add_product(px * px, py, py)
    along = (total * total - transverse).sqrt()
    path = length / along
    # total/along - 1, without the cancellation
    longer = transverse / (along * (total + along))
    return (
        add_product(x, path, px),
        px,
        add_product(y, path, py),
        py,
        add_product(z, length, slip(delta, beta0) - longer),
        delta,
    )


@map(inverse=reverse_length, constants=("beta0",), array_kernels=True)
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


@map(inverse=reverse_length, constants=("beta0",), array_kernels=True)
def quadrupole(
    x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, length: Any, k1: Any, beta0: Any
) -> Any:
    """Thick quadrupole, exact solution of the paraxial Hamiltonian.

    H = (px^2 + py^2) / (2 (1 + delta)) + k1 (x^2 - y^2) / 2 plus the slip; k1 > 0 [1/m^2]
    focuses x. One formula holds for either sign of k1 and through zero.
    """
    total = 1 + delta
    focusing = k1 * length / total
    (x, y), (px, py), path = _swing_both((x, y), (px, py), total, length, focusing)
    z = z + length * slip(delta, beta0) - path / 2
    return x, px, y, py, z, delta


@map(inverse=reverse_length, constants=("beta0",), array_kernels=True)
def skew_quadrupole(
    x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, length: Any, k1: Any, k1s: Any, beta0: Any
) -> Any:
    """Quadrupole with normal and skew gradient, exact solution of the paraxial Hamiltonian.

    H = (px^2 + py^2) / (2 (1 + delta)) + k1 (x^2 - y^2) / 2 - k1s x y plus the slip. With the
    matrix K of the gradients, over (1 + delta) and times length^2, the solution is made of the
    Stumpff functions of K as `swing` is of those of a number. The square of K is a number v, so
    that c_k = a_k - a_(k+2) K with a_k = sum_j v^j / (k + 4 j)!: no roll, and nothing divided, and
    as smooth in both gradients as they are. Cut off in rounding for v < 50.
    """
    total = 1 + delta
    normal, skew = k1 * length / total, k1s * length / total
    v = (normal * normal + skew * skew) * (length * length)
    a2, a3, a4, a5 = (_fourths(k, v) for k in (2, 3, 4, 5))
    a0, a1 = 1 + v * a4, 1 + v * a5

    def gradient(u: Any, w: Any) -> tuple[Any, Any]:
        return normal * u - skew * w, -skew * u - normal * w

    def by(a: Any, b: Any, u: tuple[Any, Any], turned: tuple[Any, Any]) -> tuple[Any, Any]:
        return a * u[0] - b * turned[0], a * u[1] - b * turned[1]

    slope = px / total, py / total
    x_start, y_start = gradient(x, y)
    start = -x_start, -y_start  # x'' and y'' times the length, at the start
    slope_turned, start_turned = (
        (length * u, length * w) for u, w in (gradient(*slope), gradient(*start))
    )
    c0_slope, c1_slope = by(a0, a2, slope, slope_turned), by(a1, a3, slope, slope_turned)
    c0_start, c1_start = by(a0, a2, start, start_turned), by(a1, a3, start, start_turned)
    c2_start, c3_start = by(a2, a4, start, start_turned), by(a3, a5, start, start_turned)
    path = sum(
        (slope[i] * slope[i] + c0_slope[i] * c1_slope[i]) / 2
        + c1_slope[i] * c1_start[i]
        + (start[i] * c2_start[i] + c0_start[i] * c3_start[i]) / 2
        for i in (0, 1)
    )
    return (
        x + length * (c1_slope[0] + c2_start[0]),
        total * (c0_slope[0] + c1_start[0]),
        y + length * (c1_slope[1] + c2_start[1]),
        total * (c0_slope[1] + c1_start[1]),
        z + length * (slip(delta, beta0) - path / 2),
        delta,
    )


def _fourths(k: int, v: Any) -> Any:
    """The sum of v^j / (k + 4 j)! up to j = 5."""
    found: Any = 1 / math.factorial(k + 20)
    for j in (4, 3, 2, 1, 0):
        found = 1 / math.factorial(k + 4 * j) + v * found
    return found


def swing(x: Any, xp: Any, length: Any, focusing: Any, turn: Any) -> tuple[Any, Any, Any, Any]:
    """x'' = (turn - focusing x) / length over a length, for any sign of the focusing.

    Args:
        focusing: strength times length [1/m].
        turn: deflection on the axis [rad].

    Returns:
        The new x and x', the mean of x along the length, and the integral of x'^2.
    """
    new, start, (c2, c3) = _swing(x, xp, length, focusing, turn)
    at, slope, path = new
    return at, slope, x + length * (c2 * xp + c3 * start), path


def _swing(x: Any, xp: Any, length: Any, focusing: Any, turn: Any) -> tuple[Any, Any, Any]:
    """The new x and x' and the integral of x'^2, x'' times the length at the start, c2 and c3."""
    c0, c1, c2, c3 = stumpff(focusing * length)
    start = turn - focusing * x
    path = xp * xp * (1 + c0 * c1) / 2 + xp * start * c1 * c1 + start * start * (c2 + c0 * c3) / 2
    at = add_product(x, length, add_product(c1 * xp, c2, start))
    return (at, add_product(c0 * xp, c1, start), length * path), start, (c2, c3)


def _swing_both(
    places: tuple[Any, Any], momenta: tuple[Any, Any], total: Any, length: Any, focusing: Any
) -> tuple[Any, Any, Any]:
    """`swing` in x, and in y by the opposite focusing: places, momenta, the sum of the integrals.

    Of tensors both planes go together, in half as many operations.
    """
    if isinstance(total, Tensor):
        both, opposite = torch.stack(places), torch.stack((focusing, -focusing))
        (at, slope, path), *_ = _swing(both, torch.stack(momenta) / total, length, opposite, 0)
        return at.unbind(0), (slope * total).unbind(0), path.sum(0)
    (x, xp, path_x), *_ = _swing(places[0], momenta[0] / total, length, focusing, 0)
    (y, yp, path_y), *_ = _swing(places[1], momenta[1] / total, length, -focusing, 0)
    return (x, y), (xp * total, yp * total), path_x + path_y
