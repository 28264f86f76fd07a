"""Changes of the reference frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..beam.reference import Reference
from ..core.scalars import is_zero
from ..maps.state import State
from .base import Element
from .geometry import compose, displacement, enter_frame, roll
from .part import Part


@dataclass(frozen=True, repr=False)
class Patch(Element):
    """A change of the reference frame, of no length along s.

    The displacement that other elements have and undo is here kept: after the patch, coordinates
    count from a frame translated by (dx, dy, dz) and then rotated by y_rot, x_rot and z_rot plus
    tilt. Particles drift to the new plane; dz counts as path of the reference.
    """

    merges: ClassVar[bool] = True
    is_frame_change: ClassVar[bool] = True
    path: ClassVar[str] = "dz"
    glyph: ClassVar[None] = None

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        if is_zero(self.tilt) and not self.is_displaced:
            return state
        frame = compose(displacement(self), roll(self.tilt))
        return enter_frame(state, reference, frame, self.dz)
