"""Places with a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..beam.reference import Reference
from ..maps.state import State
from .base import Element
from .part import Part


@dataclass(frozen=True, repr=False)
class Marker(Element):
    """A place with a name."""

    glyph: ClassVar[None] = None

    @property
    def transmits_all(self) -> bool:
        return not self.is_displaced

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        return state
