"""Octupoles."""

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
class Octupole(Magnet):
    """Octupole with hard edges and no fringe.

    Attributes:
        length: [m].
        k3, k3s: normal and skew strength (1/B rho) d^3B_y/dx^3 [1/m^4].
    """

    length: Number
    k3: Number = 0.0
    k3s: Number = field(default=0.0, kw_only=True)
    knobs: ClassVar[tuple[str, ...]] = ("length", "k3", "k3s", "knl", "ksl")
    strengths: ClassVar[tuple[str, ...]] = ("k3", "k3s")
    glyph: ClassVar[Glyph] = Glyph(
        "octupole", "#8C6BB1", (((0, 0), (0, 0.6), (1, 0.6), (1, 0)),), "k3"
    )

    @property
    def own_multipoles(self) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
        return (0.0, 0.0, 0.0, self.k3), (0.0, 0.0, 0.0, self.k3s)

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        normal, skew = (multiply_by_length(self, 0.0, 0.0, 0.0, k) for k in (self.k3, self.k3s))
        return drift_and_kick(self, normal, skew, state, reference, part)
