"""Beam position monitors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .. import maps
from ..beam.reference import Reference
from ..core.scalars import Number, is_zero
from ..maps.state import State
from .base import Element
from .glyph import Glyph
from .part import Part


@dataclass(frozen=True, repr=False)
class Monitor(Element):
    """Beam position monitor: a place with a name, in a drift if it has a length.

    Attributes:
        length: [m]; negative as that of a `Drift`.
    """

    length: Number = 0.0
    knobs: ClassVar[tuple[str, ...]] = ("length",)
    may_step_back: ClassVar[bool] = True
    glyph: ClassVar[Glyph] = Glyph(
        "monitor", "#111111", (((0, -0.25), (0.5, 0), (1, -0.25), (0.5, -0.5)),)
    )

    @property
    def transmits_all(self) -> bool:
        return not self.is_displaced

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        if is_zero(self.length):
            return state
        return state.apply(maps.drift, self.length * part.fraction, reference.beta)
