"""Radio-frequency cavities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..core.checks import require_flag
from ..core.scalars import Number
from .base import Element


@dataclass(frozen=True, repr=False)
class RFCavity(Element):
    """Accelerating cavity: a thin kick in energy in the middle of a drift.

    A particle that arrives by t after the reference gains voltage * |q| * sin(phase + omega t).
    One that would keep less than its rest energy is lost.

    Attributes:
        length: [m].
        voltage: peak energy gain per unit charge, whatever its sign [V].
        frequency: omega / 2 pi [Hz].
        phase: at which the reference arrives [rad]; 0 is stable below transition, pi above.
        accelerate: the reference takes up voltage * |q| * sin(phase), so that delta is counted from
            the new momentum behind the cavity; magnets follow, as their strengths are normalised.
            Otherwise the reference keeps its momentum.
    """

    length: Number = 0.0
    voltage: Number = 0.0
    frequency: Number = field(default=0.0, kw_only=True)
    phase: Number = field(default=0.0, kw_only=True)
    accelerate: bool = field(default=False, kw_only=True)
    abstract: ClassVar[bool] = False
    knobs: ClassVar[tuple[str, ...]] = ("length", "voltage", "frequency", "phase")

    def __post_init__(self) -> None:
        super().__post_init__()
        require_flag(f"accelerate of {self._label()}", self.accelerate)


@dataclass(frozen=True, repr=False)
class CrabCavity(Element):
    """Deflecting cavity: a thin kick in x that depends on time, in the middle of a drift.

    px changes by voltage * |q| / (p0 c) * sin(phase + omega t), and the energy by what makes the
    map symplectic (the Panofsky-Wenzel theorem). A tilt of pi/2 makes it kick in y. A particle that
    would keep less than its rest energy is lost.

    Attributes:
        length: [m].
        voltage: peak transverse voltage [V].
        frequency: omega / 2 pi [Hz].
        phase: at which the reference arrives [rad].
    """

    length: Number = 0.0
    voltage: Number = 0.0
    frequency: Number = field(default=0.0, kw_only=True)
    phase: Number = field(default=0.0, kw_only=True)
    abstract: ClassVar[bool] = False
    knobs: ClassVar[tuple[str, ...]] = ("length", "voltage", "frequency", "phase")
