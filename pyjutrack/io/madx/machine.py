"""What the statements of a MAD file define: variables, elements, sequences, lines, beams."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...core.errors import InvalidValueError
from ...lattice.expressions import Expression, Formula
from ..definition import Definition, Value
from ..errors import clip, wrong
from ..lines import Line, LineSyntax
from ..record import Notes
from ..statements import split_outside_brackets
from ..variables import Variables
from .beam import Beams
from .dialect import Dialect
from .elements import WORDS, flag_attribute
from .language import CONSTANTS, Argument, parse
from .sequences import Entry, Sequence
from .statement import Statement, unquote

#: lines of MAD: a minus turns the order, and no element
LINES = LineSyntax(lambda name: unquote(name).lower())
Command = Callable[["Machine", Statement], None]


@dataclass(frozen=True)
class Use:
    """What USE says: the name of a sequence or line, a range of it, and where that stands."""

    name: str
    range: str = ""
    file: Path = Path()
    row: int | None = None


class TableError(InvalidValueError):
    """A value of a table, which only MAD can compute."""


class Machine:
    """Takes the statements of a file, in their order.

    Attributes:
        dialect: the language.
        notes: of what is left out.
        variables: and the constants of MAD.
        elements, sequences, lines: by name.
        beams: of the BEAM statements.
        used: the last USE; None if there is none.
        options: of OPTION that concern the lattice.
        selected: of SELECT, by its flag: the statements since the last CLEAR.
        errors: of EALIGN and EFCOMP: what they select, and what they say.
        undefined: names without a value, which MAD takes as zero.
        straight: rectangular bends that had no angle yet when their sequence was put into another
            one; MAD keeps the lengths of these as arcs.
        open: the sequence that is being defined, between SEQUENCE and ENDSEQUENCE.
        edited: the name of the one that SEQEDIT edits, or empty.
        thin: sequences that MAKETHIN makes others of, which count from the next USE on.
        block: what MATCH states, up to ENDMATCH; None outside of it.
        lenient: whether what is not executed is noted, and no error.
    """

    def __init__(self, dialect: Dialect, notes: Notes, lenient: bool = False) -> None:
        self.dialect, self.notes, self.lenient = dialect, notes, lenient
        self.thin: dict[str, Statement] = {}
        self.block: object | None = None
        self.variables = Variables(self._find, divides_by_zero=True)
        self.elements: dict[str, Definition] = {}
        self.sequences: dict[str, Sequence] = {}
        self.lines: dict[str, Line] = {}
        self.beams = Beams(notes)
        self.used: Use | None = None
        self.options: dict[str, bool] = {}
        self.selected: dict[str, list[Statement]] = {}
        self.errors: list[tuple[Statement, list[Statement]]] = []
        self.undefined: dict[str, None] = {}
        self.straight: set[str] = set()
        self._constants: set[str] = set()
        self.edited = ""
        self.open: Sequence | None = None

    def execute(self, statement: Statement) -> None:
        """Execute a statement.

        Raises:
            ValueError, PyJuTrackError: it cannot be; the caller names the place.
        """
        if statement.assigns and not statement.label:
            self._assign(statement)
        elif statement.assigns:  # `label: line = (...)`
            self._define_line(statement)
        elif statement.label:
            self._define(statement)
        elif command := self.dialect.commands.get(statement.command):
            command(self, statement)
        elif self.open is not None and self._may_stand(statement.command):
            self._place(statement.command, statement)
        elif statement.command in self.elements:
            self._update(self.elements[statement.command], statement.arguments)
        elif self.open is not None:
            raise ValueError(f"{clip(statement.command)!r} is no element and no sequence")
        elif re.split("[\"' ]", statement.command)[0] not in self.dialect.harmless:
            self.notes.add(f"the statement {clip(statement.command)!r} is left out")

    def leave_out(self, statement: Statement, why: str) -> None:
        """Note a statement that changes the machine in MAD, and is not executed.

        Raises:
            LatticeFileError: notes are not enough.
        """
        shown = clip(" ".join(statement.text.split()))
        if not self.lenient:
            said = f"{shown!r} is not executed: {why}; strict=False reads the file without it"
            raise wrong(statement.file, said, statement.row)
        self.notes.add(f"{shown!r} is not executed, line {statement.row}: {why}")

    def value(self, text: str) -> float:
        """The number that an expression is worth now."""
        return self.variables.evaluate(parse(text, self._resolve))

    def formula(self, argument: Argument) -> Formula:
        """A number; or an expression where it is deferred."""
        found = parse(argument.text, self._resolve)
        if argument.deferred or self.dialect.defers:
            return found
        try:
            return self.variables.evaluate(found)
        except TableError:  # an error only where the machine needs it
            return found

    def attribute(self, argument: Argument) -> Value:
        """The value of an attribute."""
        if argument.name in WORDS:
            return unquote(argument.text).lower()
        text = argument.text
        if text[:1] in "\"'":
            return unquote(text)
        if text[0] == "{" or (text[0] == "(" and argument.name in ("knl", "ksl", "aperture")):
            parts = split_outside_brackets(text[1:-1])
            return tuple(self.formula(argument._replace(text=p)) for p in parts if p)
        return self.formula(argument)

    def _resolve(self, name: str) -> Formula:
        """What a name in an expression stands for."""
        if name in CONSTANTS:
            return CONSTANTS[name]
        return Expression.named(name)

    def _find(self, name: str) -> Formula:
        """What stands for a name that is no variable: an attribute, or nothing."""
        if "(" in name:
            raise TableError(f"{clip(name)} is computed by MAD, and not by the file")
        element, arrow, attribute = name.partition("->")
        if not arrow:
            self.undefined[name] = None
            return 0.0
        if element.startswith("beam"):
            return self.beams.attribute(element, attribute)
        owner = self.elements.get(element)
        attributes = owner.attributes if owner else self._sequence_attributes(element)
        if attributes is None:
            raise InvalidValueError(f"{clip(name)}: there is no element {clip(element)!r}")
        value = attributes.get(attribute, 0.0)
        if isinstance(value, (str, tuple)):
            raise InvalidValueError(f"{clip(name)} is no number")
        return value

    def _sequence_attributes(self, name: str) -> dict[str, Formula] | None:
        sequence = self.sequences.get(name)
        return None if sequence is None else {"l": sequence.length}

    def _assign(self, statement: Statement) -> None:
        (argument, *_) = statement.arguments
        name, arrow, attribute = statement.command.replace("[", "->").rstrip("]").partition("->")
        if arrow:
            # MAD-X evaluates these at once, whatever the sign
            told = argument._replace(name=attribute, deferred=False)
            if name.startswith("beam"):
                place, sequence = (statement.file, statement.row), name.partition("%")[2]
                self.beams.update(sequence, {attribute: self.attribute(told)}, self, place)
                self.variables.forget()
            elif name in self.elements:
                self._update(self.elements[name], (told,))
            elif name in self.sequences and attribute == "l":
                self.sequences[name] = replace(self.sequences[name], length=self.formula(told))
            else:
                raise ValueError(f"there is no element {clip(name)!r}")
        elif name not in CONSTANTS and name not in self._constants:  # which keep their values
            formula = self.formula(argument)
            if "int" in statement.qualifiers:
                formula = float(int(self.variables.evaluate(formula)))
            if "const" in statement.qualifiers:
                self._constants.add(name)
                formula = self.variables.evaluate(formula)
            self.variables.set(name, formula)

    def _update(self, definition: Definition, arguments: tuple[Argument, ...]) -> None:
        found = {a.name: self.attribute(a) for a in arguments if a.name}
        attributes = {**definition.attributes, **found}
        self.elements[definition.name] = replace(definition, attributes=attributes)
        self.variables.forget()

    def _define_line(self, statement: Statement) -> None:
        if statement.command in ("constant", "parameter") and self.dialect.defers:
            self._assign(replace(statement, label="", command=statement.label))
            return
        if statement.command != "line":
            raise ValueError(f"{clip(statement.command)!r} = ... stands after a label")
        # the commas of a list without brackets around it
        text = ",".join([statement.arguments[0].text, *(a.text for a in statement.arguments[1:])])
        line = Line.parse(statement.label, text, statement.file, statement.row)
        self.sequences.pop(line.name, None)
        self.lines.pop(line.name, None)
        self.lines[line.name] = line

    def _define(self, statement: Statement) -> None:
        command = self.dialect.keyword(statement.command, self.elements)
        if command == "sequence" or command in self.sequences:
            if self.open is not None:
                self._place(command, statement)
                return
            self.open = Sequence.start(statement, self)
            return
        label = statement.label
        if command not in self.elements and command not in self.dialect.classes:
            if self.open is not None and self._is_part(command):
                self._place(command, statement)
                return
            if command in self.dialect.harmless or command in self.dialect.commands:
                return  # a table of values, such as BETA0, under a name
            raise ValueError(f"{clip(command)!r} is no class of elements")
        known = self.elements.get(label)
        if self.open is None or known is None:  # else MAD keeps what has the name already
            parent = self.elements.get(command)
            attributes: dict[str, Any] = dict(parent.attributes) if parent else {}
            placing = ("at", "from") if self.open is not None else ()
            given = [a.name for a in statement.arguments if a.name]
            for name in given:
                if given.count(name) > 1:
                    raise ValueError(f"{name} is given twice; is a separator missing?")
            for argument in statement.arguments:
                if not argument.name:
                    attributes |= flag_attribute(argument.text, parent.base if parent else command)
                elif argument.name not in placing:
                    attributes[argument.name] = self.attribute(argument)
            base = parent.base if parent else command
            self.elements[label] = Definition(
                label, base, command, attributes, statement.file, statement.row
            )
            self.lines.pop(label, None)
            if known is not None:
                self.variables.forget()
        if self.open is not None:
            self._place(label, statement)

    def _may_stand(self, name: str) -> bool:
        return name in self.elements or self._is_part(name)

    def _is_part(self, name: str) -> bool:
        return name in self.sequences or name in self.lines

    def _place(self, name: str, statement: Statement) -> None:
        """Put an element or a sequence into the sequence that is open."""
        assert self.open is not None
        at = next((a for a in statement.arguments if a.name == "at"), None)
        entry = Entry(
            name,
            0.0 if at is None else self.formula(at),
            statement.word("from"),
            statement.file,
            statement.row,
        )
        if at is None:
            raise ValueError(f"{clip(name)} stands in a sequence without AT")
        self.open.entries.append(entry)
        for inner in self.sequences[name].entries if name in self.sequences else ():
            definition = self.elements.get(inner.name)
            if (
                definition is not None
                and definition.base == "rbend"
                and not self._bends(definition)
            ):
                self.straight.add(inner.name)

    def _bends(self, definition: Definition) -> bool:
        angle = definition.attributes.get("angle", 0.0)
        return not isinstance(angle, (str, tuple)) and self.variables.evaluate(angle) != 0
