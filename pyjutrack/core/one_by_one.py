"""Numbers of a record that may hold many settings, each of which is computed by itself.

A frozen dataclass names them in `one_by_one`, and fields that are such records themselves.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from functools import partial, wraps
from itertools import product
from typing import Any

from torch import Tensor

from .settings import broadcast_batch, pick, require_settings


def many_in(record: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Tensors of many settings in a record and in records in it, by the paths of their fields."""
    for name in getattr(record, "one_by_one", ()):
        value = getattr(record, name, None)
        if not isinstance(value, Tensor):
            yield from many_in(value, f"{path}{name}.")
        elif value.dim():
            yield path + name, value


def choose_in(record: Any, of: Callable[[Any], Any]) -> Any:
    """A record with other settings in the place of many, made by a function of these."""
    changes = _changes(record, of)
    return dataclasses.replace(record, **changes) if changes else record


def paths_in(record: Any, path: str = "") -> Iterator[str]:
    """Paths of all numbers of a record that may hold many settings."""
    for name in getattr(record, "one_by_one", ()):
        yield path + name
        yield from paths_in(getattr(record, name, None), f"{path}{name}.")


def check_each(check: Callable[[Any], None]) -> Callable[[Any], None]:
    """Let a `__post_init__` see a record in each of its settings, with one number; a decorator.

    It may refuse numbers, and set fields that hold no settings.
    """

    @wraps(check)
    def call(record: Any) -> None:
        many = list(many_in(record))
        if not many:
            return check(record)
        kind = type(record).__name__
        for path, value in many:
            require_settings(f"{path} of {kind}", value)
        batch = broadcast_batch(kind, [value for _, value in many])
        one = record
        for index in product(*map(range, batch)):
            one = copy.copy(record)
            for name, value in _changes(record, partial(pick, batch=batch, index=index)).items():
                object.__setattr__(one, name, value)
            check(one)
        for name in {f.name for f in dataclasses.fields(record)}.difference(record.one_by_one):
            object.__setattr__(record, name, getattr(one, name))

    return call


def _changes(record: Any, of: Callable[[Any], Any]) -> dict[str, Any]:
    """The fields of a record that hold many settings, or a record that does, with others."""
    found: dict[str, Any] = {}
    for name in getattr(record, "one_by_one", ()):
        value = getattr(record, name, None)
        if not isinstance(value, Tensor):
            new = choose_in(value, of)
        else:
            new = of(value) if value.dim() else value
        if new is not value:
            found[name] = new
    return found
