"""Lattices as PALS files in YAML."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...beam.reference import Reference
from ...core.atomic import write_text
from ...core.errors import warn
from ...core.names import unused_name
from ...core.scalars import to_float
from ...elements import Element
from ...lattice.expressions import Expression
from ...lattice.lattice import Lattice
from ..errors import LatticeWarning
from ..fields import changed_fields, name_kind, plain, to_number
from ..record import Notes
from .kinds import KINDS
from .language import CONSTANTS, strange_functions, write
from .lines import WORDS
from .machine import OWN, Machine
from .source import Source, plain_value
from .write_kinds import formulas, standard
from .yaml_tree import Table

Plain = dict[str, Any]


def write_pals(path: str | Path, lattice: Lattice, reference: Reference | None = None) -> None:
    """Write a lattice as a PALS file in YAML, whole or not at all.

    Variables and expressions are those of the file. Options of the package's own stand in
    `TrackingP: {pyjutrack: {...}}`, so that `read_pals` gives the lattice back; floats that went
    through a product may differ in the last digit. Warns of what other programs cannot read of it.

    Raises:
        InvalidValueError: a parameter carries derivatives.
    """
    import yaml  # only where a file is one

    notes = Notes()
    writer = _Writer(lattice, reference, notes)
    # what stands in the file, by its name there, and the words that PALS keeps
    defined = dict.fromkeys(WORDS, "")
    facility: list[Plain] = list(writer.variables(defined))
    line: list[str] = []
    if reference is not None:
        beginning = unused_name("beginning", defined)
        facility.append({beginning: _beginning(reference)})
        defined[beginning] = ""
        line.append(beginning)
    given = {element.name for element in lattice if _NAME.fullmatch(element.name)}
    for element in lattice:
        table = _describe(writer, element)
        name = _name(element, table, defined, given)
        if name not in defined:
            defined[name] = repr(table)
            facility.append({name: _with_name(table, element.name, name)})
        line.append(name)
    root = unused_name("all_of_it", defined)
    facility += [{root: {"kind": "BeamLine", "line": line}}]
    machine = unused_name("machine", defined)
    facility += [{machine: {"kind": "Lattice", "branches": [root]}}, {"use": machine}]
    data = {"PALS": {"version": None, "facility": writer.as_text(facility)}}
    text = yaml.safe_dump(data, sort_keys=False, width=100, allow_unicode=True)
    write_text(Path(path), text)
    for note in notes.all:
        warn(f"{path}: {note}", LatticeWarning)


class _Writer:
    """What is written, and the names of its variables in the file.

    Attributes:
        reference: of the line, or None.
        notes: what other programs read otherwise.
        expressions: of variables and parameters.
        machine: for reading back what is written.
    """

    def __init__(self, lattice: Lattice, reference: Reference | None, notes: Notes) -> None:
        self.reference, self.notes = reference, notes
        self._lattice = lattice
        self.expressions = {a: e for a, e in lattice.expressions.items() if self._can(a, e)}
        self.machine = Machine(Notes())
        self._names: dict[str, str] = {}
        taken = {*CONSTANTS, "PARAMETER", "SELF"}
        plain_names = {n for n in lattice.variables if _NAME.fullmatch(n) and n not in taken}
        for name, value in lattice.variables.items():
            self.machine.variables.set(name, to_number(name, value))
            stem = re.sub(r"\W", "_", name, flags=re.ASCII)
            stem = stem if _NAME.fullmatch(stem) else f"_{stem}"
            own = name if name in plain_names else unused_name(stem, taken | plain_names)
            taken.add(own)
            self._names[name] = own

    def _can(self, address: str, formula: Expression) -> bool:
        """Return whether an expression follows variables alone."""
        others = [name for name in formula.names if name not in self._lattice.variables]
        if others:
            said = f"{address} follows the parameter {others[0]}; it is written as a number, give "
            self.notes.add(said + "both a variable to keep it")
        for name in strange_functions(formula):
            self.notes.add(f"PALS has no function {name!r}, which {address} needs")
        return not others

    def variables(self, defined: Mapping[str, str]) -> Iterator[Plain]:
        """The entries that define the variables."""
        renamed = {own: name for name, own in self._names.items() if own != name}
        if renamed:
            entry = {"extension": OWN, "variables": renamed}
            yield {unused_name("names_of_variables", defined): entry}
        if self._names:
            values = self.machine.variables.formulas
            yield {
                "variables": {
                    own: self.expressions.get(name, values[name])
                    for name, own in self._names.items()
                }
            }

    def as_text(self, value: Any) -> Any:
        """Tables and lists with expressions as text."""
        if isinstance(value, dict):
            return {key: self.as_text(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self.as_text(entry) for entry in value]
        return write(value, self._names) if isinstance(value, Expression) else value


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _name(element: Element, table: Plain, defined: dict[str, str], given: set[str]) -> str:
    """The name in the file: the element's own, unless PALS has no such name or it is taken."""
    stem = re.sub(r"\W", "_", element.name, flags=re.ASCII) or type(element).__name__.lower()
    stem = stem if _NAME.match(stem) else f"_{stem}"
    number, name = 1, stem
    described = repr(table)
    while defined.get(name, described) != described or (name in given and name != element.name):
        number, name = number + 1, f"{stem}_{number + 1}"
    return name


def _with_name(table: Plain, name: str, written: str) -> Plain:
    """Add the element's name to the table, where the file has another."""
    if name == written:
        return table
    own = table.get("TrackingP", {}).get("pyjutrack", {})
    return {**table, "TrackingP": {"pyjutrack": {"name": name, **own}}}


def _beginning(reference: Reference) -> Plain:
    species = reference.species
    name = re.sub("^anti(?!-|muon)", "anti-", species.name)
    own = {"species": species.name, "mass": species.mass, "charge": species.charge}
    return {
        "kind": "BeginningEle",
        "ReferenceP": {"species_ref": name, "pc_ref": to_float(reference.p0c)},
        "TrackingP": {"pyjutrack": own},
    }


def _describe(writer: _Writer, element: Element) -> Plain:
    """Describe an element in PALS, and under TrackingP what PALS has no word for."""
    say = writer.notes.for_element(element.name, type(element).__name__)
    given = formulas(element, writer.expressions)
    table = standard(element, given, writer.reference, say)
    source = Source(
        Path(), element.name, _table(table), writer.reference, lambda _: None, writer.machine
    )
    made = KINDS[table["kind"]](source)
    own: Plain = {}
    if made.kind is not type(element):
        own = {"kind": name_kind(type(element)), **changed_fields(element), **given}
    else:
        numbers = {name: plain_value(source, value) for name, value in made.fields.items()}
        back = made.kind(**numbers)
        for name in {**changed_fields(element), **changed_fields(back), **given, **numbers}:
            ours = given.get(name, plain(element, name))
            theirs = made.fields.get(name)
            theirs = list(theirs) if isinstance(theirs, tuple) else theirs
            if not _has_expression(theirs):
                theirs = plain(back, name)
            if not _close(ours, theirs):
                own[name] = ours
    return {**table, "TrackingP": {"pyjutrack": own}} if own else table


def _has_expression(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_expression, value))
    return isinstance(value, Expression)


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=2e-15)
    return bool(a == b)


def _table(values: Plain) -> Table:
    table = Table(0)
    for key, value in values.items():
        table.put(key, _table(value) if isinstance(value, dict) else value, 0)
    return table
