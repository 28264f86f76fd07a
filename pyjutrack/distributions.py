"""Beams drawn from the usual distributions, matched to Twiss functions.

Coasting beams: x, px, y, py are drawn, z and delta are zero unless a spread is asked for.
"quiet" takes a scrambled low-discrepancy (Sobol) sequence, otherwise a seeded random one;
either repeats for the same seed. rms emittances are those of the distribution, so a sample meets
them up to its noise.
Source of the quadratic forms: M. Reiser, Theory and Design of Charged Particle Beams, sec. 5.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from .beam import Beam, check_beam
from .errors import InvalidValueError
from .optics import Twiss
from .reference import Reference
from .world import ALONE, World

Array = NDArray[np.float64]

_ARGUMENTS = """

    Args:
        reference: species and momentum.
        particles: number of macroparticles.
        twiss: functions to match, dispersion included, as from `twiss(lattice, reference)`.
        normalized_emittance: rms, (x, y) [m rad]; or
        emittance: geometric rms, (x, y) [m rad]; exactly one of the two.
        current: of the whole beam [A].
        sigma_z, sigma_delta: rms of independent Gaussian z [m] and delta.
        quiet: low-discrepancy instead of random.
        seed: of either.
        world: ranks that share the beam; each draws its own part of the one that a process alone
            would draw.

    Raises:
        InvalidValueError: a negative or non-finite size, no particles, both or neither emittance,
            fewer particles than ranks.
    """


class Distribution(Protocol):
    """What every function of this module is."""

    def __call__(
        self,
        reference: Reference,
        particles: int,
        *,
        twiss: Twiss,
        normalized_emittance: tuple[float, float] | None = None,
        emittance: tuple[float, float] | None = None,
        current: float = 0.0,
        sigma_z: float = 0.0,
        sigma_delta: float = 0.0,
        quiet: bool = False,
        seed: int = 0,
        world: World = ALONE,
    ) -> Beam: ...


def _distribution(draw: Callable[[Array], Array]) -> Distribution:
    """A distribution from what turns uniform numbers (N, 4) into four coordinates of unit rms."""

    def distribution(
        reference: Reference,
        particles: int,
        *,
        twiss: Twiss,
        normalized_emittance: tuple[float, float] | None = None,
        emittance: tuple[float, float] | None = None,
        current: float = 0.0,
        sigma_z: float = 0.0,
        sigma_delta: float = 0.0,
        quiet: bool = False,
        seed: int = 0,
        world: World = ALONE,
    ) -> Beam:
        if not (isinstance(particles, (int, np.integer)) and particles >= 1):
            raise InvalidValueError(f"particles must be a positive integer, got {particles!r}")
        if (emittance is None) == (normalized_emittance is None):
            raise InvalidValueError("give exactly one of emittance and normalized_emittance")
        given = normalized_emittance if emittance is None else emittance
        checks: tuple[tuple[str, Any], ...] = (
            ("emittance", given),
            ("sigma_z and sigma_delta", (sigma_z, sigma_delta)),
        )
        for name, values in checks:
            if np.shape(values) != (2,) or not all(np.isfinite(v) and v >= 0 for v in values):
                raise InvalidValueError(
                    f"{name} must be two finite, non-negative numbers: {values}"
                )
        sizes = np.array(given, dtype=float) / (reference.beta_gamma if emittance is None else 1.0)

        world = world.of(particles)
        u = _unit_numbers(particles, 6, quiet, seed, world.rows(particles))
        normal = draw(u[:, :4])
        coordinates = np.zeros((len(u), 6))
        planes = ((twiss.beta_x, twiss.alpha_x), (twiss.beta_y, twiss.alpha_y))
        for i, ((beta, alpha), size) in enumerate(zip(planes, sizes, strict=True)):
            if not (np.isfinite(beta) and beta > 0 and np.isfinite(alpha)):
                raise InvalidValueError(
                    f"Twiss beta must be positive, got beta={beta}, alpha={alpha}"
                )
            a, b = normal[:, 2 * i], normal[:, 2 * i + 1]
            coordinates[:, 2 * i] = np.sqrt(size * beta) * a
            coordinates[:, 2 * i + 1] = np.sqrt(size / beta) * (b - alpha * a)
        for column, sigma in ((4, sigma_z), (5, sigma_delta)):
            if sigma > 0:
                coordinates[:, column] = sigma * ndtri(u[:, column])
        coordinates[:, :4] += coordinates[:, 5:] * _dispersion(twiss)
        beam = Beam(reference, torch.from_numpy(coordinates), current, world=world)
        check_beam(beam)
        return beam

    distribution.__name__ = distribution.__qualname__ = draw.__name__
    distribution.__doc__ = (draw.__doc__ or "").rstrip() + _ARGUMENTS
    return distribution


@_distribution
def gaussian(u: Array) -> Array:
    """Gaussian in all four transverse coordinates."""
    return np.asarray(ndtri(u))


@_distribution
def kv(u: Array) -> Array:
    """Kapchinskij-Vladimirskij: the surface of a 4D ellipsoid, uniform in any 2D projection.

    Emittances are rms, a quarter of the full ones.
    """
    return _shell(u)


@_distribution
def waterbag(u: Array) -> Array:
    """Uniform in a 4D ellipsoid of phase space."""
    # volume grows as r^4; <x^2> of the unit 4-ball is 1/6
    return np.sqrt(6) / 2 * u[:, 3:4] ** 0.25 * _shell(u)


@_distribution
def uniform(u: Array) -> Array:
    """Uniform in each plane's phase-space ellipse, the planes independent."""
    return 2 * np.column_stack(
        [*_turned(np.sqrt(u[:, 0]), u[:, 2]), *_turned(np.sqrt(u[:, 1]), u[:, 3])]
    )


def _dispersion(twiss: Twiss) -> Array:
    """d/d(delta) of x, px, y, py."""
    return np.array(
        [twiss.dispersion_x, twiss.dispersion_px, twiss.dispersion_y, twiss.dispersion_py]
    )


def _shell(u: Array) -> Array:
    # on the 3-sphere the share of r^2 in the first plane is uniform (Archimedes in 4D)
    return 2 * np.column_stack(
        [*_turned(np.sqrt(u[:, 0]), u[:, 1]), *_turned(np.sqrt(1 - u[:, 0]), u[:, 2])]
    )


def _turned(radius: Array, turn: Array) -> tuple[Array, Array]:
    return radius * np.cos(2 * np.pi * turn), radius * np.sin(2 * np.pi * turn)


def _unit_numbers(count: int, dimensions: int, quiet: bool, seed: int, rows: slice) -> Array:
    """Some rows of uniform numbers (count, dimensions) strictly between 0 and 1."""
    bits = np.random.PCG64(seed)
    rng = np.random.Generator(bits)
    if quiet:
        levels = max(1, int(count - 1).bit_length())
        # whole powers of two keep the balance of the sequence; the surplus is dropped
        u = np.asarray(qmc.Sobol(dimensions, rng=rng).random_base2(levels)[:count])
        return np.clip(u[rows], 2.0**-53, 1 - 2.0**-53)
    bits.advance(rows.start * dimensions)
    return rng.random((rows.stop - rows.start, dimensions)) * (1 - 2.0**-52) + 2.0**-53
