"""Accelerating cavities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from .. import maps
from ..beam.reference import Reference
from ..core.checks import require_flag
from ..core.errors import InvalidValueError
from ..core.scalars import cos_sin, is_whole, is_zero, vanishes
from ..maps.state import State
from .cavity import Cavity
from .glyph import Glyph, oval
from .part import WHOLE, Part
from .rf_wave import pass_wave

_WAVES = ("standing-wave", "travelling-wave")


@dataclass(frozen=True, repr=False)
class RFCavity(Cavity):
    """Accelerating cavity.

    A particle on the axis that arrives by t after the reference gains
    voltage * |q| * sin(phase + omega t). One that would keep less than its rest energy is lost.
    It focuses if it is told how, by `focusing`, and not by default, as in MAD-X, Xsuite, AT and
    elegant: that is nothing in rings at high energy, and much of what focuses at a few MeV. Twiss
    functions and orbits of rings in four dimensions take every cavity for a drift, and warn of
    those that focus or accelerate; of lines those alone that do neither, and warn of those that
    give the beam energy; `pj.jacobian` and tracking take none for one.

    Attributes:
        length: [m].
        voltage: peak energy gain per unit charge, whatever its sign [V].
        frequency: omega / 2 pi [Hz]; 0.0 for a constant field.
        phase: at which the reference arrives [rad], in every turn, whatever the frequency; 0 is
            stable below transition, pi above.
        accelerate: the reference takes up voltage * |q| * sin(phase), so that delta is counted from
            the new momentum after the cavity; magnets follow, as their strengths are normalised.
            Otherwise the reference keeps its momentum.
        focusing: "none", a kick in energy in the middle of a drift. "gap", the same with the field
            of a thin gap: E_s grows as I_0(k r / (beta gamma)) off the axis, and what bunches
            defocuses, by k voltage |q| cos(phase) / (2 p c (beta gamma)^2) [1/m].
            "standing-wave", cells of a structure in pi mode along the length, with the
            ponderomotive force of the backward wave, and lenses where the field begins and ends;
            of relativistic beams the matrix of Rosenzweig and Serafini. "travelling-wave", a wave
            along the length that runs with the beam: the lenses at the ends and no ponderomotive
            force. In both the phase is that of the reference all along the length, whatever its
            velocity, momenta are paraxial, and the gain, as in the gap, is symplectic at any r.
        ends: which ends have lenses, "both", "entrance", "exit" or "none"; of waves alone.
        steps: of the integrator, fourth order, per slice; of waves alone. None takes so many that
            what phases do within the cavity is met to some 1e-6 of itself: for relativistic beams
            one of second order.

    Raises:
        InvalidValueError: a wave along no length.

    Warns:
        AccuracyWarning: a voltage, and no frequency was given.

    Example:
        >>> RFCavity(1.036, 20e6, frequency=1.3e9, phase=math.pi / 2, accelerate=True,
        ...          focusing="standing-wave", name="tesla")
    """

    accelerate: bool = field(default=False, kw_only=True)
    focusing: str = field(default="none", kw_only=True)
    ends: str = field(default="both", kw_only=True)
    steps: int | None = field(default=None, kw_only=True)
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "focusing": ("none", "gap", *_WAVES),
        "ends": ("both", "entrance", "exit", "none"),
    }
    glyph: ClassVar[Glyph] = Glyph("cavity", "#E69F00", oval(0.7))

    def __post_init__(self) -> None:
        super().__post_init__()
        require_flag(f"accelerate of {self._label()}", self.accelerate)
        if self.steps is not None and not (is_whole(self.steps) and self.steps >= 1):
            raise InvalidValueError(
                f"{self._label()}: steps must be a positive integer or None, got {self.steps!r}"
            )
        if self.focusing in _WAVES and is_zero(self.length):
            raise InvalidValueError(
                f'{self._label()}: focusing="{self.focusing}" is that of a field along a length; '
                'give it one, or take focusing="gap"'
            )

    @property
    def kicks_by_rf(self) -> bool:  # type: ignore[override]  # of the cavity, not of the class
        return not (vanishes(self.x_rot) and vanishes(self.y_rot))  # only where it is turned

    @property
    def focuses_by_rf(self) -> bool:
        return self.focusing != "none" and not vanishes(self.voltage)

    def exit_reference(self, reference: Reference, part: Part = WHOLE) -> Reference:
        if not self.accelerate:
            return reference
        volts = self.voltage * cos_sin(self.phase)[1] * part.fraction
        return reference.accelerate(volts * abs(reference.species.charge))

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        if self.focusing in _WAVES:
            return pass_wave(self, state, reference, part)
        state = self.half_drift(state, reference, part)
        if self.focusing == "none":
            state = self.gap(maps.rf_kick, state, reference, part)
        else:
            middle = self.exit_reference(reference, Part(part.start, (part.start + part.stop) / 2))
            extra = 1 / middle.beta_gamma, 0.0
            state = self.gap(maps.rf_gap, state, reference, part, *extra)
        after = self.exit_reference(reference, part)
        if after is not reference:
            state = state.apply(maps.rescale, reference.p0c / after.p0c)
        return self.half_drift(state, after, part)
