"""Field-free space."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from .. import maps
from ..beam.reference import Reference
from ..core.scalars import Number
from ..maps.state import State
from .base import Element
from .part import Part


@dataclass(frozen=True, repr=False)
class Drift(Element):
    """Field-free space.

    Attributes:
        length: [m]; negative is a step back along s, which undoes as long a drift.
        model: "exact" (square root) or "paraxial".
    """

    length: Number
    model: str = field(default="exact", kw_only=True)
    merges: ClassVar[bool] = True
    knobs: ClassVar[tuple[str, ...]] = ("length",)
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"model": ("exact", "paraxial")}
    may_step_back: ClassVar[bool] = True
    glyph: ClassVar[None] = None

    @property
    def transmits_all(self) -> bool:
        return not self.is_displaced

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        drift = maps.drift if self.model == "exact" else maps.drift_paraxial
        return state.apply(drift, self.length * part.fraction, reference.beta)
