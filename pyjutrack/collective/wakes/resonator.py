"""The wake of a resonator."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...core.checks import require_real
from ...core.errors import ResolutionWarning, warn
from ...core.one_by_one import check_each
from ...core.scalars import Number, to_float
from ...core.storage import storable
from .function import Phasor, WakeFunction

#: phase of the oscillation in a cell, above which a warning
_TURN = 1.0


@storable
@dataclass(frozen=True)
class Resonator(WakeFunction):
    """Wake of a resonator, of a cavity's mode or of a broad band of them.

    With w = 2 pi frequency, a = w/(2 Q), b = sqrt(w^2 - a^2), longitudinal and transverse

        W(t) = w R/Q exp(-a t) (cos(b t) - a/b sin(b t)),
        W(t) = w^2 R/(Q b) exp(-a t) sin(b t).

    Attributes:
        frequency: w / 2 pi [Hz].
        shunt: shunt impedance R [ohm], with power V^2 / (2 R); transverse [ohm/m]. The impedances
            are R / (1 + i Q (w_0/w - w/w_0)), transverse w_0/w times that.
        quality: Q, above 1/2.

    Raises:
        InvalidValueError: any of these is not so.

    Source: A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators, Wiley
    (1993), eqs. 2.82-2.88, with the transverse R in ohm/m: c/w of his, in ohm/m^2.
    """

    rings: ClassVar[bool] = True
    one_by_one: ClassVar[tuple[str, ...]] = ("frequency", "shunt", "quality")

    frequency: Number
    shunt: Number
    quality: Number = 1.0

    @check_each
    def __post_init__(self) -> None:
        require_real("frequency", self.frequency, above=0)
        require_real("shunt", self.shunt)
        require_real("quality", self.quality, above=0.5)

    def value(self, time: Tensor, transverse: bool) -> Tensor:
        """Evaluate W."""
        start = Phasor(torch.ones_like(time), torch.zeros_like(time))
        return self.ring_value(self.ring(start, time), transverse)

    def check(self, duration: float, step: float) -> None:
        """Warn of cells that are too long for the oscillation."""
        turn = 2 * math.pi * to_float(self.frequency) * step
        if turn > _TURN:
            warn(
                f"a wavelength of the wake, {to_float(self.frequency):g} Hz, is "
                f"{2 * math.pi / turn:.2g} cells of its line; take {math.ceil(turn / _TURN)} times "
                "the cells, or a shorter window",
                ResolutionWarning,
            )

    def _rates(self) -> tuple[Number, Number]:
        """Rates of decay and of oscillation [1/s]."""
        omega = 2 * math.pi * self.frequency
        decay = omega / (2 * self.quality)
        return decay, (omega * omega - decay * decay) ** 0.5

    def ring(self, phasor: Phasor, time: Tensor) -> Phasor:
        """Advance a ringing by a time [s]."""
        decay, oscillation = self._rates()
        size = torch.exp(-decay * time)
        cosine, sine = size * torch.cos(oscillation * time), size * torch.sin(oscillation * time)
        return Phasor(
            phasor.real * cosine - phasor.imaginary * sine,
            phasor.real * sine + phasor.imaginary * cosine,
        )

    def ring_value(self, phasor: Phasor, transverse: bool) -> Tensor:
        """Evaluate the voltage that a ringing makes [V]."""
        decay, oscillation = self._rates()
        omega = 2 * math.pi * self.frequency
        kick = omega * self.shunt / self.quality
        if transverse:
            return kick * omega / oscillation * phasor.imaginary
        return kick * (phasor.real - decay / oscillation * phasor.imaginary)
