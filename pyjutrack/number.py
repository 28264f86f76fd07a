"""A parameter: a float, or a 0-d tensor that carries derivatives."""

from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

Number = float | Tensor


def tensor_like(value: Number, like: Tensor) -> Tensor:
    """A parameter as a 0-d tensor in the precision of another tensor; tensors pass unchanged."""
    if isinstance(value, Tensor):
        return value
    return torch.full((), value, dtype=like.dtype, device=like.device)  # filled where it is


def detached(value: Number) -> float:
    """A parameter as a float, whatever it carries."""
    return float(value.detach()) if isinstance(value, Tensor) else value


def carries(value: Number) -> bool:
    """Whether a parameter may carry a derivative, of any mode."""
    if not isinstance(value, Tensor):
        return False
    plain = type(value) in (Tensor, torch.nn.Parameter) and not is_transformed(value)
    return not plain or value.requires_grad or forward_ad._current_level >= 0


def differs(value: Any, default: Any) -> bool:
    """Whether a parameter is not the plain default; a tensor of its value is not."""
    return isinstance(value, Tensor) or bool(value != default)


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, of Python or NumPy."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_real(value: Any) -> bool:
    """Whether it is a real number, of Python or NumPy."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_transformed(tensor: Tensor) -> bool:
    """Whether a `torch.func` transform is running over a tensor, so that it may have no value."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)
