"""What a function of time says of itself, so that bunches can feel it as their wake."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...autodiff import value_of
from ...core.errors import InvalidValueError
from ...core.special import bool_or
from ...core.tensors import tensors_in

#: nodes and weights between 0 and 1: panels of Gauss and Legendre
_PANELS = 16
_gauss = np.polynomial.legendre.leggauss(8)
_U = ((np.arange(_PANELS)[:, None] + (_gauss[0] + 1) / 2) / _PANELS).ravel()
_W = np.tile(_gauss[1] / (2 * _PANELS), _PANELS)
#: the rule of `double_integral` may miss so much of W in a cell; one that is stated, and may be of
#: a table that jumps between the nodes by which it is compared, so much
_RULE, _STATED = 0.01, 0.5
#: or so much of the double integral itself, which is most of the kick where W has died by then
_KICK = 1e-5


class Phasor(NamedTuple):
    """A ringing exp((-a + ib) t), or a sum of many, by its real and imaginary part."""

    real: Tensor
    imaginary: Tensor


class WakeFunction:
    """A wake W(t) of the time t after a unit charge [V/C], transverse ones often [V/(C m)].

    Derive a frozen dataclass from it, with numbers or vectors that are its knobs, and state
    `value`; and `double_integral` where that grows towards t = 0 faster than t^(-3/4).

    Attributes:
        rings: it is one decaying oscillation, of which a former passage leaves two numbers; `ring`
            and `ring_value` are then stated too.
        one_by_one: names of its numbers that may hold many settings, as of `CollectiveEffect`.

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
    one_by_one: ClassVar[tuple[str, ...]] = ()

    def value(self, time: Tensor, transverse: bool) -> Tensor:
        """Evaluate W after a charge has passed.

        Args:
            time: of any shape, positive [s].
            transverse: whether the wake deflects, in place of taking energy.
        """
        raise InvalidValueError(f"{type(self).__name__} does not say what it is (value)")

    def double_integral(self, time: Tensor, transverse: bool) -> Tensor:
        """Integrate (t - s) W(s) over s from 0 to t, `time`, by which cells near 0 are integrated.

        By panels of Gaussian nodes in u, s = t u^4, in which powers of t down to -3/4 are smooth;
        asked for of times of some tens of cells at most.

        Args:
            transverse: as for `value`.
        """
        weights = _W * (1 - _U**4) * 4 * _U**3
        u, w = (torch.as_tensor(a).to(time) for a in (_U**4, weights))
        column = time.unsqueeze(-1)
        return time * time * (self.value(column * u, transverse) * w).sum(-1)

    def require_place(self, lumped: bool) -> None:
        """Raise InvalidValueError for a function that cannot act as asked.

        Args:
            lumped: at elements as a whole, in place of along lengths, with W that of one metre.
        """

    def require_component(self, transverse: bool) -> None:
        """Raise InvalidValueError for a function of the other kind of component.

        Args:
            transverse: whether the wake deflects, in place of taking energy.
        """

    def require_reach(self, time: float) -> None:
        """Raise InvalidValueError where the function is not known up to a time [s]."""

    def check(self, duration: float, step: float) -> None:
        """Warn where the function is wrong for a bunch of an rms duration, or a step of cells."""

    def ring(self, phasor: Phasor, time: Tensor) -> Phasor:
        """Advance a ringing, a phasor, by a time [s]."""
        raise InvalidValueError(f"{type(self).__name__} does not ring")

    def ring_value(self, phasor: Phasor, transverse: bool) -> Tensor:
        """Evaluate the voltage that a ringing makes [V].

        Args:
            phasor: of the ringing. transverse: as for `value`.
        """
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


def require_integral(function: WakeFunction, transverse: bool, step: float) -> None:
    """Raise InvalidValueError for a function whose `double_integral` is not that of its `value`.

    Its second difference, from one to three cells after the charge, is W averaged with a hat. What
    a rule makes of a W without an integral from 0 differs from that at any cell.

    Args:
        step: duration of a cell [s].
    """
    given = function, transverse, step
    (_require_plain if is_plain(given) else _require_integral)(*given)


def is_plain(given: tuple[Any, ...]) -> bool:
    """Return whether something is known by its value: numbers, and no tensors."""
    try:
        hash(given)
    except TypeError:
        return False
    return not tensors_in(given) and not torch.is_inference_mode_enabled()


def _require_integral(function: WakeFunction, transverse: bool, step: float) -> None:
    u, w = torch.from_numpy(_U), torch.from_numpy(_W)
    parts = function.value(step * torch.stack([1 + u, 3 - u]), transverse) * (u * w)
    at = step * torch.arange(1, 4, dtype=torch.float64)
    integral = function.double_integral(at, transverse)
    parts, integral = value_of(parts).detach(), value_of(integral).detach()
    found = (integral[0] - 2 * integral[1] + integral[2]) / step**2
    expected, size = parts.sum(), parts.abs().sum()
    stated = type(function).double_integral is not WakeFunction.double_integral
    allowed = (_STATED if stated else _RULE) * size + _KICK * integral.abs().max() / step**2
    near = (found - expected).abs() <= allowed
    if bool_or(near, default=True):
        return
    kind, cells = type(function).__name__, f"from one cell of its line, {step:.3g} s, to three"
    both = f"{cells} after the charge its mean is {float(expected):.4g}, and {float(found):.4g}"
    if stated:
        raise InvalidValueError(
            f"{kind}.double_integral is not that of its value: {both} by its double integral; "
            "state the integral of (t - s) W(s) over s from 0 to t"
        )
    raise InvalidValueError(
        f"{kind}.value cannot be integrated from t = 0: {both} by its integrals from there; a W "
        "that grows as 1/t or faster has none, and no kick: state what it is at shorter times, or "
        "`double_integral` with what stands at 0, as ResistiveWall does; where it changes within a "
        "cell, take more cells"
    )


#: of numbers without derivatives: call by call it is the same
_require_plain = lru_cache(64)(_require_integral)
