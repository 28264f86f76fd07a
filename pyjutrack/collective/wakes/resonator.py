"""The wake of a resonator."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...core.checks import require_real
from ...core.scalars import Number
from ...core.storage import storable
from .function import Phasor, WakeFunction


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

    frequency: Number
    shunt: Number
    quality: Number = 1.0

    def __post_init__(self) -> None:
        require_real("frequency", self.frequency, above=0)
        require_real("shunt", self.shunt)
        require_real("quality", self.quality, above=0.5)

    def integral(self, time: Tensor, transverse: bool) -> Tensor:
        """Integrate W from 0 to `time`."""
        start = Phasor(torch.ones_like(time), torch.zeros_like(time))
        end = self.ring_integral(self.ring(start, time), transverse)
        return end - self.ring_integral(start, transverse)

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

    def ring_integral(self, phasor: Phasor, transverse: bool) -> Tensor:
        """A function of the ringing whose slope by time is the voltage that it makes."""
        decay, oscillation = self._rates()
        ratio = self.shunt / self.quality
        if transverse:
            return -ratio * (phasor.real + decay / oscillation * phasor.imaginary)
        return 2 * math.pi * self.frequency * ratio / oscillation * phasor.imaginary
