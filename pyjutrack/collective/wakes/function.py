"""What a function of time says of itself, so that bunches can feel it as their wake."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...core.errors import InvalidValueError

#: of the integral from 0 to a time: panels, and nodes and weights in each
_PANELS = 8
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


class Phasor(NamedTuple):
    """A ringing exp((-a + ib) t), or a sum of many, by its real and imaginary part."""

    real: Tensor
    imaginary: Tensor


class WakeFunction:
    """A wake W(t) of the time t after a unit charge [V/C], transverse ones often [V/(C m)].

    Derive a frozen dataclass from it, with numbers or vectors that are its knobs, and state
    `value`; and `double_integral` where that has no finite limit at 0.

    Attributes:
        rings: it is one decaying oscillation, of which a former passage leaves two numbers; `ring`
            and `ring_value` are then stated too.

    Example:
        >>> @dataclass(frozen=True)
        ... class Decay(pj.collective.WakeFunction):
        ...     strength: float
        ...     rate: float
        ...
        ...     def value(self, time, transverse):
        ...         return self.strength * torch.exp(-self.rate * time)
    """

    rings: ClassVar[bool] = False

    def value(self, time: Tensor, transverse: bool) -> Tensor:
        """Evaluate W after a charge has passed.

        Args:
            time: of any shape, positive [s].
            transverse: whether the wake deflects, in place of taking energy.
        """
        raise InvalidValueError(f"{type(self).__name__} does not say what it is (value)")

    def double_integral(self, time: Tensor, transverse: bool) -> Tensor:
        """Integrate (t - s) W(s) over s from 0 to t, `time`, by which cells near 0 are integrated.

        By 8 panels of 8 Gaussian nodes; asked for of times of some tens of cells at most.
        """
        nodes = (np.arange(_PANELS)[:, None] + (_NODES + 1) / 2).ravel() / _PANELS
        weights = np.tile(_WEIGHTS, _PANELS) / (2 * _PANELS) * (1 - nodes)
        u, w = (torch.as_tensor(a).to(time) for a in (nodes, weights))
        column = time.unsqueeze(-1)
        return time * time * (self.value(column * u, transverse) * w).sum(-1)

    def require_reach(self, time: float) -> None:
        """Raise InvalidValueError where the function is not known up to a time [s]."""

    def check(self, duration: float, step: float) -> None:
        """Warn where the function is wrong for a bunch of an rms duration, or for cells [s]."""

    def ring(self, phasor: Phasor, time: Tensor) -> Phasor:
        """Advance a ringing by a time [s]."""
        raise InvalidValueError(f"{type(self).__name__} does not ring")

    def ring_value(self, phasor: Phasor, transverse: bool) -> Tensor:
        """Evaluate the voltage that a ringing makes [V]."""
        raise InvalidValueError(f"{type(self).__name__} does not ring")


def require_values(function: WakeFunction, transverse: bool, step: float) -> None:
    """Raise InvalidValueError for a function whose `value` is no tensor of the times' shape."""
    times = step * torch.arange(1, 4, dtype=torch.float64)
    found: object = function.value(times, transverse)
    if isinstance(found, Tensor) and found.shape == times.shape:
        return
    what = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
    raise InvalidValueError(
        f"{type(function).__name__}.value must return a tensor of the shape of the times, one W a "
        f"time, got {what} for times of shape {tuple(times.shape)}; compute it from `time` by "
        "operations of PyTorch, such as self.strength * torch.exp(-self.rate * time)"
    )
