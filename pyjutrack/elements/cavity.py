"""The base of radio-frequency cavities: a thin kick in the middle of a drift."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from .. import maps
from ..beam.reference import SPEED_OF_LIGHT, Reference
from ..core.checks import format_value
from ..core.errors import AccuracyWarning, warn
from ..core.scalars import Number, is_zero, vanishes
from ..core.unstated import UNSTATED, is_stated
from ..maps.base import Map
from ..maps.state import State
from .base import Element
from .drift import Drift
from .part import Part


@dataclass(frozen=True, repr=False)
class Cavity(Element):
    """A gap in the middle of a drift, whose field oscillates.

    Attributes:
        length: [m].
        voltage: peak voltage [V].
        frequency: omega / 2 pi [Hz]; 0.0 for a constant field.
        phase: at which the reference arrives [rad], in every turn.

    Warns:
        AccuracyWarning: a voltage, and no frequency was given.
    """

    length: Number = 0.0
    voltage: Number = 0.0
    frequency: Number = field(default=UNSTATED, kw_only=True)
    phase: Number = field(default=0.0, kw_only=True)
    merges: ClassVar[bool] = True
    abstract: ClassVar[bool] = True
    knobs: ClassVar[tuple[str, ...]] = ("length", "voltage", "frequency", "phase")

    def __post_init__(self) -> None:
        stated = is_stated(self.frequency)
        super().__post_init__()
        if stated:
            return
        object.__setattr__(self, "frequency", UNSTATED)  # as elements that are made of it must know
        if not vanishes(self.voltage):
            warn(
                f"{self._label()} has a voltage of {format_value(self.voltage)} V, and was given "
                "no frequency: it kicks all particles alike, whenever they arrive; give "
                "frequency= [Hz], or frequency=0.0 where a constant field is meant",
                AccuracyWarning,
            )

    def without_rf(self) -> Element:
        return Drift(self.length)

    @property
    def rf_frequency(self) -> Number:  # type: ignore[override]  # of the cavity, not of the class
        return 0.0 if vanishes(self.voltage) else self.frequency

    def half_drift(self, state: State, reference: Reference, part: Part) -> State:
        """Drift from the entrance of a part to the gap, or from the gap to its exit."""
        if is_zero(self.length):
            return state
        return state.apply(maps.drift, self.length * (part.fraction / 2), reference.beta)

    @property
    def wavenumber(self) -> Number:
        """omega / c [1/m]."""
        return self.frequency * (2 * math.pi / SPEED_OF_LIGHT)

    def strength(self, reference: Reference) -> Number:
        """voltage * |q| / (p0 c)."""
        return self.voltage * (abs(reference.species.charge) / reference.p0c)

    def gap(
        self, kick: Map, state: State, reference: Reference, part: Part, *extra: Number
    ) -> State:
        """The kick (strength, wavenumber, phase, 1 / (beta0 gamma0)) of a part of the voltage."""
        if is_zero(self.voltage):
            return state
        strength = self.strength(reference) * part.fraction
        frame = self.wavenumber, self.phase, 1 / reference.beta_gamma
        return state.apply(kick, strength, *frame, *extra)
