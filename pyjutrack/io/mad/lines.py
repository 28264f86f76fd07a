"""Lines of MAD and elegant files, expanded: in a time of their elements, not of their copies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def expand_line(parser: Any, line: Any) -> list[Any]:
    """Expand a line into pyAT's elements, each made once however often it occurs."""
    made: dict[tuple[int, bool], list[Any]] = {}
    found: list[Any] = []

    def walk(part: Any, turned: bool) -> None:
        if isinstance(part, list) and not hasattr(part, "flatten"):  # a line, no sequence
            turned ^= bool(getattr(part, "inverse", False))
            for entry in reversed(part) if turned else part:
                walk(entry, turned)
            return
        kept = made.get((id(part), turned))
        if kept is None:
            kept = list((-part if turned else part).expand(parser))
            made[id(part), turned] = kept
        found.extend(kept)

    walk(line, False)
    return found


def find_skipped(line: Iterable[Any]) -> Iterable[Any]:
    """Find the elements of a line of which pyAT makes nothing, each once."""
    seen: set[int] = set()
    waiting = [iter(line)]
    while waiting:
        part = next(waiting[-1], None)
        if part is None:
            waiting.pop()
            continue
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, list):
            waiting.append(iter(part))
        elif hasattr(part, "to_at") and type(part).to_at(part, **part) == []:
            yield part
