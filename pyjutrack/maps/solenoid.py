"""Longitudinal fields."""

from __future__ import annotations

from typing import Any

from ..core.special import stumpff
from .base import map, reverse_length
from .straight import slip


@map(inverse=reverse_length, constants=("beta0",), array_kernels=True)
def solenoid(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    length: Any,
    ks: Any,
    beta0: Any,
) -> Any:
    """Uniform longitudinal field with hard edges, exactly.

    H = -sqrt((1 + delta)^2 - (px + ks y / 2)^2 - (py - ks x / 2)^2) plus the slip. Momenta are
    canonical, so that the edges are part of the map and slices join.

    Args:
        ks: field / (B rho) [1/m].
    """
    total, half = 1 + delta, ks / 2
    kx, ky = px + half * y, py - half * x
    transverse = kx * kx + ky * ky
    ps = (total * total - transverse).sqrt()
    path = length / ps
    turn = ks * path
    c0, c1, c2, _ = stumpff(turn * turn)
    sine, versine = turn * c1, turn * c2
    new_x = x + path * (c1 * kx + versine * ky)
    new_y = y + path * (c1 * ky - versine * kx)
    longer = transverse / (ps * (total + ps))
    return (
        new_x,
        c0 * kx + sine * ky - half * new_y,
        new_y,
        c0 * ky - sine * kx + half * new_x,
        z + length * (slip(delta, beta0) - longer),
        delta,
    )
