"""Definitions of elements in files that name them: classes, instances, what these take over."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from ..lattice.expressions import Formula
from .errors import clip, placed_errors

#: of an attribute: a number or an expression, several of them, or a word
Value = Formula | tuple[Formula, ...] | str


@dataclass(frozen=True)
class Definition:
    """An element of a file.

    Attributes:
        name: of the element.
        base: the class of elements that it goes back to, such as "quadrupole".
        parent: the class or the element that it was made from.
        attributes: all that it has, those of its parent among them.
        file, row: where it was defined.
    """

    name: str
    base: str
    parent: str
    attributes: Mapping[str, Value] = field(default_factory=dict)
    file: Path = Path()
    row: int = 0

    def placed_errors(self) -> AbstractContextManager[None]:
        """Name the element, and where it was defined, in whatever is raised."""
        return placed_errors(self.file, self.row, f"{self.base.lower()} {clip(self.name)!r}")
