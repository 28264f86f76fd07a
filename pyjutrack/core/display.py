"""How objects are shown in notebooks and on pages: registered by `html`."""

from __future__ import annotations

from functools import singledispatch
from pathlib import Path
from typing import Any


@singledispatch
def html(thing: Any) -> str:
    """A small piece of HTML for an object."""
    raise NotImplementedError(type(thing).__name__)


@singledispatch
def report(thing: Any, folder: str | Path) -> Path:
    """Write a page with pictures and tables of an object into a folder."""
    raise NotImplementedError(type(thing).__name__)
