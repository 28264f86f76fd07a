"""Kinds of frozen data that files may hold, by name.

A kind says so where it is defined, so that what can be saved stands in no list elsewhere.
"""

from __future__ import annotations

from typing import TypeVar

from .errors import InvalidValueError, unknown

T = TypeVar("T")
_KINDS: dict[str, type] = {}


def storable(kind: type[T]) -> type[T]:
    """Let files hold a kind of data, such as a diagnostic of one's own; a decorator.

    The kind must be known, under the same name, where a file with it is read. Defined again, as in
    a notebook, it takes the place of the former.

    Args:
        kind: a frozen dataclass, whose fields are numbers, texts, tensors, arrays, tuples and
            mappings of these, or of other storable kinds.

    Raises:
        InvalidValueError: it is none, or another kind has its name.
    """
    made = vars(kind).get("__dataclass_params__")
    if made is None or not made.frozen:
        raise InvalidValueError(f"{kind.__name__} must be a frozen dataclass to be storable")
    former = _KINDS.get(kind.__name__, kind)
    if (former.__module__, former.__qualname__) != (kind.__module__, kind.__qualname__):
        raise InvalidValueError(f"another kind is named {kind.__name__}; rename one")
    _KINDS[kind.__name__] = kind
    return kind


def is_storable(kind: type) -> bool:
    """Whether files may hold this kind."""
    return _KINDS.get(kind.__name__) is kind


def storable_named(name: str) -> type:
    """The kind of a name; UnknownNameError if there is none."""
    if name not in _KINDS:
        raise unknown("storable kind", name, _KINDS)
    return _KINDS[name]
