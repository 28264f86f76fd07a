"""What a function of time says of itself, so that bunches can feel it as their wake."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from torch import Tensor

from ...core.errors import InvalidValueError


class Phasor(NamedTuple):
    """A ringing exp((-a + ib) t), or a sum of many, by its real and imaginary part."""

    real: Tensor
    imaginary: Tensor


class WakeFunction:
    """A wake W(t) of the time t after a unit charge [V/C], transverse ones [V/(C m)].

    Derive a frozen dataclass from it, with numbers or vectors that are its knobs, and state
    `integral`. Lines of cells need no more than differences of the integral: what W itself does at
    zero, jump or diverge, is then integrated exactly.

    Attributes:
        rings: it is one decaying oscillation, of which a former passage leaves two numbers; `ring`
            and `ring_integral` are then stated too.

    Example:
        >>> @dataclass(frozen=True)
        ... class Decay(pj.collective.WakeFunction):
        ...     strength: float
        ...     rate: float
        ...
        ...     def integral(self, time, transverse):
        ...         return self.strength / self.rate * (1 - torch.exp(-self.rate * time))
    """

    rings: ClassVar[bool] = False

    def integral(self, time: Tensor, transverse: bool) -> Tensor:
        """Integrate W from 0 to `time`, which is positive [V s/C], transverse ones [V s/(C m)].

        Args:
            time: of any shape [s].
            transverse: whether the wake deflects, in place of taking energy.
        """
        raise InvalidValueError(f"{type(self).__name__} does not say what it is (integral)")

    def require_reach(self, time: float) -> None:
        """Raise InvalidValueError where the function is not known up to a time [s]."""

    def check(self, duration: float) -> None:
        """Warn where the function is wrong for a bunch of an rms duration [s]."""

    def ring(self, phasor: Phasor, time: Tensor) -> Phasor:
        """Advance a ringing by a time [s]."""
        raise InvalidValueError(f"{type(self).__name__} does not ring")

    def ring_integral(self, phasor: Phasor, transverse: bool) -> Tensor:
        """A function of the ringing whose slope by time is the voltage that it makes."""
        raise InvalidValueError(f"{type(self).__name__} does not ring")
