"""What sets parameters of elements by patterns: `set` and `sets`, and targets of controllers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import InvalidValueError, PyJuTrackError
from ...lattice.expressions import Formula
from ...lattice.patterns import matching
from ..errors import LatticeFileError, clip, wrong
from .machine import Machine
from .merge import merge
from .strengths import rivals
from .yaml_tree import Table

Items = list[tuple[str, Table]]
#: what a look at an element counts, in operations of an expression
LOOK = 10
_SIGNS = {".": "?", ".*": "*", ".+": "?*"}


@dataclass(frozen=True)
class Target:
    """`pattern>Group.parameter`: which parameter, and of which elements.

    Attributes:
        patterns: of the names of elements, each with a kind or an empty word.
        path: of the parameter.
        file, line: where it stands.
    """

    patterns: tuple[tuple[str, str], ...]
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
            patterns.append((kind, _plain_pattern(name, file, line)))
        return Target(tuple(patterns), path, file, line)

    def fits(self, name: str, kind: str) -> bool:
        """Return whether an element is among those that are set."""
        return any(
            (not wanted or wanted == kind) and matching(pattern, [name])
            for wanted, pattern in self.patterns
        )

    def error(self, message: object) -> LatticeFileError:
        """An error at this place."""
        return wrong(self.file, f"{'.'.join(self.path)}: {message}", self.line)


def _plain_pattern(text: str, file: Path, line: int) -> str:
    """A regular expression of letters, `.`, `.*` and `.+` as a pattern of this package."""
    found, at = "", 0
    while at < len(text):
        sign = text[at : at + 2] if text[at : at + 2] in _SIGNS else text[at]
        if not (sign in _SIGNS or sign.isalnum() or sign == "_"):
            said = f"{clip(repr(text))}: of patterns, letters, `.`, `.*` and `.+` are understood"
            raise wrong(file, said, line)
        found += _SIGNS.get(sign, sign)
        at += len(sign)
    while "**" in found:
        found = found.replace("**", "*")
    if found.count("*") > 3:
        raise wrong(file, f"{clip(repr(text))}: more than three of `.*` in a pattern", line)
    return found


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
