"""Thin kicks that depend on time, and changes of the reference momentum.

Energies are in units of p0 c. With m = 1 / (beta0 gamma0) the energy of a particle is
sqrt((1 + delta)^2 + m^2), and c (t - t0) = -z / beta.
"""

from __future__ import annotations

from typing import Any

from .base import map, reverse_length


# energies change at a fixed time, so the wave has the same phase backward
@map(inverse=reverse_length)
def rf_kick(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    gain: Any,
    wavenumber: Any,
    phase: Any,
    mass: Any,
) -> Any:
    """Thin accelerating gap: the energy grows by gain * sin(phase + omega t).

    Args:
        gain: voltage * |q| / (p0 c). wavenumber: omega / c [1/m]. phase: [rad].
        mass: 1 / (beta0 gamma0).
    """
    energy, late = clock(z, delta, mass)
    new_z, new_delta = gain_energy(z, delta, energy, gain * (phase + wavenumber * late).sin(), mass)
    return x, px, y, py, new_z, new_delta


@map(inverse=reverse_length)
def crab_kick(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    kick: Any,
    wavenumber: Any,
    phase: Any,
    mass: Any,
) -> Any:
    """Thin deflecting gap: px grows by kick * sin(phase + omega t).

    The energy falls by kick * wavenumber * x * cos(phase + omega t), as the same potential asks.

    Args:
        kick: voltage * |q| / (p0 c). wavenumber: omega / c [1/m]. phase: [rad].
        mass: 1 / (beta0 gamma0).
    """
    energy, late = clock(z, delta, mass)
    at = phase + wavenumber * late
    gain = -(kick * wavenumber * x * at.cos())
    new_z, new_delta = gain_energy(z, delta, energy, gain, mass)
    return x, px + kick * at.sin(), y, py, new_z, new_delta


def clock(z: Any, delta: Any, mass: Any) -> tuple[Any, Any]:
    """Energy / (p0 c), and c (t - t0) [m]."""
    total = 1 + delta
    energy = (total * total + mass * mass).sqrt()
    return energy, -z * energy / total


def gain_energy(z: Any, delta: Any, energy: Any, gain: Any, mass: Any) -> tuple[Any, Any]:
    """New z and delta of particles that gain energy at a fixed time.

    NaN, so that the particle is lost, where less than its rest energy is left: both roots must
    exist, while their product alone has a meaning below minus the rest energy too.
    """
    total, new_energy = 1 + delta, energy + gain
    new_total = (new_energy - mass).sqrt() * (new_energy + mass).sqrt()
    new_delta = delta + gain * (2 * energy + gain) / (new_total + total)
    return z * (new_total / new_energy) * (energy / total), new_delta


@map(inverse=lambda ratio: (1 / ratio,))
def rescale(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, ratio: Any) -> Any:
    """The same particles, counted from another reference momentum.

    Args:
        ratio: old reference momentum over new.
    """
    return x, px * ratio, y, py * ratio, z, delta * ratio + (ratio - 1)
