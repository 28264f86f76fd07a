"""What `@map` is given: a function that may be a map, and a record that fits it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..core.checks import require_callable, require_flag, require_mapping, require_text, wrong
from ..core.errors import InvalidValueError

if TYPE_CHECKING:
    from .base import Map

_USE = "write @map(), or @map(inverse=..., kick=True), in the line above it"


def refuse_bare(given: tuple[Any, ...]) -> None:
    """Raise where `@map` stands without brackets, or is called with what is no keyword."""
    if given:
        raise InvalidValueError(f"@map takes keywords alone, got {_name(given[0])}; {_USE}")


def require_function(function: Any) -> None:
    """Raise InvalidValueError for what cannot be a map: no function that has a name."""
    if inspect.isfunction(function) and function.__name__ != "<lambda>":
        return
    remedy = f"{_USE}; a map is found again by its name, and its kernels are read from its text"
    raise wrong("what @map registers", function, "a function defined by def", remedy)


def require_fit(map: Map) -> None:
    """Raise InvalidValueError where what is said of a map cannot be of its function."""
    parameters, label = list(map.parameters), f"of the map {map.name}"
    _require_plain(map.function, label)
    for name in ("kick", "array_kernels", "opening", "noisy", "traceable"):
        require_flag(f"{name} {label}", getattr(map, name))
    require_text(f"written {label}", map.written)
    for name, count in (
        ("inverse", len(parameters) + map.noisy),  # and the stream
        ("numbers", len(parameters)),
        ("undo", 6 + len(parameters)),
    ):
        _require_part(f"{name} {label}", getattr(map, name), count)
    constants = list(map.constants) if isinstance(map.constants, (tuple, list)) else None
    if constants is None or parameters[len(parameters) - len(constants) :] != constants:
        shown = ", ".join(parameters) or "none"
        expected = f"a tuple of the names of its last parameters, which are {shown}"
        raise wrong(f"constants {label}", map.constants, expected)
    require_mapping(f"shapes {label}", map.shapes, "a dictionary of shapes by parameter")
    _require_names(f"shapes {label}", map.shapes, parameters)


def _require_part(label: str, function: Callable[..., Any] | None, count: int) -> None:
    if function is not None:
        require_callable(label, function, f"a function of {count} arguments", count)


def _require_names(label: str, shapes: Mapping[str, Any], parameters: list[str]) -> None:
    for name in shapes:
        if name not in parameters:
            raise wrong(label, name, f"by names of its parameters, {', '.join(parameters)}")


def _require_plain(function: Callable[..., Any], label: str) -> None:
    """Raise for parameters that cannot be given by their places, one number each."""
    for parameter in inspect.signature(function).parameters.values():
        by_place = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.POSITIONAL_ONLY)
        if not by_place or parameter.default is not parameter.empty:
            raise InvalidValueError(
                f"the parameter {parameter} {label} must be one that is given by its place each "
                "time: no default, no *, and none by keyword alone"
            )


def _name(given: Any) -> str:
    return f"the function {given.__name__}" if inspect.isfunction(given) else repr(given)
