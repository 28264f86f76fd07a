"""What a motion or a kick hands back: particles as it was given, or an error that says what."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..autodiff.dual import value_of
from ..core.checks import format_value
from ..core.errors import InvalidValueError
from .state import State


def is_like(end: Any, given: State) -> bool:
    """Return whether something is a state with columns and a mask as another has.

    Of columns that carry tangents the values are asked: to ask the columns goes through PyTorch's
    dispatch of subclasses, and takes ten times as long.
    """
    if not isinstance(end, State):
        return False
    columns, alive = end
    if columns is not given.coordinates:
        if not isinstance(columns, (tuple, list)) or len(columns) != len(given.coordinates):
            return False
        for new, old in zip(columns, given.coordinates, strict=True):
            if new is old:
                continue
            new, old = value_of(new), value_of(old)
            if not isinstance(new, Tensor) or new.shape != old.shape or new.dtype != old.dtype:
                return False
    if alive is given.alive:
        return True
    same = isinstance(alive, Tensor) and alive.shape == given.alive.shape
    return same and alive.dtype == torch.bool


def no_state(method: str, example: str, end: Any, given: Any) -> InvalidValueError:
    """The error that a method, of what it is given as "Drift.transport", returned no such state.

    Args:
        example: of what it should return, in code.
        end, given: what it returned, and the state that it was given.
    """
    dtype = given.coordinates[0].dtype if isinstance(given, State) else None
    shape = f" {_shape(given.coordinates[0], None)}" if isinstance(given, State) else ""
    return InvalidValueError(
        f"{method} must return a State of six columns{shape} and a mask of the live particles, "
        f"as in `return {example}`, got {_describe(end, dtype)}"
    )


def _describe(end: Any, dtype: torch.dtype | None) -> str:
    if not isinstance(end, State):
        return "None" if end is None else f"a {type(end).__name__}"
    columns = end.coordinates
    if not isinstance(columns, (tuple, list)):
        return f"a State with a {type(columns).__name__} in place of columns"
    shown = ", ".join(_shape(column, dtype) for column in columns)
    mask = _shape(end.alive, torch.bool)
    return f"a State of {len(columns)} columns, {shown}, and the mask {mask}"


def _shape(column: Any, dtype: torch.dtype | None) -> str:
    """Show the shape of a column, and its dtype where that is not the one that it should be."""
    if not isinstance(column, Tensor):
        return format_value(column)
    kind = "" if column.dtype == dtype else f" of {column.dtype}"
    return f"{tuple(column.shape)}{kind}"
