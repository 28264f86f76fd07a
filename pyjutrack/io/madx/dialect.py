"""What MAD-X and MAD8 differ in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..statements import Syntax
from .statement import Statement


@dataclass(frozen=True)
class Dialect:
    """One of the languages.

    Attributes:
        name: for messages.
        syntax: how its text is divided.
        classes: of elements, by their keywords.
        commands: that concern the lattice: each takes the machine and the statement.
        harmless: commands that print, plot or compute, and leave the lattice as it is.
        defers: whether `=` keeps expressions as `:=` does.
        abbreviates: whether keywords may be cut after four letters or more, if one fits.
    """

    name: str
    syntax: Syntax
    classes: Collection[str]
    commands: Mapping[str, Callable[[Any, Statement], None]]
    harmless: Collection[str]
    defers: bool = False
    abbreviates: bool = False

    def keyword(self, word: str, known: Collection[str]) -> str:
        """A keyword that is written out, unless something of the file has its name."""
        if not self.abbreviates or word in known or len(word) < 4:
            return word
        found = [
            name
            for name in (*self.classes, *self.commands, "line", "sequence")
            if name.startswith(word)
        ]
        return found[0] if len(found) == 1 else word
