"""Registry of HTML views: how notebooks and pages show objects.

What draws them stands far above what is drawn: it registers itself, when something is first shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from pathlib import Path
from typing import Any

#: import what registers here
_LOADERS: list[Callable[[], None]] = []


def drawn_by(load: Callable[[], None]) -> None:
    """Name what imports the modules that register with `as_html` and `as_report`."""
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
    """A small piece of HTML for an object."""
    _load()
    return as_html(thing)


def report(thing: Any, folder: str | Path) -> Path:
    """Write a page with pictures and tables of an object into a folder; the page."""
    _load()
    return as_report(thing, Path(folder))


def _load() -> None:
    while _LOADERS:
        _LOADERS.pop()()
