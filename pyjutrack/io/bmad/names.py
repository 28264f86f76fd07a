"""Names with wild cards: `*` for any characters, `%` for one."""

from __future__ import annotations


def has_wild_cards(pattern: str) -> bool:
    """Return whether a name may mean several."""
    return "*" in pattern or "%" in pattern


def matches(pattern: str, name: str) -> bool:
    """Return whether a name fits, in a time of the product of both lengths."""
    p = n = 0
    star, mark = -1, 0
    while n < len(name):
        if p < len(pattern) and pattern[p] == "*":
            star, mark = p, n
            p += 1
        elif p < len(pattern) and pattern[p] in ("%", name[n]):
            p, n = p + 1, n + 1
        elif star >= 0:
            mark += 1
            p, n = star + 1, mark
        else:
            return False
    return not pattern[p:].strip("*")
