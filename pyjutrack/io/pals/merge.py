"""Tables put together: what inherits, and what is set."""

from __future__ import annotations

from typing import Any

from .strengths import STRENGTH
from .yaml_tree import Table


def with_lines(source: Table, values: dict[str, Any]) -> Table:
    """A table of other values, which stand where those of `source` do."""
    table = Table(source.line, source.file)
    for key, value in values.items():
        table.put(key, value, source.at(key))
    return table


def merge(base: Table, changes: Table) -> Table:
    """A table with changes; groups are merged, and a strength replaces others of its order."""
    table = with_lines(base, dict(base))
    for key, value in changes.items():
        old = table.get(key)
        if isinstance(old, Table) and isinstance(value, Table):
            value = merge(_without_rivals(old, value), value)
        table.put(key, value, changes.at(key))
    return table


def _without_rivals(old: Table, new: Table) -> Table:
    """The old strengths but for those that the new ones set in another form."""
    taken = {(m[3], m[1], m[4]) for m in map(STRENGTH.match, new) if m}
    orders = {order for order, *_ in taken}

    def stays(key: str) -> bool:
        m = STRENGTH.match(key)
        return not m or m[3] not in orders or (m[3], m[1], m[4]) in taken

    return with_lines(old, {key: value for key, value in old.items() if stays(key)})
