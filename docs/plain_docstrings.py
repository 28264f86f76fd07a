"""Docstrings of the package are plain text with code in backticks, and not reStructuredText."""

from __future__ import annotations

import re
from typing import Any

#: what reStructuredText takes for markup, outside of code
_MARKUP = re.compile(r"([*|\\]|(?<=\w)_(?=\W|$))")

#: of a field that is of several names
_NAMES = re.compile(r"^(\s*:(?:param|ivar) )([^:]*, [^:]*:)")


def escape_lines(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Escape markup in the lines of a docstring, in place: a listener of autodoc."""
    parts = "\n".join(lines).split("`")  # every other is code
    parts[::2] = [_MARKUP.sub(r"\\\1", part) for part in parts[::2]]
    # what follows code at once is no part of it
    parts[2::2] = [rf"\ {part}" if part[:1].isalnum() else part for part in parts[2::2]]
    lines[:] = "`".join(parts).split("\n")


def join_names(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Let several names of a field be one word, whose first Sphinx would take for a type."""
    lines[:] = [_NAMES.sub(lambda m: m[1] + m[2].replace(", ", ","), line) for line in lines]
