"""Checks of the arguments of public calls, once, when they are called.

Each check raises InvalidValueError and names the argument, what it must be, what it got, and the
remedy where there is a usual one. Nothing of this stands in a loop over slices or particles.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from .errors import InvalidValueError
from .scalars import carries, is_real, is_transformed, is_whole, to_float
from .special import bool_or

#: whole numbers beyond are none that a machine can count to
_MOST = 2**62
_WORDS = {2: "two", 3: "three", 6: "six"}


def require_kind(
    argument: str, value: Any, kinds: type | tuple[type, ...], expected: str, remedy: str = ""
) -> None:
    """An instance of some classes."""
    if not isinstance(value, kinds):
        raise wrong(argument, value, expected, remedy)


def require_text(argument: str, value: Any) -> None:
    """A string."""
    require_kind(argument, value, str, "a string")


def require_flag(argument: str, value: Any) -> None:
    """True or False."""
    require_kind(argument, value, (bool, np.bool_), "True or False")


def require_whole(argument: str, value: Any, least: int = 0) -> None:
    """A whole number, of Python or NumPy, of `least` or more."""
    if not is_whole(value) or not least <= value < _MOST:
        raise wrong(argument, value, f"a whole number of {least} or more")


def require_real(
    argument: str, value: Any, *, above: float | None = None, least: float | None = None
) -> None:
    """A finite real number; a 0-d real tensor will do.

    Args:
        above: the number must be larger.
        least: the number must not be smaller.
    """
    if isinstance(value, Tensor) and (is_transformed(value) or hasattr(value, "unseen")):
        return  # it has no value to look at
    limit = "" if above is None else f" above {above:g}"
    limit = limit if least is None else f" of {least:g} or more"
    number = _real(value)
    if (
        number is None
        or not math.isfinite(number)
        or (above is not None and not number > above)
        or (least is not None and not number >= least)
    ):
        raise wrong(argument, value, f"a finite number{limit}")


def require_amounts(argument: str, value: Any) -> None:
    """A finite number that is not negative, or a tensor of many settings of it."""
    if not (isinstance(value, Tensor) and value.dim()):
        require_real(argument, value)
        if not to_float(value) >= 0:  # looked at, also under derivatives of PyTorch
            raise wrong(argument, value, "a finite number of 0 or more")
        return
    good = value.is_floating_point() and value.numel() > 0
    if not good or not bool_or((value.detach() >= 0).all() & value.isfinite().all(), default=True):
        raise wrong(argument, value, "finite numbers that are not negative")


def require_setting(
    argument: str, value: Any, *, above: float | None = None, least: float | None = None
) -> None:
    """A finite real number by which there is no derivative, as for `require_real`."""
    if carries(value):
        raise InvalidValueError(f"{argument} is a setting, and has no derivatives; give a float")
    require_real(argument, value, above=above, least=least)


def require_reals(argument: str, value: Any, count: int) -> None:
    """Some finite real numbers: a tuple, a list or a vector."""
    good = isinstance(value, (Sequence, np.ndarray, Tensor)) and not isinstance(value, (str, bytes))
    if good and isinstance(value, (np.ndarray, Tensor)):
        good = value.ndim == 1
    if not good or len(value) != count or not all(map(_finite, value)):
        raise wrong(argument, value, f"{_WORDS.get(count, count)} finite numbers")


def require_range(
    argument: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    whole: bool = False,
) -> tuple[Any, Any]:
    """A least and a largest number, in this order, as a tuple.

    Args:
        above, least: of both, as for `require_real`.
        whole: they are whole numbers, of `least` or more.
    """
    require_reals(argument, value, 2)
    low, high = value.tolist() if isinstance(value, (np.ndarray, Tensor)) else value
    for end in (low, high):
        if whole:
            require_whole(f"each entry of {argument}", end, int(least or 0))
        else:
            require_real(f"each entry of {argument}", end, above=above, least=least)
    if low > high:
        raise wrong(argument, value, "a pair of smallest <= largest", f"give ({high}, {low})")
    return low, high


def require_callable(argument: str, value: Any, expected: str, count: int | None = 1) -> None:
    """A function of `count` arguments (None: any), or what can be called like one; no class."""
    if not callable(value) or isinstance(value, type):
        raise wrong(argument, value, expected)
    if count is None:
        return
    try:
        inspect.signature(value).bind(*range(count))
    except TypeError as error:
        raise wrong(argument, value, expected, f"called so it says: {error}") from None
    except ValueError:  # a function in C, without a signature
        pass


def require_texts(argument: str, value: Any, expected: str) -> list[str]:
    """Several strings in a list or the like, and not one string in their place; as a list."""
    if isinstance(value, str):
        raise wrong(argument, value, expected, f"for a single one, [{format_value(value)}]")
    if not isinstance(value, Iterable) or isinstance(value, (bytes, np.ndarray, Tensor)):
        raise wrong(argument, value, expected)
    found = list(value)
    for entry in found:
        require_text(f"each entry of {argument}", entry)
    return found


def require_instances(
    argument: str, value: Any, methods: tuple[str, ...], expected: str, example: str
) -> None:
    """Several objects that have some methods, in a list or a tuple."""
    remedy = f"give {example}"
    if not isinstance(value, (list, tuple)):
        raise wrong(argument, value, f"a list of {argument}", remedy)
    for entry in value:
        if isinstance(entry, type):
            name = entry.__name__
            raise wrong(
                f"each entry of {argument}",
                entry,
                f"an instance, not a class ({expected})",
                f"call the class first, {name}(...)",
            )
        if not all(hasattr(entry, method) for method in methods):
            raise wrong(f"each entry of {argument}", entry, expected, remedy)


def require_mapping(argument: str, value: Any, expected: str) -> None:
    """A dictionary."""
    require_kind(argument, value, Mapping, expected)


def require_path(argument: str, value: Any, expected: str = "the path of a file") -> Path:
    """A path of this kind; no number, which would be an open file of the process."""
    if not isinstance(value, (str, os.PathLike)) or not str(value):
        raise wrong(argument, value, expected)
    return Path(value)


def require_vectors(**vectors: Any) -> None:
    """Real tensors (N,) of one length."""
    length = None
    for name, value in vectors.items():
        if not isinstance(value, Tensor) or value.dim() != 1 or value.is_complex():
            raise wrong(name, value, "a real tensor (N,)")
        length = len(value) if length is None else length
        if len(value) != length:
            raise wrong(name, value, f"as long as {next(iter(vectors))}, ({length},)")


def wrong(argument: str, value: Any, expected: str, remedy: str = "") -> InvalidValueError:
    """The error that an argument is not what it must be."""
    tail = f"; {remedy}" if remedy else ""
    return InvalidValueError(f"{argument} must be {expected}, got {format_value(value)}{tail}")


def format_value(value: Any) -> str:
    """Format a value for a message, briefly whatever it is."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim:
        return f"{type(value).__name__} of shape {tuple(value.shape)}"
    try:
        text = repr(value)
    except Exception:
        return f"a {type(value).__name__}"
    if len(text) > 90:
        size = f" of {len(value)} entries" if isinstance(value, (Sequence, Mapping)) else ""
        text = f"a {type(value).__name__}{size}: {text[:70]}..."
    return text


def _real(value: Any) -> float | None:
    if isinstance(value, Tensor):
        if value.dim() or value.is_complex() or value.dtype.is_floating_point is False:
            return None
        return float(value.detach())
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not is_real(value) or isinstance(value, np.bool_):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _finite(value: Any) -> bool:
    number = _real(value)
    return number is not None and math.isfinite(number)
