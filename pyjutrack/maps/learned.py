"""Kicks by learned potentials."""

from __future__ import annotations

from typing import Any

from .base import map


@map(
    inverse=lambda form, weights, strength: (form, weights, -strength),
    kick=True,
    traceable=False,
)
def potential_kick(
    x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, form: Any, weights: Any, strength: Any
) -> Any:
    """Thin kick of the Hamiltonian strength H(x, y, z; weights), H by its form."""
    along_x, along_y, along_z = form.slopes(weights, x, y, z)
    if along_z is not None:
        delta = delta - strength * along_z
    return x, px - strength * along_x, y, py - strength * along_y, z, delta


@map(
    inverse=lambda form, weights, strength: (form, weights, -strength),
    kick=True,
    numbers=lambda form, weights, strength: [strength, *form.numbers(weights)],
    written="pyjutrack.maps.spline_kernels",
)
def spline_kick(
    x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, form: Any, weights: Any, strength: Any
) -> Any:
    """`potential_kick` by a form on a grid, whose `numbers` are those of `spline_kernels`."""
    return potential_kick(x, px, y, py, z, delta, form, weights, strength)
