"""Patterns of names: `*` stands for any text, `?` for any letter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from ..core.checks import require_texts


def expand(patterns: Sequence[str], fitting: Callable[[str], list[str]]) -> list[str]:
    """Patterns replaced by the names that they fit; plain names stay as they are.

    Args:
        patterns: `*` stands for any text, `?` for any letter.
        fitting: the names that a pattern fits; UnknownNameError if it fits none.

    Raises:
        InvalidValueError: no list of texts.
    """
    found: list[str] = []
    for pattern in require_texts("wrt", patterns, 'a list of addresses, such as ["q1.k1"]'):
        if "*" not in pattern and "?" not in pattern:
            found.append(pattern)
            continue
        found += fitting(pattern)
    return found


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """The names that a pattern fits as a whole, in order."""
    parts = re.split(r"([*?])", pattern)
    written = ("." + "*" * (p == "*") if p in ("*", "?") else re.escape(p) for p in parts)
    whole = re.compile("".join(written), re.DOTALL)
    return [name for name in names if whole.fullmatch(name)]
