"""Patterns of names: `*` stands for any text, `?` for any letter."""

from __future__ import annotations

import re
from collections.abc import Iterable


def is_pattern(text: str) -> bool:
    """Return whether a text has a letter that stands for others."""
    return "*" in text or "?" in text


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """The names that a pattern fits as a whole, in order."""
    parts = re.split(r"([*?])", pattern)
    written = ("." + "*" * (p == "*") if p in ("*", "?") else re.escape(p) for p in parts)
    whole = re.compile("".join(written), re.DOTALL)
    return [name for name in names if whole.fullmatch(name)]
