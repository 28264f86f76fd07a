"""Elementary functions that the maps need and PyTorch lacks."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

_TERMS = 10
# atan(sqrt(w))/sqrt(w) in powers of -w
_ATAN = [1 / (2 * j + 1) for j in range(14)]
_ATAN_REACH = 0.06


def stumpff(w: Any) -> tuple[Any, Any, Any, Any]:
    """The Stumpff functions c_0 to c_3, smooth through zero.

    c_0 = cos(sqrt(w)), c_1 = sin(sqrt(w))/sqrt(w), c_2 = (1 - c_0)/w, c_3 = (1 - c_1)/w: entire
    functions of w, trigonometric for w > 0, hyperbolic for w < 0. They make a thick lens one
    formula for both planes and any strength, zero included.

    Args:
        w: tensor of any shape, or a traced expression (see `maps.codegen.traced`).
    """
    if not isinstance(w, Tensor):
        return w.stumpff()
    if has_torch_function((w,)):  # one rule for all of it
        return handle_torch_function(stumpff, (w,), w)
    c0, c1, c2, c3 = stumpffs(w, 4)
    return c0, c1, c2, c3


def stumpffs(w: Tensor, count: int) -> tuple[Tensor, ...]:
    """The first Stumpff functions of plain tensors, four or more: c_k = 1/k! - w c_(k + 2)."""
    near = w.abs() < 1.0
    all_near = on_host(w) and bool_or(near.all(), default=False)
    small = w if all_near else torch.where(near, w, 0.0)
    series = _stumpff_series(count, small)
    close = torch.cat((1 - small * series[:2], series))
    if all_near:
        return close.unbind(0)
    # each branch gets an argument at which it and its derivatives are finite
    far = torch.where(near, 1.0, w)
    positive, root = far > 0, far.abs().sqrt()
    plus, minus = torch.where(positive, root, 1.0), torch.where(positive, 1.0, root)
    both = torch.stack((plus.cos(), plus.sin() / plus))
    pairs = [torch.where(positive, both, torch.stack((minus.cosh(), minus.sinh() / minus)))]
    for k in range(0, count - 2, 2):
        if k:
            first, second = ((1 / math.factorial(k + i) - pairs[-1][i]) / far for i in (0, 1))
            pairs.append(torch.stack((first, second)))
        else:
            pairs.append((1 - pairs[-1]) / far)
    return torch.where(near, close, torch.cat(pairs)).unbind(0)


def _stumpff_series(count: int, w: Tensor) -> Tensor:
    """c_2 to c_(count - 1) for |w| < 1, by their series in powers of -w, (count - 2, ...)."""
    if not on_host(w):  # where numbers are cheaper than a copy of them
        return torch.stack([_nested(k, w) for k in range(2, count)])
    coefficients = _stumpff_coefficients(count)
    rows = torch.from_numpy(coefficients).to(w.dtype)
    terms = rows.reshape(*rows.shape, *[1] * w.dim()).unbind(0)
    total = terms[-1]
    for term in terms[-2::-1]:
        total = torch.addcmul(term, w, total, value=-1)
    return total


def _nested(k: int, w: Tensor) -> Tensor:
    """c_k for |w| < 1, (1 - w/((k + 1) (k + 2)) (1 - w/((k + 3) (k + 4)) ...)) / k!."""
    one = total = torch.ones((), dtype=w.dtype, device=w.device)
    for n in range(k + 2 * _TERMS - 3, k, -2):
        total = torch.addcmul(one, w, total, value=-1 / (n * (n + 1)))
    return total / math.factorial(k)


@cache
def _stumpff_coefficients(count: int) -> np.ndarray:
    """(terms, count - 2): 1/(k + 2 j)! of c_k, k from 2, before (-w)^j."""
    rows = [[1 / math.factorial(k + 2 * j) for k in range(2, count)] for j in range(_TERMS)]
    return np.array(rows)


def add_product(a: Any, b: Any, c: Any) -> Any:
    """a + b c; of tensors as one operation, which is one launch on a device."""
    if type(a) is type(b) is type(c) is Tensor:
        return torch.addcmul(a, b, c)
    return a + b * c


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

    Tensors that are only written down (`interop.onnx.trace`) have none to look at.
    """
    return tensor.device.type == "cpu" and not hasattr(tensor, "unseen")


def bool_or(flag: Tensor, *, default: bool) -> bool:
    """The truth of a one-element tensor, or `default` where a transform hides it (vmap)."""
    try:
        return bool(flag)
    except RuntimeError:
        return default
