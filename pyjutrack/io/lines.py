"""Lines of lattice files: parts in order, repeated, reversed, with parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..core.grammar import NESTING
from .errors import clip, placed_errors
from .limits import ELEMENTS
from .statements import split_outside_brackets

_LABEL = re.compile(r"(\"[^\"]*\"|'[^']*'|[^()\"']+)(?:\((.*)\))?", re.DOTALL)
_PART = re.compile(r"(?:([-+]?\d+)\*)?([-+]*)(.*)", re.DOTALL)
_NAME = re.compile(r"\"[^\"]*\"|'[^']*'|[^-+*,()\"'\s][^,()\"'\s*]*")


class Placed(NamedTuple):
    """An element or a sequence in a line.

    Attributes:
        name: of it.
        turned: whether the beam meets its exit first.
    """

    name: str
    turned: bool = False


@dataclass(frozen=True)
class LineSyntax:
    """How lines are written.

    Attributes:
        fold: the name that is meant by one as it is written.
        turns: how many minus signs before a part turn its elements round, too; 0 for none.
    """

    fold: Callable[[str], str]
    turns: int = 0


@dataclass(frozen=True)
class Line:
    """`name(parameters): line = (parts)`.

    Attributes:
        name, parameters: of the line.
        parts: the text between its brackets.
        file, row: where it was defined.
    """

    name: str
    parameters: tuple[str, ...]
    parts: str
    file: Path
    row: int

    def words(self, syntax: LineSyntax) -> set[str]:
        """The names in it."""
        return {syntax.fold(word) for word in _NAME.findall(self.parts)}

    @staticmethod
    def parse(label: str, text: str, file: Path, row: int) -> Line:
        """A line by its label and what follows `line =`; ValueError if it is none."""
        found = _LABEL.fullmatch(label)
        if found is None:
            raise ValueError(f"{clip(label)!r} is no name of a line")
        names = tuple(n.strip() for n in (found[2] or "").split(",") if n.strip())
        inside = text[1:-1] if text.startswith("(") and text.endswith(")") else text
        return Line(found[1], names, inside, file, row)


def expand_line(
    lines: Mapping[str, Line], name: str, syntax: LineSyntax, spend: Callable[[int], None]
) -> tuple[Placed, ...]:
    """The elements and sequences of a line, in order.

    Raises:
        LatticeFileError: it holds itself, or more than the limit.
    """
    with placed_errors(lines[name].file, lines[name].row, f"line {name!r}"):
        return LineExpander(lines, syntax, spend).expand(name)


class LineExpander:
    """Expands lines into elements and sequences, each line once.

    Args:
        lines: by name.
        syntax: how they are written.
        spend: counts operations, of which a file may need so many.
    """

    def __init__(
        self, lines: Mapping[str, Line], syntax: LineSyntax, spend: Callable[[int], None]
    ) -> None:
        self._lines, self._syntax, self._spend = lines, syntax, spend
        self._found: dict[str, tuple[Placed, ...]] = {}
        self._open: list[str] = []

    def expand(self, name: str) -> tuple[Placed, ...]:
        """The elements and sequences of a line, in order.

        Raises:
            ValueError: it holds itself, or more than the limit.
        """
        if name not in self._found:
            line = self._lines[name]
            if line.parameters:
                raise ValueError(f"line {name!r} needs {len(line.parameters)} arguments")
            self._found[name] = self._body(line, {})
        return self._found[name]

    def _body(self, line: Line, given: Mapping[str, str]) -> tuple[Placed, ...]:
        if line.name in self._open:
            circle = [*self._open[self._open.index(line.name) :], line.name]
            raise ValueError(f"cyclic lines: {' -> '.join(circle)}")
        if len(self._open) > NESTING:
            raise ValueError(f"lines nested too deeply, above the limit of {NESTING} levels")
        self._open.append(line.name)
        found = self._parts(line.parts, given)
        self._open.pop()
        return found

    def _parts(self, text: str, given: Mapping[str, str]) -> tuple[Placed, ...]:
        self._spend(len(text))
        text = re.sub(r"(?<=[\w.)])\+", ",", text)  # a sign between parts stands for a comma
        found: list[Placed] = []
        for part in split_outside_brackets(text):
            if part:
                found += self._part(part, given)
            if len(found) > ELEMENTS:
                raise ValueError(f"a line of more than the limit of {ELEMENTS:,} elements")
        return tuple(found)

    def _part(self, text: str, given: Mapping[str, str]) -> tuple[Placed, ...]:
        """`3*part`, `-part`, `(parts)`, `name`, `name(arguments)`."""
        match = _PART.fullmatch(text.strip())
        assert match is not None
        count, signs, rest = int(match[1] or 1), match[2].count("-"), match[3].strip()
        rest = given.get(self._syntax.fold(rest), rest)
        if inner := _PART.fullmatch(rest):
            if inner[1] or inner[2]:  # an argument with a sign or a count of its own
                once = self._part(rest, {})
            elif rest.startswith("("):
                once = self._parts(rest[1:-1], given)
            else:
                once = self._named(rest, given)
        if abs(count) * len(once) > ELEMENTS:
            raise ValueError(f"a line of more than the limit of {ELEMENTS:,} elements")
        once = self._reverse(once, signs + (count < 0))
        self._spend(abs(count) * len(once))
        return once * abs(count)

    def _reverse(self, parts: tuple[Placed, ...], signs: int) -> tuple[Placed, ...]:
        """What minus signs before a part make of it."""
        turns = self._syntax.turns
        if not signs or (turns < 2 and signs % 2 == 0):
            return parts
        if not turns or (turns == 2 and signs < 2):
            return parts[::-1]
        return tuple(Placed(part.name, not part.turned) for part in parts[::-1])

    def _named(self, text: str, given: Mapping[str, str]) -> tuple[Placed, ...]:
        match = _LABEL.fullmatch(text)
        if match is None:
            raise ValueError(f"{clip(text)!r} is no element and no line")
        name = self._syntax.fold(match[1])
        line = self._lines.get(name)
        if line is None:
            if match[2] is not None:
                raise ValueError(f"there is no line {clip(name)!r}")
            return (Placed(name),)
        if not line.parameters and match[2] is None:
            return self.expand(name)
        arguments = split_outside_brackets(match[2] or "")
        arguments = [given.get(self._syntax.fold(a), a) for a in arguments if a]
        if len(arguments) != len(line.parameters):
            raise ValueError(
                f"line {name!r} takes {len(line.parameters)} arguments, not {len(arguments)}"
            )
        return self._body(line, dict(zip(line.parameters, arguments, strict=True)))
