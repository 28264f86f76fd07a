"""Multipoles of any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..beam.reference import Reference
from ..core.scalars import Number
from ..maps.state import State
from .drift_kick import drift_and_kick
from .glyph import Glyph, box
from .magnet import Magnet
from .part import Part


@dataclass(frozen=True, repr=False)
class Multipole(Magnet):
    """Multipole of any order, thin unless it has a length.

    Attributes:
        length: over which the strengths are spread [m].
        knl: normal integrated strengths (k0 L, k1 L, ...), MAD's convention [rad, 1/m, ...]. The
            dipole kicks the beam and does not bend the reference orbit; that of a `ThinBend` does.
        ksl: skew integrated strengths.

    Example:
        >>> pj.Multipole([0.0, 0.0, 3.5], name="ms")  # a thin sextupole, k2 L = 3.5 / m^2
    """

    knl: tuple[Number, ...] = ()
    ksl: tuple[Number, ...] = ()
    knobs: ClassVar[tuple[str, ...]] = ("length", "knl", "ksl")
    glyph: ClassVar[Glyph] = Glyph("multipole", "#8c564b", box(-0.45, 0.45))

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        return drift_and_kick(self, (), (), state, reference, part)
