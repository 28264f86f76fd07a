"""What a lattice file of elegant defines: stored values, elements, lines.

Source: user's manual for elegant, "Accelerator and Element Description".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..calls import CalledFiles, find_called
from ..definition import Definition, Value
from ..errors import clip, placed_errors
from ..limits import ORDER, STEPS
from ..lines import Line, LineSyntax
from ..record import Notes
from ..statements import (
    Syntax,
    before_sign,
    fold_case,
    require_brackets,
    split_outside_brackets,
    statements,
)
from ..text import text_of
from ..variables import Variables
from .attributes import NUMBERS, canonical
from .rpn import Rpn
from .types import find_type

SYNTAX = Syntax(delimiter=False, slashes=False, separators=False, upper=True)
_LABEL = re.compile(r"(\"[^\"]*\"|:*[^\":,=]+):(.*)", re.DOTALL)
#: a sign or a count within the quotes of a part: "-H" is -"H"
_SIGNED = re.compile(r"\"(-|\d+\*)([^\"]*)\"")
_INCLUDE = re.compile(r"#\s*INCLUDE\s*:?(.*)", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
#: what a statement counts, in operations of an expression
_STATEMENT = 20
_STEPS = ("n_slices", "n_kicks", "steps_per_period")


def unquote(text: str) -> str:
    """A name without the quotes around it; elegant's quotes are double."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


#: a minus reverses a line and turns its elements round
LINES = LineSyntax(unquote, turns=1)


class Machine:
    """Takes the statements of a file, in their order.

    Attributes:
        variables: what `% ... sto name` stores.
        elements, lines: by name.
        used: what USE names; None if there is none.
        unknown: names that were given a type which elegant does not know, and that type.
    """

    def __init__(self, folder: Path, notes: Notes) -> None:
        self._folder, self._notes = folder, notes
        self.variables = Variables()
        self.elements: dict[str, Definition] = {}
        self.lines: dict[str, Line] = {}
        self.used: str | None = None
        self.unknown: dict[str, str] = {}
        self._rpn = Rpn(self.variables)
        self._files = CalledFiles()

    def read(self, file: Path) -> None:
        """Take a file, and those that it includes; after USE or RETURN nothing more of it.

        Raises:
            LatticeFileError: a statement cannot be read; the message names it.
        """
        self._files.count(file)
        with self._files.nested(file, "files that call files"):
            for row, text in _statements(file):
                with placed_errors(file, row, text=text):
                    self.variables.spend(_STATEMENT)
                    if not self._take(text, file, row):
                        break

    def _take(self, text: str, file: Path, row: int) -> bool:
        """Execute a statement; False where the file ends."""
        if text.startswith("%"):
            self._rpn.run(text[1:])
            return True
        if found := _INCLUDE.fullmatch(text):
            self.read(find_called(unquote(found[1]), file, self._folder))
            return True
        require_brackets(text)
        folded = fold_case(text, SYNTAX)
        label = _LABEL.match(folded)
        if label is None:
            return self._command(folded, text)
        name, rest = unquote(label[1]), label[2]
        first, *arguments = split_outside_brackets(rest)
        word, sign, value = first.partition("=")
        if unquote(word) == "LINE" and sign:
            self._define_line(name, ",".join([value, *arguments]), file, row)
        elif (base := find_type(unquote(first), self.elements)) is None:
            self.unknown[name] = unquote(first)
            self._leave_out(text)
        else:
            self._define(name, base, arguments, file, row)
        return True

    def _command(self, folded: str, text: str) -> bool:
        """A statement without a name; False if it ends the file."""
        command, *arguments = split_outside_brackets(folded)
        if command in ("USE", "RETURN"):
            if command == "USE" and arguments:
                self.used = unquote(arguments[0].split("=")[-1])
            return False
        if command.strip("#") and command != "TITLE":
            self._leave_out(text)
        return True

    def _leave_out(self, text: str) -> None:
        self._notes.add(f"the statement {clip(' '.join(text.split()))!r} is left out")

    def _define_line(self, name: str, parts: str, file: Path, row: int) -> None:
        if name in self.lines or name in self.elements:
            raise ValueError(f"{clip(name)!r} is defined twice")
        inside = parts[1:-1] if parts.startswith("(") and parts.endswith(")") else parts
        self.lines[name] = Line(name, (), _SIGNED.sub(r'\1"\2"', inside), file, row)

    def _define(self, name: str, base: str, arguments: list[str], file: Path, row: int) -> None:
        parent = self.elements.get(base)
        attributes: dict[str, Value] = dict(parent.attributes) if parent else {}
        for argument in arguments:
            if argument:
                key, value = self._argument(argument, row)
                attributes[key] = value
        made = Definition(name, parent.base if parent else base, base, attributes, file, row)
        known = self.elements.get(name)
        if name in self.lines or (known is not None and not _same(known, made)):
            raise ValueError(f"{clip(name)!r} is defined twice")
        self.elements[name] = made

    def _argument(self, text: str, row: int) -> tuple[str, Value]:
        """Name and value: a number, an expression of stored values, or a word."""
        split = before_sign(text, "=")
        if split is None:
            raise ValueError(f"{clip(text)!r} has no value")
        key, told = canonical(unquote(split[0])), split[1]
        if not told:
            raise ValueError(f"{clip(key)} has no value")
        if (found := _NUMBER.match(told)) and (key in NUMBERS or found[0] == told):
            if found[0] != told:
                self._notes.add(
                    f"{clip(text)!r} is read as {found[0]}, as elegant does, line {row}"
                )
            value = self._rpn.evaluate(found[0])
            limit = ORDER if key == "order" else STEPS if key in _STEPS else None
            if limit is not None and isinstance(value, float) and value > limit:
                raise ValueError(f"{key} = {value:g}, above the limit of {limit:,}")
            return key, value
        try:
            return key, self._rpn.evaluate(unquote(told))
        except ValueError as error:
            if key in NUMBERS:
                raise ValueError(f"{key}: {error}") from error
            return key, unquote(told)


def turn(definition: Definition) -> Definition:
    """An element met from its exit: bends and KQUADs swap their ends."""
    if "BEN" not in definition.base and definition.base != "KQUAD":
        return definition
    swapped = {_other_end(key): value for key, value in definition.attributes.items()}
    return replace(definition, attributes=swapped)


def _other_end(key: str) -> str:
    found = re.fullmatch(r"(e|h|fint|edge|fringe)([12])(\D.*)?", key)
    return key if found is None else f"{found[1]}{3 - int(found[2])}{found[3] or ''}"


def _same(one: Definition, other: Definition) -> bool:
    return (one.base, one.attributes) == (other.base, other.attributes)


def _statements(file: Path) -> Iterator[tuple[int, str]]:
    """Rows and texts; what follows TITLE is a title."""
    skip = False
    for row, text in statements(file, text_of(file), SYNTAX):
        if not skip:
            yield row, text
        skip = text.strip().upper().startswith("TITLE")
