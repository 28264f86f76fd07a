"""Synchrotron radiation: the energy that particles lose in fields, and how it fluctuates."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..core.checks import require_real, require_whole
from ..core.errors import InvalidValueError, require_known
from ..core.one_by_one import check_each
from ..core.scalars import Number, is_zero, to_float
from ..core.storage import storable
from ..elements import Element
from ..elements.part import Part
from ..elements.placement import apply_within
from ..elements.recordings import memoize
from ..kernels.noise import Stream, key_of
from ..maps.state import State
from .base import CollectiveEffect, Place
from .emission import Emission, Piece, emission_of, emit, faces_of, radiates

#: of the ends of slices, in parts of an element
_ROUNDING = 1e-9


@storable
@dataclass(frozen=True)
class Radiation(CollectiveEffect):
    """Synchrotron radiation of each particle by itself, in all magnets that have a length.

    At the centre of every slice of a magnet, P/P0 = T falls by the energy that the slice radiates,
    in the direction of the motion, so that slopes stay: d(1/T) = 2/3 r_c beta0 gamma0^3 b^2 dl,
    with b the field across the motion over B rho at the particle, up to octupoles, and dl the
    length of its path, (1 + h x) and wedges of turned faces included. Its power is right to
    1/gamma^2. In the mode "quantum", photons fluctuate: a normal number for each slice and particle
    with the variance 55 / (24 sqrt(3)) r_c lambda_c gamma0^5 b^3 dl of their energies. Sums over
    many turns, emittances and energy spreads, come out right; single hard photons do not.

    Random numbers belong to seed, turn, element, slice, and to the number of the particle in the
    beam (of a batch, in each beam), and to nothing else: the same call gives the same photons, a
    finite difference and a backward pass meet those of the value, and derivatives are those by
    paths, with the photons held. The loss has an exact inverse, with which it is undone.

    Thin multipoles and kickers, solenoids and cavities do not radiate; a `ThinBend` does by its h.
    Sources: M. Sands, SLAC-121 (1970); K. Ohmi, K. Hirata, K. Oide, PRE 49 (1994) 751.

    Attributes:
        mode: "mean" or "quantum".
        seed: of the random numbers, for "quantum" alone. Turns count from 0 in every call: one that
            goes on from the end of another needs another seed, or it meets the same photons again.
        bend_slices, magnet_slices: of each bend, and of each other magnet. Losses are right to
            the square of one over their number.
        scale: factor on the energy of every photon; 1 is physical.

    Example:
        >>> pj.track(ring, beam, effects=[pj.collective.Radiation("quantum", seed=1)], turns=100)
    """

    reversible: ClassVar[bool] = True
    weighted: ClassVar[bool] = True
    lumped: ClassVar[bool] = True
    individual: ClassVar[bool] = True
    models: ClassVar[str] = "synchrotron radiation"
    exclusive: ClassVar[bool] = True
    one_by_one: ClassVar[tuple[str, ...]] = ("scale",)
    acts_in: ClassVar[str] = "magnets with a field over a length, bends and quadrupoles say"

    mode: str = "mean"
    seed: int = 0
    bend_slices: int = 10
    magnet_slices: int = 2
    scale: Number = dataclasses.field(default=1.0, kw_only=True)

    @check_each
    def __post_init__(self) -> None:
        require_known("mode of Radiation", self.mode, ("mean", "quantum"))
        require_whole("seed", self.seed)
        require_whole("bend_slices", self.bend_slices, 1)
        require_whole("magnet_slices", self.magnet_slices, 1)
        require_real("scale", self.scale)
        if not (math.isfinite(to_float(self.scale)) and to_float(self.scale) >= 0):
            raise InvalidValueError(
                f"scale must be finite and not negative: {to_float(self.scale)}"
            )

    @property
    def by_maps(self) -> bool:
        return True

    @property
    def numbered(self) -> bool:
        return self.mode == "quantum"

    def slices(self, element: Element) -> int:
        """Count slices of a magnet with a field; one of a thin bend, and of a face by itself."""
        if not radiates(element):
            return 0
        if "length" not in element.knobs:
            return 1
        return self.magnet_slices if is_zero(element.bend_angle) else self.bend_slices

    def field(self, beam: Beam, state: State, place: Place, memory: Any = None) -> Reference:
        """Particles radiate each by itself: no more than the reference of the beam."""
        return beam.reference

    def apply(self, state: State, field: Reference, place: Place) -> State:
        """Let particles radiate in a slice."""
        return self.transport(state, field, place)

    def transport(self, state: State, reference: Reference, place: Place) -> State:
        """Let particles radiate in a slice."""
        element, half = place.element, place.share / 2
        part = Part(place.centre - half, place.centre + half)
        emission = memoize(_emission, element, reference, part)
        stream = None
        if self.mode == "quantum" and not is_zero(emission.length):
            stream = Stream(key_of(self.seed), (place.number, place.slice), place.turn, place.first)

        def act(here: State) -> State:
            return emit(here, emission, self.scale, stream)

        return apply_within(element, state, reference, place.centre, act)


def _emission(element: Element, reference: Reference, part: Part) -> Emission:
    """The emission of a part of an element, and of the faces at its ends."""
    entrance, exit_ = faces_of(element)
    first, last = part.start < _ROUNDING, part.stop > 1 - _ROUNDING
    length = element.arc_length * (part.stop - part.start)
    piece = Piece(length, entrance if first else 0.0, exit_ if last else 0.0)
    return emission_of(element, reference, piece)
