"""Elementary functions that the maps need and PyTorch lacks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

_TERMS = 10


def _series(first: int) -> list[float]:
    """Coefficients 1/(first + 2j)! of c_first in powers of -w."""
    return [1 / math.factorial(first + 2 * j) for j in range(_TERMS)]


_C2, _C3 = _series(2), _series(3)
# atan(sqrt(w))/sqrt(w) in powers of -w
_ATAN = [1 / (2 * j + 1) for j in range(14)]
_ATAN_REACH = 0.06


def stumpff(w: Any) -> tuple[Any, Any, Any, Any]:
    """The Stumpff functions c_0 to c_3, smooth through zero.

    c_0 = cos(sqrt(w)), c_1 = sin(sqrt(w))/sqrt(w), c_2 = (1 - c_0)/w, c_3 = (1 - c_1)/w: entire
    functions of w, trigonometric for w > 0, hyperbolic for w < 0. They make a thick lens one
    formula for both planes and any strength, zero included.

    Args:
        w: tensor of any shape, or a traced expression (see `compiled.trace`).
    """
    if not isinstance(w, Tensor):
        return w.stumpff()
    near = w.abs() < 1.0
    small = torch.where(near, w, torch.zeros_like(w))
    c2, c3 = _horner(_C2, small), _horner(_C3, small)
    c0, c1 = 1 - small * c2, 1 - small * c3
    if on_host(w) and bool_or(near.all(), default=False):
        return c0, c1, c2, c3
    # each branch gets an argument at which it and its derivatives are finite
    far = torch.where(near, torch.ones_like(w), w)
    plus = torch.where(far > 0, far, torch.ones_like(w)).sqrt()
    minus = torch.where(far < 0, -far, torch.ones_like(w)).sqrt()
    far0 = torch.where(far > 0, plus.cos(), minus.cosh())
    far1 = torch.where(far > 0, plus.sin() / plus, minus.sinh() / minus)
    pairs = ((c0, far0), (c1, far1), (c2, (1 - far0) / far), (c3, (1 - far1) / far))
    found = [torch.where(near, a, b) for a, b in pairs]
    return found[0], found[1], found[2], found[3]


def arctangent(w: Any) -> Any:
    """atan(sqrt(w))/sqrt(w) for w >= 0, smooth through zero.

    Args:
        w: tensor of any shape, or a traced expression.
    """
    if not isinstance(w, Tensor):
        return w.arctangent()
    near = w < _ATAN_REACH
    small = torch.where(near, w, torch.zeros_like(w))
    root = torch.where(near, torch.ones_like(w), w).sqrt()
    return torch.where(near, _horner(_ATAN, small), root.atan() / root)


def _horner(coefficients: list[float], w: Tensor) -> Tensor:
    total = torch.full_like(w, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = coefficient - w * total
    return total


def on_host(tensor: Tensor) -> bool:
    """Return whether a look at the numbers is cheap; elsewhere it would stop the device.

    Tensors that are only written down (`twin.graph`) have none to look at.
    """
    return tensor.device.type == "cpu" and not hasattr(tensor, "unseen")


def bool_or(flag: Tensor, *, default: bool) -> bool:
    """The truth of a one-element tensor, or `default` where a transform hides it (vmap)."""
    try:
        return bool(flag)
    except RuntimeError:
        return default
