"""What a motion or a kick hands back: particles as it was given, or an error that says what."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..core.checks import format_value
from ..core.errors import InvalidValueError
from .state import State


def is_like(end: Any, given: State) -> bool:
    """Return whether something is a state with columns and a mask as another has."""
    if not isinstance(end, State):
        return False
    columns, alive = end
    if columns is not given.coordinates:
        if not isinstance(columns, (tuple, list)) or len(columns) != len(given.coordinates):
            return False
        for new, old in zip(columns, given.coordinates, strict=True):
            if new is not old and not (isinstance(new, Tensor) and new.shape == old.shape):
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
    shape = f" {tuple(given.coordinates[0].shape)}" if isinstance(given, State) else ""
    return InvalidValueError(
        f"{method} must return a State of six columns{shape} and a mask of the live particles, "
        f"as in `return {example}`, got {_describe(end)}"
    )


def _describe(end: Any) -> str:
    if not isinstance(end, State):
        return "None" if end is None else f"a {type(end).__name__}"
    columns = end.coordinates
    if not isinstance(columns, (tuple, list)):
        return f"a State with a {type(columns).__name__} in place of columns"
    shown = ", ".join(map(_shape, columns))
    return f"a State of {len(columns)} columns, {shown}, and the mask {_shape(end.alive)}"


def _shape(column: Any) -> str:
    if not isinstance(column, Tensor):
        return format_value(column)
    kind = "" if column.is_floating_point() else f" of {column.dtype}"
    return f"{tuple(column.shape)}{kind}"
