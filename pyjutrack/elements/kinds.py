"""Every kind of element by name."""

from __future__ import annotations

from collections.abc import Iterator

from .base import Element


def kinds() -> dict[str, type[Element]]:
    """Every kind of element by name, those of users included."""
    return {kind.__name__: kind for kind in _kinds_of(Element)}


def kinds_named(name: str) -> list[type[Element]]:
    """Every kind of a name; one that was defined again, as in a notebook, is the last of these."""
    found = {(k.__module__, k.__qualname__): k for k in _kinds_of(Element) if k.__name__ == name}
    return list(found.values())


def _kinds_of(base: type[Element]) -> Iterator[type[Element]]:
    for kind in base.__subclasses__():
        if not vars(kind).get("abstract", False):
            yield kind
        yield from _kinds_of(kind)
