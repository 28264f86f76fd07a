"""What effects of an opposing beam have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from ...beam.beam import LARGEST_CHARGE, Beam, require_beam
from ...beam.reference import VACUUM_PERMITTIVITY, Reference
from ...core.checks import require_real, require_text, wrong
from ...core.scalars import Number, to_float
from ...elements import Element
from ...elements.inverse import Operation
from ...maps.state import State
from ..base import CollectiveEffect, Place
from .luminosity import luminosity_of


class OpposingBeam(CollectiveEffect):
    """A beam of given charge and moments that acts on each particle by itself, by maps.

    Derive from it, and state `maps`.
    """

    reversible: ClassVar[bool] = True
    weighted: ClassVar[bool] = True
    lumped: ClassVar[bool] = True
    individual: ClassVar[bool] = True

    at: str
    charge: Number

    @property
    def by_maps(self) -> bool:
        return True

    def maps(self, reference: Reference) -> list[Operation]:
        """What is done to a particle, in order: maps and their parameters."""
        raise NotImplementedError

    @property
    def shares(self) -> Sequence[float]:
        """The part of its charge in each of its slices, in the order in which they are met."""
        return (1.0,)

    def luminosity(self, beam: Beam) -> Tensor:
        """Compute the luminosity of one encounter with a beam [1/m^2]; differentiable.

        Times the encounters a second it is a luminosity [1/(m^2 s)]. Particles of the opposing
        bunch have one elementary charge each. What the beam does to the bunch is left out.

        Args:
            beam: a bunch, with a charge, as it comes to the place: at the start of a lattice that
                begins with it, or of `pj.beams_at`. Of a batch (..., N, 6) there are (...).

        Raises:
            InvalidValueError: a beam that coasts or was given no charge, and what `check` raises.

        Source: W. Herr, B. Muratori, Concept of luminosity, CERN 2006-002, p. 361.
        """
        require_beam(beam)
        self.check(beam)
        operations = self.maps(beam.reference)
        return luminosity_of(beam, self.charge, operations, self.shares)

    def slices(self, element: Element) -> int:
        """Once at the elements of the name."""
        return int(element.name == self.at)

    def field(self, beam: Beam, state: State, place: Place, memory: Any = None) -> Reference:
        """Find what the field depends on: the reference alone."""
        return beam.reference

    def apply(self, state: State, field: Reference, place: Place) -> State:
        """Kick particles."""
        return self.transport(state, field, place)

    def transport(self, state: State, reference: Reference, place: Place) -> State:
        """Kick particles by maps."""
        for map, parameters in self.maps(reference):
            state = state.apply(map, *parameters)
        return state


def strength_of(charge: Number, reference: Reference) -> Number:
    """q Q / (2 pi eps0 P0 c) of the reference's charge and another one [m]; positive repels."""
    volts = charge * reference.species.charge / (2 * math.pi * VACUUM_PERMITTIVITY)
    return volts / reference.p0c


def check_numbers(at: Any, numbers: Mapping[str, Any], sizes: Mapping[str, Any]) -> None:
    """Raise InvalidValueError for what is no name, no finite number, or no positive size."""
    require_text("at", at)
    for name, value in numbers.items():
        require_real(name, value)
    charge = to_float(numbers["charge"])
    if abs(charge) > LARGEST_CHARGE:
        raise wrong("charge", charge, "coulombs", "1e11 elementary charges are 1.6e-8 C")
    for name, value in sizes.items():
        require_real(name, value, above=0)
