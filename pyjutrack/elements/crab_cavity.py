"""Deflecting cavities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .. import maps
from ..beam.reference import Reference
from ..maps.state import State
from .cavity import Cavity
from .glyph import Glyph, oval
from .part import Part


@dataclass(frozen=True, repr=False)
class CrabCavity(Cavity):
    """Deflecting cavity: a thin kick in x that depends on time, in the middle of a drift.

    px changes by voltage * |q| / (p0 c) * sin(phase + omega t), and the energy by what makes the
    map symplectic (the Panofsky-Wenzel theorem). A tilt of pi/2 makes it kick in y. A particle that
    would keep less than its rest energy is lost.

    Attributes:
        length: [m].
        voltage: peak transverse voltage [V].
        frequency: omega / 2 pi [Hz]; 0.0 for a constant field.
        phase: at which the reference arrives [rad], in every turn.

    Warns:
        AccuracyWarning: a voltage, and no frequency was given.
    """

    deflects_by_rf: ClassVar[bool] = True
    glyph: ClassVar[Glyph] = Glyph("crab cavity", "#b5651d", oval(0.5))

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        state = self.half_drift(state, reference, part)
        state = self.gap(maps.crab_kick, state, reference, part)
        return self.half_drift(state, reference, part)
