"""A parameter: a float, or a 0-d tensor that carries derivatives."""

import math
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from .errors import InvalidValueError, ManySettingsError
from .special import bool_or

Number = float | Tensor


def tensor_like(value: Number, like: Tensor) -> Tensor:
    """A parameter as a 0-d tensor in the precision of another tensor; tensors pass unchanged."""
    if isinstance(value, Tensor):
        return value
    return torch.full((), value, dtype=like.dtype, device=like.device)  # filled where it is


def to_float(value: Number) -> float:
    """Convert a parameter to a float, whatever derivatives it carries."""
    if not isinstance(value, Tensor):
        return value
    refuse_batched(value)
    if value.dim():
        raise ManySettingsError(
            f"one number is needed here, and there are settings of shape {tuple(value.shape)}; "
            "take one after another"
        )
    return float(value.detach())


def is_zero(value: Number) -> bool:
    """Return whether a parameter is a plain zero, by which no derivative can be asked for."""
    return isinstance(value, float) and value == 0.0


def cos_sin(angle: Number) -> tuple[Any, Any]:
    """Cosine and sine of a parameter [rad]."""
    if isinstance(angle, Tensor):
        return angle.cos(), angle.sin()
    return math.cos(angle), math.sin(angle)


def has_zero(value: Number) -> bool:
    """Return whether a parameter, or one of a column of them, is zero, tensors included."""
    if isinstance(value, Tensor):
        return bool_or((value.detach() == 0).any(), default=False)
    return value == 0


def vanishes(value: Number) -> bool:
    """Return whether a parameter, or all of a column of them, is zero, tensors included."""
    if isinstance(value, Tensor):
        return bool_or((value.detach() == 0).all(), default=False)
    return value == 0


def carries(value: Number) -> bool:
    """Return whether a parameter may carry a derivative, of any mode."""
    if not isinstance(value, Tensor):
        return False
    plain = type(value) in (Tensor, torch.nn.Parameter) and not is_transformed(value)
    return not plain or value.requires_grad or forward_ad._current_level >= 0


def has_numbers(tensor: Tensor) -> bool:
    """Return whether a tensor is on the CPU, and no derivative by it can be asked for here."""
    return (
        type(tensor) in (Tensor, torch.nn.Parameter)
        and not is_transformed(tensor)
        and not (tensor.requires_grad and torch.is_grad_enabled())
        and forward_ad._current_level < 0
        and tensor.device.type == "cpu"
    )


def differs(value: Any, default: Any) -> bool:
    """Return whether a parameter is not the plain default.

    A tensor of its value is not, nor a number where the default says that none was given.
    """
    if isinstance(value, Tensor) or bool(value != default):
        return True
    return isinstance(default, float) and type(default) is not float and type(value) is float


def is_whole(value: Any) -> bool:
    """Return whether it is a whole number, of Python or NumPy."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_real(value: Any) -> bool:
    """Return whether it is a real number, of Python or NumPy."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_transformed(tensor: Tensor) -> bool:
    """Return whether a `torch.func` transform runs over a tensor, which may then have no value."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def layers(tensor: Tensor) -> Iterator[Tensor]:
    """A tensor, and what every `torch.func` transform that runs over it has wrapped, outside in."""
    yield tensor
    while is_transformed(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
        yield tensor


def is_tracked(tensor: Tensor) -> bool:
    """Return whether autograd or a derivative of `torch.func`, also under vmap, sees a tensor."""
    *wrapped, innermost = layers(tensor)
    tracking = torch._C._functorch.is_gradtrackingtensor
    return any(map(tracking, wrapped)) or innermost.requires_grad


def refuse_batched(*tensors: Tensor) -> None:
    """Raise InvalidValueError for tensors of `torch.func.vmap`, which have no value to look at."""
    for tensor in tensors:
        if any(map(torch._C._functorch.is_batchedtensor, layers(tensor))):
            raise InvalidValueError(
                "torch.func.vmap hides the numbers of a tensor, which tracking must look at: "
                "signs, lengths, what is lost. Take a batch of beams, coordinates "
                "(..., N, 6), or a loop over the values"
            )
