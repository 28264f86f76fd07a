"""Opposing Gaussian bunches: JuTrack's StrongGaussianBeam, head-on."""

from __future__ import annotations

import math
from typing import Any

from ....beam.beam import Beam
from ....collective.beam_beam import BeamBeam, BeamBeam2D
from ....collective.beam_beam.opposing import strength_of
from ....collective.beam_beam.slices import cut
from ....core.scalars import Number, carries, to_float, vanishes
from ..twins.base import Twin, Twins
from .base import acts_as, refused

#: JuTrack's vacuum permittivity, of elementary charges, eV and m
_PERMITTIVITY = 55.26349406e6
#: its field of a bunch divides by the difference of the squares of the sizes
_ROUND = 1e-3
_NAMES = ("x", "y", "slope_x", "slope_y", "angle")


@acts_as(BeamBeam)
def _(effect: BeamBeam, beam: Beam, ds: Number) -> Twins:
    _check(effect)
    places, shares = cut(effect.slicing, effect.count)
    reference = beam.reference
    species = reference.species
    radius = species.charge**2 / (4 * math.pi * _PERMITTIVITY * species.mass)
    # JuTrack's kick, of one particle in the slice of a bunch of charge 1
    one = 2 * radius / reference.gamma * species.charge
    strength = strength_of(effect.charge, reference) / one
    x, y = effect.sigma_x, effect.sigma_y
    alpha = [
        -effect.correlations[n] * size * slope
        for n, size, slope in ((0, x, effect.sigma_px), (5, y, effect.sigma_py))
    ]
    fields: dict[str, Any] = {
        # per emittance, by which JuTrack divides again
        **{"beta_x": x * x, "gamma_x": effect.sigma_px * effect.sigma_px, "alpha_x": alpha[0]},
        **{"beta_y": y * y, "gamma_y": effect.sigma_py * effect.sigma_py, "alpha_y": alpha[1]},
        "charge": 1.0,
        "beamsize": (x, y, effect.sigma_z),
        "zslice_center": tuple(-effect.sigma_z * float(place) for place in places),
        "zslice_npar": tuple(strength * float(share) for share in shares),
    }
    return (Twin("StrongGaussianBeam", fields),)


@acts_as(BeamBeam2D)
def _(effect: BeamBeam2D, beam: Beam, ds: Number) -> Twins:
    raise refused(
        effect, "JuTrack defines StrongThinGaussianBeam, and no `pass!` that moves particles by it"
    )


def _may_act(value: Number) -> bool:
    """Whether a parameter is not zero, or may have a slope there."""
    return carries(value) or not vanishes(value)


def _check(effect: BeamBeam) -> None:
    """Raise InvalidValueError for what JuTrack's bunch cannot be."""
    found = [name for name in _NAMES if _may_act(getattr(effect, name))]
    if found:
        raise refused(
            effect,
            f"JuTrack leaves out where its slices are across, and {found[0]} = "
            f"{to_float(getattr(effect, found[0])):g} says that they are aside",
        )
    if any(map(_may_act, effect.correlations[1:5])):
        raise refused(effect, "JuTrack's bunch is upright, and this one is coupled")
    x, y = to_float(effect.sigma_x), to_float(effect.sigma_y)
    if abs(x - y) < _ROUND * max(x, y):
        raise refused(
            effect,
            f"JuTrack's field has no limit for a round bunch, and the sizes are {x:g} and {y:g} m",
            "let them differ by a thousandth",
        )
