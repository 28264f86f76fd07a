"""Solenoids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from .. import maps
from ..beam.reference import Reference
from ..core.scalars import Number
from ..maps.state import State
from .base import Element
from .glyph import Glyph, box
from .part import Part


@dataclass(frozen=True, repr=False)
class Solenoid(Element):
    """Solenoid with hard edges: the exact map, its fringes included.

    Attributes:
        length: [m].
        ks: normalised field B_s / (B rho) [1/m].
    """

    length: Number
    ks: Number = 0.0
    merges: ClassVar[bool] = True
    knobs: ClassVar[tuple[str, ...]] = ("length", "ks")
    glyph: ClassVar[Glyph] = Glyph("solenoid", "#56B4E9", box(-0.5, -0.2) + box(0.2, 0.5))

    def with_field(self, factor: Number) -> Element:
        return replace(self, ks=self.ks * factor)

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        length = self.length * part.fraction
        return state.apply(maps.solenoid, length, self.ks, reference.beta)
