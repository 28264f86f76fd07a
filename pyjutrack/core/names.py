"""Names for what has none of its own, and for messages."""

from __future__ import annotations

from collections.abc import Container
from itertools import count
from typing import Any


def unused_name(wanted: str, taken: Container[str]) -> str:
    """Return the name wanted, with a number after it where it is taken: name, name_2, name_3."""
    if wanted not in taken:
        return wanted
    return next(name for i in count(2) if (name := f"{wanted}_{i}") not in taken)


def label(element: Any) -> str:
    """Name an element with its kind, for messages."""
    return f"{type(element).__name__} {element.name!r}"
