"""Radio-frequency fields with their forces across the axis: the gap, the edges, the body.

To second order in r, the field e(s, t) on the axis of a round structure gives the Hamiltonian by s

    H = -q a + q r^2 / 4 (d(e / v)/ds - (de/dt) / (c beta gamma)^2),  e = -da/dt,

in a gauge without a radial component, with d/ds along the trajectory. Of the terms in r^2, the
last is the defocusing by the wave that runs with the beam; the total derivative is a lens where the
field begins or ends, and, of the backward wave, a ripple whose mean square makes the ponderomotive
force. Units as in `maps.cavity`.

Sources: K. R. Crandall, D. P. Rusthoi, TRACE 3-D, LA-UR-97-886 (gaps); J. Rosenzweig, L. Serafini,
Phys. Rev. E 49 (1994) 1599 (edges and body).
"""

from __future__ import annotations

import math
from typing import Any

from ..core.special import stumpff
from .base import Parameters, map, negate_strength
from .cavity import clock, gain_energy


def _reverse_gap(gain: Any, wavenumber: Any, phase: Any, mass: Any, *rest: Any) -> Parameters:
    spread, taken = rest
    return -gain, wavenumber, phase, mass, spread, -taken


@map(inverse=_reverse_gap)
def rf_gap(
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
    spread: Any,
    taken: Any,
) -> Any:
    """Thin gap of a round wave, which accelerates by gain * sin(phase + omega t) * I_0(kappa r).

    With kappa = wavenumber * spread. The potential is
    -(gain / wavenumber) * cos(phase + omega t) * I_0(kappa r), and I_0 its series up to r^20, so
    that the map is symplectic at any r. On the axis it defocuses by
    gain * wavenumber * spread^2 / 2 * cos(phase) [1/m].

    Args:
        gain: voltage * |q| / (p0 c). wavenumber: omega / c [1/m]. phase: [rad].
        mass: 1 / (beta0 gamma0). spread: 1 / (beta gamma) of the wave, as it follows the beam.
        taken: energy that the frame takes up [p0 c].
    """
    energy, late = clock(z, delta, mass)
    at = phase + wavenumber * late
    kappa = wavenumber * spread
    u = kappa * kappa / 4 * (x * x + y * y)
    terms = 10  # which meet I_0 in rounding up to an argument of 2
    bessel: Any = 1 / math.factorial(terms) ** 2
    slope: Any = 0.0
    for n in range(terms - 1, -1, -1):
        slope = bessel + u * slope
        bessel = 1 / math.factorial(n) ** 2 + u * bessel
    push = gain * kappa * spread / 2 * at.cos() * slope
    new_z, new_delta = gain_energy(z, delta, energy, gain * at.sin() * bessel - taken, mass)
    return x, px + push * x, y, py + push * y, new_z, new_delta


@map(inverse=negate_strength)
def rf_edge(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    strength: Any,
    wavenumber: Any,
    phase: Any,
    mass: Any,
) -> Any:
    """Where a field begins at once: a lens of strength * sin(phase + omega t), focusing.

    The potential is strength * sin(phase + omega t) * r^2 / 2. Where the field ends, the strength
    has the other sign.

    Args:
        strength: gradient * |q| / (2 beta p0 c) [1/m]. wavenumber: omega / c [1/m].
        phase: [rad]. mass: 1 / (beta0 gamma0).
    """
    energy, late = clock(z, delta, mass)
    at = phase + wavenumber * late
    push = strength * at.sin()
    gain = strength * wavenumber / 2 * at.cos() * (x * x + y * y)
    new_z, new_delta = gain_energy(z, delta, energy, gain, mass)
    return x, px - push * x, y, py - push * y, new_z, new_delta


def _reverse_body(
    length: Any, gain: Any, focusing: Any, mass: Any, start: Any, taken: Any, ratio: Any
) -> Parameters:
    frame = mass / ratio, (start + taken) / ratio, -taken / ratio, 1 / ratio
    return -length, -gain / ratio, focusing / (ratio * ratio), *frame


@map(inverse=_reverse_body)
def rf_body(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    length: Any,
    gain: Any,
    focusing: Any,
    mass: Any,
    start: Any,
    taken: Any,
    ratio: Any,
) -> Any:
    """Length along which all particles gain the same energy, and are focused; exactly.

    H = (px^2 + py^2 + focusing r^2) / (2 p) - p with p the momentum at the energy, which grows
    evenly along s. By the integral of ds / p, (length / gain) * the gain of rapidity, the motion
    across is a harmonic oscillation; h, its energy, stays, and delays by h length (E + E') /
    ((p + p') p p'). For no mass this is the matrix of Rosenzweig and Serafini. The paraxial drift
    where nothing is gained and nothing focused.

    Args:
        length: [m].
        gain: energy that every particle gains [p0 c]. focusing: of H [1/m^2].
        mass: 1 / (beta0 gamma0). start: energy of the reference at the entrance [p0 c].
        taken: what the reference gains [p0 c]. ratio: its momentum at the exit over p0; momenta at
            the exit are in units of that.
    """
    total, stop, extra = 1 + delta, start + taken, gain - taken
    energy = (total * total + mass * mass).sqrt()
    new_energy = energy + gain
    new_total = (new_energy - mass).sqrt() * (new_energy + mass).sqrt()
    both = total + new_total
    mean = (energy + new_energy) / both
    # differences from the reference, free of cancellation
    more = delta * (2 + delta) / (energy + start)
    new_more = (more + extra) * (new_energy + stop) / (new_total + ratio)
    time = 2 * length / both * _artanh(gain / both)
    c0, c1, _, _ = stumpff(focusing * time * time)
    swing = (px * px + py * py + focusing * (x * x + y * y)) / 2
    slower = (2 * more + extra) / both - (start + stop) * (delta + new_more) / (both * (1 + ratio))
    late = length * (slower + swing * mean / (total * new_total)) - z * energy / total
    along, across = time * c1, focusing * time * c1
    return (
        c0 * x + along * px,
        (c0 * px - across * x) / ratio,
        c0 * y + along * py,
        (c0 * py - across * y) / ratio,
        -late * new_total / new_energy,
        new_more / ratio,
    )


def _artanh(u: Any) -> Any:
    """artanh(u) / u, by halving u until its series is short: smooth through zero."""
    factor: Any = 1.0
    w, terms = u * u, 8
    for _ in range(5):
        half = 1 + (1 - w).sqrt()
        factor, w = factor * 2 / half, w / (half * half)
    series: Any = 1 / (2 * terms + 1)
    for n in range(terms - 1, -1, -1):
        series = 1 / (2 * n + 1) + w * series
    return factor * series
