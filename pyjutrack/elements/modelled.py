"""Elements that the package does not model are refused by name where physics is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.errors import InvalidValueError
from .base import Element


def require_modelled(elements: Iterable[Element]) -> None:
    """Raise InvalidValueError for elements of which there is no model."""
    missing = [element for element in elements if not element.is_modelled]
    if not missing:
        return
    first, more = missing[0], len(missing) - 1
    others = f", and {more} more placeholder{'s' if more > 1 else ''}" if more else ""
    raise InvalidValueError(
        f"{type(first).__name__} {first.name!r} stands for {first.represents or 'something'}, "
        f"which is not modelled{others}; put an element or an effect in its place, or take "
        "lattice.skip_placeholders(), which makes drifts and markers of them"
    )
