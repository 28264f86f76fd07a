"""Kinds of frozen data that files may hold, by name.

A kind says so where it is defined, so that what can be saved stands in no list elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from .errors import InvalidValueError, unknown
from .registry import refuse_taken, require_class

T = TypeVar("T")
_KINDS: dict[str, type] = {}


class Description(NamedTuple):
    """Functions by which files hold a kind as plain data, and make it of them again."""

    kind: type
    describe: Callable[[Any], Any]
    make: Callable[[Any], Any]


_DESCRIPTIONS: dict[str, Description] = {}


def storable(kind: type[T]) -> type[T]:
    """Let files hold a kind of data, such as a diagnostic of one's own; a decorator.

    The kind must be known, under the same name, where a file with it is read. Defined again, as in
    a notebook, it takes the place of the former.

    Args:
        kind: a frozen dataclass, whose fields are numbers, texts, tensors, arrays, tuples and
            mappings of these, or of other storable kinds.

    Raises:
        InvalidValueError: it is none, or another storable kind has its name.
    """
    require_class("storable", kind)
    made = vars(kind).get("__dataclass_params__")
    if made is None or not made.frozen:
        raise InvalidValueError(f"{kind.__name__} must be a frozen dataclass to be storable")
    refuse_taken("storable kind", kind.__name__, kind, _KINDS.get(kind.__name__))
    _KINDS[kind.__name__] = kind
    return kind


def is_storable(kind: type) -> bool:
    """Return whether files may hold this kind."""
    return _KINDS.get(kind.__name__) is kind


def find_storable(name: str) -> type:
    """Find a kind by its name; UnknownNameError if there is none."""
    if name not in _KINDS:
        raise unknown("storable kind", name, _KINDS)
    return _KINDS[name]


def register_description(
    kind: type[T], describe: Callable[[T], Any], make: Callable[[Any], T]
) -> None:
    """Let files hold a kind, and those derived from it, by data that describe it.

    Args:
        describe: data as `storable` has them, of a thing of this kind.
        make: a thing of what comes back of these, with tuples in the place of lists.

    Raises:
        InvalidValueError: another kind of its name is described.
    """
    former = _DESCRIPTIONS.get(kind.__name__)
    refuse_taken("described kind", kind.__name__, kind, former and former.kind)
    _DESCRIPTIONS[kind.__name__] = Description(kind, describe, make)


def description_of(value: Any) -> Description | None:
    """Return the description of a value's kind, if it has one."""
    return next((d for d in _DESCRIPTIONS.values() if isinstance(value, d.kind)), None)


def find_description(name: str) -> Description:
    """Find the description of a kind by its name; UnknownNameError if there is none."""
    if name not in _DESCRIPTIONS:
        raise unknown("described kind", name, _DESCRIPTIONS)
    return _DESCRIPTIONS[name]


def to_lists(data: Any) -> Any:
    """Replace tuples by lists in plain data, as JSON has them."""
    if isinstance(data, (tuple, list)):
        return [to_lists(entry) for entry in data]
    return {k: to_lists(v) for k, v in data.items()} if isinstance(data, dict) else data
