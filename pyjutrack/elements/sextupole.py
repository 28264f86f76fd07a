"""Sextupoles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..beam.reference import Reference
from ..core.scalars import Number
from ..maps.state import State
from .drift_kick import drift_and_kick, multiply_by_length
from .glyph import Glyph
from .magnet import Magnet
from .part import Part


@dataclass(frozen=True, repr=False)
class Sextupole(Magnet):
    """Sextupole with hard edges and no fringe.

    Attributes:
        length: [m].
        k2, k2s: normal and skew strength (1/B rho) d^2B_y/dx^2 [1/m^3].

    Example:
        >>> pj.Sextupole(0.2, k2=40.0, name="sf")
    """

    length: Number
    k2: Number = 0.0
    k2s: Number = field(default=0.0, kw_only=True)
    knobs: ClassVar[tuple[str, ...]] = ("length", "k2", "k2s", "knl", "ksl")
    strengths: ClassVar[tuple[str, ...]] = ("k2", "k2s")
    glyph: ClassVar[Glyph] = Glyph(
        "sextupole", "#009E73", (((0, 0), (0, 0.45), (0.5, 0.75), (1, 0.45), (1, 0)),), "k2"
    )

    @property
    def own_multipoles(self) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
        return (0.0, 0.0, self.k2), (0.0, 0.0, self.k2s)

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        normal, skew = (multiply_by_length(self, 0.0, 0.0, k) for k in (self.k2, self.k2s))
        return drift_and_kick(self, normal, skew, state, reference, part)
