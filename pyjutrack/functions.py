"""Elementary functions that the maps need and PyTorch lacks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# Taylor coefficients of c0 and c1 in powers of -w: 1/(2j)! and 1/(2j+1)!
_TERMS = 11
_C0 = [1.0]
_C1 = [1.0]
for _j in range(1, _TERMS):
    _C0.append(_C0[-1] / ((2 * _j - 1) * (2 * _j)))
    _C1.append(_C1[-1] / ((2 * _j) * (2 * _j + 1)))


def stumpff(w: Any) -> tuple[Any, Any]:
    """cos(sqrt(w)) and sin(sqrt(w))/sqrt(w), continued smoothly to w <= 0.

    Both are entire functions of w: trigonometric for w > 0, hyperbolic for w < 0. They make a
    thick quadrupole one formula for both planes and any strength, zero included.

    Args:
        w: tensor of any shape, or a traced expression (see `compiled.trace`).

    Source: the Stumpff functions c_0 and c_1 of celestial mechanics.
    """
    if not isinstance(w, Tensor):
        return w.stumpff()
    near = w.abs() < 1.0
    small = torch.where(near, w, torch.zeros_like(w))
    c0, c1 = _horner(_C0, small), _horner(_C1, small)
    if bool_or(near.all(), default=False):
        return c0, c1
    # each branch gets an argument at which it and its derivatives are finite
    plus = torch.where(~near & (w > 0), w, torch.ones_like(w)).sqrt()
    minus = torch.where(~near & (w < 0), -w, torch.ones_like(w)).sqrt()
    far0 = torch.where(w > 0, plus.cos(), minus.cosh())
    far1 = torch.where(w > 0, plus.sin() / plus, minus.sinh() / minus)
    return torch.where(near, c0, far0), torch.where(near, c1, far1)


def _horner(coefficients: list[float], w: Tensor) -> Tensor:
    total = torch.full_like(w, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = coefficient - w * total
    return total


def bool_or(flag: Tensor, *, default: bool) -> bool:
    """The truth of a one-element tensor, or `default` where a transform hides it (vmap)."""
    try:
        return bool(flag)
    except RuntimeError:
        return default
