"""What sets parameters of elements by patterns: `set` and `sets`, and targets of controllers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ...core.errors import InvalidValueError, PyJuTrackError
from ...lattice.expressions import Formula
from ..errors import LatticeFileError, clip, wrong
from .machine import Machine
from .merge import merge
from .strengths import rivals
from .yaml_tree import Table

Items = list[tuple[str, Table]]
#: what a look at an element counts, in operations of an expression
LOOK = 5
#: of the regular expressions of PALS, what is understood: their time is bounded
_PATTERN = re.compile(r"(?:\w|\.[*+]?)+", re.ASCII)


@dataclass(frozen=True)
class Target:
    """`pattern>Group.parameter`: which parameter, and of which elements.

    Attributes:
        patterns: of the names of elements, each with a kind or an empty word.
        path: of the parameter.
        file, line: where it stands.
    """

    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    path: tuple[str, ...]
    file: Path
    line: int

    @staticmethod
    def parse(text: Any, file: Path, line: int) -> Target:
        """Read one; LatticeFileError for what is not understood."""
        elements, _, parameter = str(text).partition(">")
        path = tuple(parameter.split("."))
        if not all(part.isidentifier() for part in path):
            raise wrong(file, f"{clip(repr(text))} names no parameter: element>Group.name", line)
        patterns = []
        for part in elements.split(","):
            kind, _, name = part.strip().rpartition("::")
            if not _PATTERN.fullmatch(name):
                said = (
                    f"{clip(repr(name))}: of patterns, letters, `.`, `.*` and `.+` are understood"
                )
                raise wrong(file, said, line)
            if name.count("*") + name.count("+") > 3:
                said = f"{clip(repr(name))}: more than three of `.*` in a pattern"
                raise wrong(file, said, line)
            patterns.append((kind, re.compile(name)))
        return Target(tuple(patterns), path, file, line)

    def fits(self, name: str, kind: str) -> bool:
        """Return whether an element is among those that are set."""
        return any(
            (not wanted or wanted == kind) and pattern.fullmatch(name)
            for wanted, pattern in self.patterns
        )

    @cached_property
    def names(self) -> tuple[str, ...] | None:
        """The names that it fits, or None where patterns say which."""
        names = tuple(pattern.pattern for _, pattern in self.patterns)
        return None if any("." in name for name in names) else names

    def error(self, message: object) -> LatticeFileError:
        """An error at this place."""
        return wrong(self.file, f"{'.'.join(self.path)}: {message}", self.line)


@dataclass(frozen=True)
class Setting:
    """A `set`: a target and its value."""

    target: Target
    value: Any

    @staticmethod
    def parse_all(name: str, value: Any, file: Path, line: int) -> Iterator[Setting]:
        """The settings of `set`, or of `sets`."""
        tables = value if isinstance(value, list) else [value]
        for table in tables:
            if not isinstance(table, Table):
                raise wrong(file, f"{name} must hold parameters and values", line)
            if name == "sets":
                for text, entry in table.items():
                    yield Setting(Target.parse(text, file, table.at(text)), entry)
            elif "value" not in table:
                raise wrong(file, "set: the value is missing", table.line)
            else:
                target = Target.parse(table.get("parameter"), file, table.at("parameter"))
                yield Setting(target, table["value"])

    def change(self, machine: Machine, table: Table) -> Table:
        """What it makes of an element, whose parameters are all in `table`."""
        local = _Own(machine, table, self.target)
        try:
            return changed(table, self.target, machine.read(self.value, local))
        except LatticeFileError:
            raise
        except (PyJuTrackError, ValueError) as error:
            raise self.target.error(error) from error


class _Own(dict[str, Formula]):
    """`PARAMETER`, and what `SELF.Group.parameter` is."""

    def __init__(self, machine: Machine, table: Table, target: Target) -> None:
        super().__init__()
        self._machine, self._table, self._target = machine, table, target

    def __bool__(self) -> bool:
        return True

    def __contains__(self, name: object) -> bool:
        return name == "PARAMETER" or str(name).startswith("SELF.")

    def __missing__(self, name: str) -> Formula:
        path = self._target.path if name == "PARAMETER" else tuple(name.split(".")[1:])
        return formula_at(self._machine, self._table, path)


def formula_at(machine: Machine, table: Table, path: tuple[str, ...]) -> Formula:
    """A parameter of an element as it stands now; zero if it is not set.

    Raises:
        InvalidValueError: what is set is another form of it.
    """
    inner: Any = table
    for name in path[:-1]:
        inner = inner.get(name)
        if inner is None:
            return 0.0
        if not isinstance(inner, Table):
            raise InvalidValueError(f"{clip(name)} holds no parameters")
    found = inner.get(path[-1])
    if found is None:
        if other := rivals(path[-1], inner):
            raise InvalidValueError(f"{path[-1]} follows from {other[0]}, which is set; use that")
        return 0.0
    return machine.read(found)


def changed(table: Table, target: Target, formula: Formula) -> Table:
    """An element with one parameter set."""
    change: Any = formula
    for name in reversed(target.path):
        outer = Table(target.line, target.file)
        outer.put(name, change, target.line)
        change = outer
    made = merge(table, change)
    made.line, made.file = table.line, table.file  # where the element is
    return made
