"""Parameters that hold many settings: tensors (B,), or of more dimensions, of one value each."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .errors import InvalidValueError
from .scalars import carries, refuse_batched, to_float
from .special import bool_or


def require_settings(what: str, value: Tensor) -> Tensor:
    """A tensor that holds one setting of a parameter or many.

    Raises:
        InvalidValueError: no real numbers, none at all, or some that are not finite.
    """
    if value.is_complex() or value.dtype is torch.bool:
        raise InvalidValueError(f"{what} must be a real number, got a tensor of {value.dtype}")
    if not value.numel():
        raise InvalidValueError(
            f"{what} holds no setting, but a tensor {tuple(value.shape)}; give it a number or more"
        )
    if not bool_or(torch.isfinite(value.detach()).all(), default=True):
        raise InvalidValueError(f"{what} must be finite, got {value}")
    return value


def say_how(value: Any) -> str:
    """How to give many settings, to one who gave a list or an array of them; else nothing."""
    several = value.ndim > 0 if isinstance(value, np.ndarray) else isinstance(value, (list, tuple))
    return "many settings of it are a tensor: give torch.as_tensor(values)" if several else ""


def broadcast_batch(what: str, values: Iterable[Any]) -> torch.Size:
    """The shape of settings to which parameters, series of them, and shapes broadcast.

    Raises:
        InvalidValueError: they do not.
    """
    found = torch.Size()
    for shape in _shapes(values):
        if not found:  # PyTorch's function takes longer than all else here
            found = shape
        elif shape and shape != found:
            try:
                found = torch.broadcast_shapes(found, shape)
            except RuntimeError:
                raise InvalidValueError(
                    f"{what}: settings of shape {tuple(shape)} do not go with others of shape "
                    f"{tuple(found)}; shapes must broadcast"
                ) from None
    return found


def _shapes(values: Iterable[Any]) -> Iterator[torch.Size]:
    for value in values:
        if isinstance(value, torch.Size):
            yield value
        elif isinstance(value, tuple):
            yield from _shapes(value)
        elif isinstance(value, Tensor):
            yield value.shape


def along_particles(value: Any) -> Any:
    """A parameter, or a series of them, with a last dimension for particles in many settings."""
    if isinstance(value, tuple):
        return tuple(map(along_particles, value))
    return value.unsqueeze(-1) if isinstance(value, Tensor) and value.dim() else value


def in_precision(value: Any, dtype: torch.dtype) -> Any:
    """A parameter, or a series of them, with many settings in a precision."""
    if isinstance(value, tuple):
        return tuple(in_precision(part, dtype) for part in value)
    return value.to(dtype) if isinstance(value, Tensor) and value.dim() else value


def pick(data: Any, batch: torch.Size, index: tuple[int, ...]) -> Any:
    """A parameter, or a series of them, of one of the settings."""
    if isinstance(data, tuple):
        return tuple(pick(part, batch, index) for part in data)
    if not isinstance(data, Tensor) or not data.dim():
        return data
    one = data.expand(batch)[index]
    return one if carries(one) else float(one)


def take(data: Any, batch: torch.Size, rows: slice) -> Any:
    """A parameter, or a series of them, of some of the settings in a row, (n,)."""
    if isinstance(data, tuple):
        return tuple(take(part, batch, rows) for part in data)
    if not isinstance(data, Tensor) or not data.dim():
        return data
    return data.expand(batch).reshape(-1)[rows]


def ends(value: Any) -> tuple[float, float]:
    """The least and the greatest of the settings of a parameter."""
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(np.asarray(value, dtype=np.float64))
    if not (isinstance(value, Tensor) and value.dim()):
        return to_float(value), to_float(value)
    refuse_batched(value)
    if not value.numel():
        return math.nan, math.nan
    return float(value.detach().min()), float(value.detach().max())


def show(value: Any) -> str:
    """A parameter in few letters, of many settings from the least to the greatest."""
    least, greatest = ends(value)
    one = least == greatest or math.isnan(least)
    return f"{least:.6g}" if one else f"{least:.6g} to {greatest:.6g}"


def without_derivatives(value: Any) -> Any:
    """A parameter, or a series of them, in plain numbers: floats, and tensors of many settings."""
    if isinstance(value, tuple):
        return tuple(map(without_derivatives, value))
    return value.detach() if isinstance(value, Tensor) and value.dim() else to_float(value)


def join(found: Sequence[Any], batch: torch.Size) -> Any:
    """Results of settings in a row as one, with the leading dimensions of these.

    Numbers become arrays; records, tuples and dictionaries are joined part by part, a kind that
    states `joined` by that.
    """
    first = found[0]
    if hasattr(first, "joined"):
        return type(first).joined(found, batch)
    if isinstance(first, dict):
        return {name: join([one[name] for one in found], batch) for name in first}
    if isinstance(first, Tensor):
        return torch.stack(list(found)).reshape(*batch, *first.shape)
    if isinstance(first, (float, int, complex, np.ndarray, np.generic)):
        stacked = np.stack([np.asarray(one) for one in found])
        return stacked.reshape(*batch, *stacked.shape[1:])
    if isinstance(first, tuple):
        parts = [join(part, batch) for part in zip(*found, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    if dataclasses.is_dataclass(first) and not isinstance(first, type):
        names = [f.name for f in dataclasses.fields(first) if f.init]
        return dataclasses.replace(
            first, **{n: join([getattr(one, n) for one in found], batch) for n in names}
        )
    if all(one == first for one in found):
        return first
    raise InvalidValueError(
        f"results of {len(found)} settings, {type(first).__name__}, have no common form; call it "
        "for one setting after another"
    )


def join_numbers(found: Sequence[Any], batch: torch.Size) -> Any:
    """A parameter of each of some settings as one; itself where it is one number of all."""
    first = found[0]
    if all(one is first or (isinstance(one, float) and one == first) for one in found):
        return first
    numbers = [torch.as_tensor(one, dtype=torch.float64) for one in found]
    return torch.stack(numbers).reshape(batch)


def concatenate(found: Sequence[Any], batch: torch.Size) -> Any:
    """Results of some settings after others, (n, ...) each, as one with the dimensions of all.

    Arrays and tensors have the settings first; the rest is the same of all.
    """
    first = found[0]
    if isinstance(first, Tensor):
        return torch.cat(list(found)).reshape(*batch, *first.shape[1:])
    if isinstance(first, np.ndarray):
        return np.concatenate(list(found)).reshape(*batch, *first.shape[1:])
    if dataclasses.is_dataclass(first) and not isinstance(first, type):
        names = [f.name for f in dataclasses.fields(first) if f.init]
        return dataclasses.replace(
            first, **{n: concatenate([getattr(one, n) for one in found], batch) for n in names}
        )
    return first
