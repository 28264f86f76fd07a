"""Lattices of what PALS files say of elements."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ...core.errors import InvalidValueError
from ...core.names import unused_name
from ...elements import Element
from ...lattice.expressions import Expression, Formula
from ...lattice.lattice import Lattice
from ..builder import LatticeBuilder
from ..errors import clip, placed_errors
from .machine import Machine
from .source import Made
from .yaml_tree import Table


class Part(NamedTuple):
    """An element of a line.

    Attributes:
        name: in the file.
        made: what it is made of.
        harmonic: its harmonic number, or 0.
        table: where it stands.
    """

    name: str
    made: Made
    harmonic: Formula
    table: Table


class Builder:
    """Makes the elements of a lattice, each once."""

    def __init__(self, path: Path, machine: Machine) -> None:
        self._path, self._machine = path, machine
        self._builder = LatticeBuilder(path, machine.variables)

    def lattice(self, parts: list[Part]) -> Lattice:
        """The lattice of parts.

        Elements of one name may differ, unless a parameter of one is an expression, which would be
        that of all: those then get a name of their own, and a note.
        """
        bound = {_name(part) for part in parts if _follows(part.made.fields)}
        taken = {_name(part) for part in parts}
        first: dict[str, Made] = {}
        elements: dict[int, Element] = {}
        for part in parts:
            if id(part) not in elements:
                name = _name(part)
                if name in bound and first.setdefault(name, part.made) != part.made:
                    own = unused_name(name, taken)
                    taken.add(own)
                    said = f"differs from another one of its name; read as {own!r}"
                    self._machine.notes.add(said, name, part.made.kind.__name__)
                    name = own
                elements[id(part)] = self._make(part, name, name in bound or name != _name(part))
            self._builder.place(elements[id(part)])
        return self._builder.lattice()

    def _make(self, part: Part, name: str, follows: bool) -> Element:
        file = part.table.file or self._path
        kind = part.made.kind
        with placed_errors(file, part.table.line, part.name):
            fields = {
                f: v if f in (*kind.knobs, *kind.placement) else self._fix(part, f, v)
                for f, v in part.made.fields.items()
                if f != "name"
            }
            if follows and "`" in name:
                raise InvalidValueError("a name with ` cannot have expressions")
            if follows:
                return self._builder.make(kind, name, fields, part.table.line, file)
            return kind(**fields, name=name)

    def _fix(self, part: Part, field: str, value: Any) -> Any:
        """The value now of a field that cannot follow an expression, which is noted."""
        if isinstance(value, tuple):
            return tuple(self._fix(part, field, entry) for entry in value)
        if not isinstance(value, Expression):
            return value
        said = f"{field} keeps its value, whatever becomes of {clip(str(value))}"
        self._machine.notes.add(said, part.name, part.made.kind.__name__)
        return self._machine.value(value)


def _name(part: Part) -> str:
    name = part.made.fields.get("name", part.name)
    return str(name)


def _follows(fields: dict[str, Any]) -> bool:
    return any(
        isinstance(entry, Expression)
        for value in fields.values()
        for entry in (value if isinstance(value, tuple) else (value,))
    )
