"""Accelerating cavities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from .. import maps
from ..beam.reference import Reference
from ..core.checks import require_flag
from ..core.scalars import cos_sin
from ..maps.state import State
from .cavity import Cavity
from .glyph import Glyph, oval
from .part import WHOLE, Part


@dataclass(frozen=True, repr=False)
class RFCavity(Cavity):
    """Accelerating cavity: a thin kick in energy in the middle of a drift.

    A particle that arrives by t after the reference gains voltage * |q| * sin(phase + omega t).
    One that would keep less than its rest energy is lost.

    Attributes:
        length: [m].
        voltage: peak energy gain per unit charge, whatever its sign [V].
        frequency: omega / 2 pi [Hz].
        phase: at which the reference arrives [rad]; 0 is stable below transition, pi above.
        accelerate: the reference takes up voltage * |q| * sin(phase), so that delta is counted from
            the new momentum after the cavity; magnets follow, as their strengths are normalised.
            Otherwise the reference keeps its momentum.
    """

    accelerate: bool = field(default=False, kw_only=True)
    glyph: ClassVar[Glyph] = Glyph("cavity", "#e6a817", oval(0.7))

    def __post_init__(self) -> None:
        super().__post_init__()
        require_flag(f"accelerate of {self._label()}", self.accelerate)

    def exit_reference(self, reference: Reference, part: Part = WHOLE) -> Reference:
        if not self.accelerate:
            return reference
        volts = self.voltage * cos_sin(self.phase)[1] * part.fraction
        return reference.accelerate(volts * abs(reference.species.charge))

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        state = self.half_drift(state, reference, part)
        state = self.gap(maps.rf_kick, state, reference, part)
        after = self.exit_reference(reference, part)
        if after is not reference:
            state = state.apply(maps.rescale, reference.p0c / after.p0c)
        return self.half_drift(state, after, part)
