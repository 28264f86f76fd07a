"""Numbers that a map reads from outside of its arguments, which its kernels hold as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from ...core.errors import InvalidValueError
from ...core.scalars import is_real
from ..base import Map

Numbers = float | tuple[float, ...]


class Outside(NamedTuple):
    """A number, or several in a row, of a module or of a function around the map.

    Attributes:
        name: in the map's source.
        read: reads it as it is now.
        numbers: what it was.
    """

    name: str
    read: Callable[[], Any]
    numbers: Numbers


def outside_of(map: Map) -> tuple[Outside, ...]:
    """Find what a map and the functions beside it read: globals, and variables around them."""
    found: dict[tuple[str, int], Outside] = {}
    pending, seen = [map.function], set[Any]()
    while pending:
        function = pending.pop()
        if function in seen or not isinstance(function, FunctionType):
            continue
        seen.add(function)
        for name, space, read in _reads(function):
            value = read()
            numbers = _numbers(value)
            if numbers is not None:
                found[name, space] = Outside(name, read, numbers)
            inner = value.function if isinstance(value, Map) else value
            if getattr(inner, "__module__", None) == map.function.__module__:
                pending.append(inner)
    return tuple(found.values())


def require_unchanged(map: Map, outside: tuple[Outside, ...]) -> None:
    """Raise InvalidValueError where a number is another than it was."""
    for name, read, numbers in outside:
        value = read()
        if value is not numbers and _numbers(value) != numbers:
            raise InvalidValueError(
                f"the kernels of the map {map.name!r} hold {name} = {numbers!r}, which is "
                f"{value!r} now; make it a parameter of the map"
            )


def _reads(function: FunctionType) -> Iterator[tuple[str, int, Callable[[], Any]]]:
    """Name, where it stands, and a reader of all that the source of a function may mean."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, id(cell), partial(getattr, cell, "cell_contents", None)
    names = tuple(_names(function.__code__))
    spaces: list[tuple[str, Mapping[str, Any]]] = [("", function.__globals__)]
    for name in names:
        module = function.__globals__.get(name)
        if isinstance(module, ModuleType):
            spaces.append((f"{name}.", vars(module)))
    for prefix, space in spaces:
        for name in names:
            if name in space:
                yield prefix + name, id(space), partial(space.get, name)


def _names(code: CodeType) -> Iterator[str]:
    """Globals and attributes of a function, and of those within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _numbers(value: Any) -> Numbers | None:
    """A number, or those of a list or a tuple as they are now; None for all else."""
    if isinstance(value, (tuple, list)):
        return tuple(value) if all(map(is_real, value)) else None
    return value if isinstance(value, bool) or is_real(value) else None
