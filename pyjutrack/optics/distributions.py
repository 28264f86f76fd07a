"""Beams drawn from the usual distributions, matched to Twiss functions.

x, px, y, py are drawn; z and delta are zero unless sizes are asked for: a coasting beam with a
current, or a bunch with a charge, of a shape in z and delta, perhaps matched to an RF bucket.
"quiet" takes a scrambled low-discrepancy (Sobol) sequence, otherwise a seeded random one;
either repeats for the same seed. The beam is differentiable in its Twiss functions, emittances,
sigmas and current, where these are 0-d tensors, and in the momentum of the reference: particles
keep their places in the normalised distribution.
rms emittances are those of the distribution, so a sample meets them up to its noise.
Source of the quadratic forms: M. Reiser, Theory and Design of Charged Particle Beams, sec. 5.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..beam.communicator import SERIAL, Communicator
from ..beam.faults import check_beam
from ..beam.reference import Reference, require_reference
from ..core.checks import require_flag, require_kind, require_real, require_whole
from ..core.errors import InvalidValueError
from ..core.scalars import Number, carries, to_float
from ..core.unstated import UNSTATED
from .bunches import draw_bunch, normal, to_circle
from .synchrotron import SynchrotronOptics
from .table import Twiss, require_twiss

__all__ = ["gaussian", "kv", "uniform", "waterbag"]


def __dir__() -> list[str]:
    return __all__


Array = NDArray[np.float64]

_ARGUMENTS = """

    Args:
        reference: species and momentum.
        particles: number of macroparticles.
        twiss: functions to match, dispersion included, as from `twiss(lattice, reference)`.
        normalized_emittance: rms, (x, y) [m rad]; or
        emittance: geometric rms, (x, y) [m rad]; exactly one of the two.
        current: of the whole coasting beam [A]; or
        charge: of the whole bunch [C].
        sigma_z, sigma_delta: rms of z [m] and delta.
        longitudinal: shape in z and delta: "gaussian"; "waterbag", uniform in an ellipse, with a
            line density as sqrt(1 - (z/2 sigma_z)^2); "parabolic", with one as
            1 - z^2/(5 sigma_z^2).
        bucket: as from `pj.optics.synchrotron_optics(ring, reference)`: its matrix of one turn
            gives, in the place of sigma_delta, the spread and the tilt that stay as they are, for
            bunches short against the wavelength of the RF; the beam is centred on its orbit.
        quiet: low-discrepancy instead of random.
        seed: of either.
        world: ranks that share the beam; each draws its own part of the one that a process alone
            would draw.

    Functions, emittances, sigmas and current may be 0-d tensors; the beam carries what
    derivatives they have.

    Raises:
        InvalidValueError: a negative or non-finite size, an emittance of zero that is to carry a
            derivative, a current and a charge, a bucket without sigma_z or with a sigma_delta, no
            particles, both or neither emittance, fewer particles than ranks.
    """


class Distribution(Protocol):
    """Protocol of the functions of this module."""

    def __call__(
        self,
        reference: Reference,
        particles: int,
        *,
        twiss: Twiss,
        normalized_emittance: tuple[Number, Number] | None = None,
        emittance: tuple[Number, Number] | None = None,
        current: Number = UNSTATED,
        charge: Number = UNSTATED,
        sigma_z: Number = 0.0,
        sigma_delta: Number = 0.0,
        longitudinal: str = "gaussian",
        bucket: SynchrotronOptics | None = None,
        quiet: bool = False,
        seed: int = 0,
        world: Communicator = SERIAL,
    ) -> Beam: ...


def _distribution(draw: Callable[[Array], Array]) -> Distribution:
    """A distribution from what turns uniform numbers (N, 4) into four coordinates of unit rms."""

    def distribution(
        reference: Reference,
        particles: int,
        *,
        twiss: Twiss,
        normalized_emittance: tuple[Number, Number] | None = None,
        emittance: tuple[Number, Number] | None = None,
        current: Number = UNSTATED,
        charge: Number = UNSTATED,
        sigma_z: Number = 0.0,
        sigma_delta: Number = 0.0,
        longitudinal: str = "gaussian",
        bucket: SynchrotronOptics | None = None,
        quiet: bool = False,
        seed: int = 0,
        world: Communicator = SERIAL,
    ) -> Beam:
        require_reference(reference)
        require_whole("particles", particles, 1)
        require_twiss("twiss", twiss, "such as twiss(lattice, reference)")
        require_whole("seed", seed)
        require_flag("quiet", quiet)
        for name, sigma in (("sigma_z", sigma_z), ("sigma_delta", sigma_delta)):
            require_real(name, sigma, least=0)
        require_kind("world", world, Communicator, "a Communicator of `pyjutrack.distributed`")
        if (emittance is None) == (normalized_emittance is None):
            raise InvalidValueError("give exactly one of emittance and normalized_emittance")
        given = normalized_emittance if emittance is None else emittance
        sizes = _sizes("emittance", given)
        sigmas = _sizes("sigma_z and sigma_delta", (sigma_z, sigma_delta))
        if emittance is None:
            sizes = [size / reference.beta_gamma for size in sizes]

        world = world.for_particles(particles)
        u = _unit_numbers(particles, 6, quiet, seed, world.rows(particles))
        drawn = torch.from_numpy(draw(u[:, :4]))
        planes = ((twiss.beta_x, twiss.alpha_x), (twiss.beta_y, twiss.alpha_y))
        columns: list[Tensor] = []
        for i, ((beta, alpha), size) in enumerate(zip(planes, sizes, strict=True)):
            if not (0 < to_float(beta) < math.inf and math.isfinite(to_float(alpha))):
                raise InvalidValueError(
                    f"Twiss beta must be positive, got beta={beta}, alpha={alpha}"
                )
            if carries(size) and not to_float(size) > 0:
                raise InvalidValueError(
                    "an emittance of zero has no slope, as sizes grow with its root; give a float"
                )
            a, b = drawn[:, 2 * i], drawn[:, 2 * i + 1]
            columns += [_sqrt(size * beta) * a, _sqrt(size / beta) * (b - alpha * a)]
        columns += draw_bunch(longitudinal, u[:, 4:], sigmas, bucket)
        for i, slope in enumerate(_dispersion(twiss)):
            columns[i] = columns[i] + columns[5] * slope
        rows = torch.stack(columns).movedim(0, -1)  # column by column, as they are tracked
        if bucket is not None:
            rows = rows + bucket.orbit[0]
        beam = Beam(reference, rows, current, charge=charge, world=world)
        check_beam(beam)
        return beam

    distribution.__name__ = distribution.__qualname__ = draw.__name__
    distribution.__doc__ = (draw.__doc__ or "").rstrip() + _ARGUMENTS
    return distribution


@_distribution
def gaussian(u: Array) -> Array:
    """Gaussian in all four transverse coordinates."""
    return normal(u)


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
        [*to_circle(np.sqrt(u[:, 0]), u[:, 2]), *to_circle(np.sqrt(u[:, 1]), u[:, 3])]
    )


def _sizes(name: str, values: Any) -> list[Number]:
    """Two sizes, floats or 0-d tensors.

    Raises:
        InvalidValueError: they are not, or one is negative or not finite.
    """
    try:
        found = [v if isinstance(v, Tensor) else float(v) for v in values]
        scalar = all(not isinstance(v, Tensor) or v.dim() == 0 for v in found)
        right = len(found) == 2 and scalar and all(0 <= to_float(v) < math.inf for v in found)
    except InvalidValueError:  # of numbers that a transform hides
        raise
    except (TypeError, ValueError, RuntimeError):
        right = False
    if not right:
        raise InvalidValueError(f"{name} must be two finite, non-negative numbers: {values}")
    return found


def _dispersion(twiss: Twiss) -> tuple[Number, ...]:
    """d/d(delta) of x, px, y, py."""
    return twiss.dispersion_x, twiss.dispersion_px, twiss.dispersion_y, twiss.dispersion_py


def _sqrt(number: Number) -> Number:
    return number.sqrt() if isinstance(number, Tensor) else math.sqrt(number)


def _shell(u: Array) -> Array:
    # on the 3-sphere the share of r^2 in the first plane is uniform (Archimedes in 4D)
    return 2 * np.column_stack(
        [*to_circle(np.sqrt(u[:, 0]), u[:, 1]), *to_circle(np.sqrt(1 - u[:, 0]), u[:, 2])]
    )


def _unit_numbers(count: int, dimensions: int, quiet: bool, seed: int, rows: slice) -> Array:
    """Some rows of uniform numbers (count, dimensions) strictly between 0 and 1."""
    bits = np.random.PCG64(seed)
    rng = np.random.Generator(bits)
    if quiet:
        from scipy.stats import qmc  # late: it takes a moment to load

        levels = max(1, int(count - 1).bit_length())
        # whole powers of two keep the balance of the sequence; the surplus is dropped
        u = np.asarray(qmc.Sobol(dimensions, rng=rng).random_base2(levels)[:count])
        return np.clip(u[rows], 2.0**-53, 1 - 2.0**-53)
    bits.advance(rows.start * dimensions)
    return rng.random((rows.stop - rows.start, dimensions)) * (1 - 2.0**-52) + 2.0**-53
