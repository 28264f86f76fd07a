"""Registry of HTML views: how notebooks and pages show objects.

The modules that draw lie in rooms above the objects: they register when something is first shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from pathlib import Path
from typing import Any

#: import what registers here
_LOADERS: list[Callable[[], None]] = []


def register_loader(load: Callable[[], None]) -> None:
    """Register a function that imports the modules with views; it is called once, when needed."""
    _LOADERS.append(load)


@singledispatch
def as_html(thing: Any) -> str:
    """Return a small piece of HTML for an object."""
    raise NotImplementedError(type(thing).__name__)


@singledispatch
def as_report(thing: Any, folder: Path) -> Path:
    """Write a page with pictures and tables of an object into a folder."""
    raise NotImplementedError(type(thing).__name__)


def html(thing: Any) -> str:
    """Return a small piece of HTML for an object."""
    _load()
    return as_html(thing)


def report(thing: Any, folder: str | Path) -> Path:
    """Write a page with pictures and tables of an object into a folder; returns its path."""
    _load()
    return as_report(thing, Path(folder))


def _load() -> None:
    while _LOADERS:
        _LOADERS.pop()()
