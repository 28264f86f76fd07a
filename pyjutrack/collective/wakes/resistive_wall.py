"""The wake of a thick resistive wall."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...beam.reference import SPEED_OF_LIGHT
from ...core.checks import require_real
from ...core.digits import tell_apart
from ...core.errors import AccuracyWarning, InvalidValueError, warn
from ...core.one_by_one import check_each
from ...core.scalars import Number, to_float
from ...core.storage import storable
from .function import WakeFunction

#: permeability of the vacuum [H/m], CODATA 2018
_PERMEABILITY = 1.25663706212e-6
#: a bunch must be longer than this many of the wall's short lengths
_LONG = 5.0


@storable
@dataclass(frozen=True)
class ResistiveWall(WakeFunction):
    """Wake of a round pipe with a thick wall of a metal, at times long beyond its relaxation.

    Longitudinal and transverse, of a pipe of a length L,

        W(t) = -L/(4 pi b) sqrt(mu0/(pi sigma)) t^(-3/2),
        W(t) = L c/(pi b^3) sqrt(mu0/(pi sigma)) t^(-1/2).

    The first takes no energy from a charge that stands for ever: its integral over all times is
    zero, and so what it does at t = 0 is the opposite of the rest. Cells near 0 are integrated
    exactly, so that nothing is cut off.

    Attributes:
        radius: b of the pipe [m].
        conductivity: sigma [S/m], 5.8e7 of copper.
        length: L of the pipe that each element stands for [m], where the wake acts at elements, and
            there alone. Without, W is that of one metre, as along lengths.

    Raises:
        InvalidValueError: any of these is not positive; a `Wake` of it at elements without a
            length, or along lengths with one, which would count twice.

    Warns:
        AccuracyWarning: a bunch shorter than 5 (2 b^2 / (Z0 sigma))^(1/3), where W is another.

    Source: A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators, Wiley
    (1993), eqs. 2.11, 2.17; K. L. F. Bane, M. Sands, SLAC-PUB-95-7074 (1995) for short bunches.
    """

    one_by_one: ClassVar[tuple[str, ...]] = ("radius", "conductivity", "length")

    radius: Number
    conductivity: Number
    length: Number | None = None

    @check_each
    def __post_init__(self) -> None:
        for name in ("radius", "conductivity", "length"):
            if name != "length" or self.length is not None:
                require_real(name, getattr(self, name), above=0)

    def _kappa(self) -> Number:
        """Factor of the transforms by Laplace: kappa s^(1/2), and 2 c kappa/b^2 s^(-1/2)."""
        root = (_PERMEABILITY / self.conductivity) ** 0.5
        return (1.0 if self.length is None else self.length) * root / (2 * math.pi * self.radius)

    def _offset(self) -> Number:
        return 2 * SPEED_OF_LIGHT / (self.radius * self.radius)

    def value(self, time: Tensor, transverse: bool) -> Tensor:
        """Evaluate W."""
        root = torch.sqrt(math.pi * time)
        if transverse:
            return self._offset() * self._kappa() / root
        return -self._kappa() / (2 * time * root)

    def double_integral(self, time: Tensor, transverse: bool) -> Tensor:
        """Integrate (t - s) W(s) over s from 0 to t, what stands at 0 included."""
        whole = 2 * self._kappa() * torch.sqrt(time / math.pi)
        return self._offset() * 2 / 3 * time * whole if transverse else whole

    def require_place(self, lumped: bool) -> None:
        """Raise InvalidValueError at elements without a length, and along lengths with one."""
        if lumped and self.length is None:
            raise InvalidValueError(
                "ResistiveWall acts at elements as a whole (at=) and has no length: give it that "
                "of the pipe that each stands for, ResistiveWall(..., length=) [m]"
            )
        if not lumped and self.length is not None:
            raise InvalidValueError(
                f"ResistiveWall has length={to_float(self.length):g} m and acts along lengths, by "
                "its wake of one metre, so that the length would count twice; leave it out, or "
                "give at=, the name of elements that stand for the pipe"
            )

    def check(self, duration: float, step: float) -> None:
        """Warn of a bunch so short that the wall's other wake counts."""
        ratio = 2 * to_float(self.radius) ** 2 / to_float(self.conductivity)
        ratio /= _PERMEABILITY * SPEED_OF_LIGHT
        shortest = _LONG * ratio ** (1 / 3)
        length = duration * SPEED_OF_LIGHT
        if 0 < length < shortest:
            least, own = tell_apart(shortest, length, digits=2)
            warn(
                f"the classical wake of a resistive wall of radius {to_float(self.radius):g} m is "
                f"that of bunches longer than {least} m rms, and this one is {own} m "
                "long; take a WakeTable of the short-range wake",
                AccuracyWarning,
            )
