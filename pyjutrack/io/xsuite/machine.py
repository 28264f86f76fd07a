"""What a file of Xsuite says of its elements: attributes as numbers or as expressions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ...core.errors import InvalidValueError
from ...lattice.expressions import Expression, Formula
from ..errors import clip, wrong
from ..limits import ORDER, require_below
from ..record import Notes
from ..variables import Variables
from .language import Parameter, Variable, is_remark, parse, parse_reference
from .layout import Layout, Record
from .source import CLASS
from .values import define, is_name

#: parameters that name parameters, and operations of one that is named
_DEEPEST, _LONGEST = 30, 10_000
#: a field of an element, and the place in it of an entry
_Place = tuple[str, int | None]


class Machine:
    """The elements of a line with their expressions, which are read when they are needed.

    Attributes:
        path: of the file, for messages.
        elements: as they stand in the file.
        names: of those in the line, in order.
        variables: of the file.
        exact_drifts: see `Layout`.
        notes: takes what cannot be represented.
    """

    def __init__(self, path: Path, layout: Layout, notes: Notes) -> None:
        self.path, self.notes = path, notes
        self.elements, self.names = layout.elements, layout.names
        self.exact_drifts = layout.exact_drifts
        self.variables = Variables()
        self._values = layout.values
        self._texts: dict[str, dict[_Place, str]] = {}
        self._formulas: dict[tuple[str, _Place], Formula | None] = {}
        self._open: dict[tuple[str, _Place], None] = {}
        computed: dict[str, str] = {}
        for target, text in layout.expressions:
            found = parse_reference(target)
            if isinstance(found, Variable):
                computed[found.name] = text
            elif found is None and not is_remark(target):
                notes.add(f"{clip(target)} = {clip(text)} is left out")
            elif found is not None and found.line in ("", layout.line):
                self._texts.setdefault(found.name, {})[found.field, found.place] = text
        define(self.variables, layout.values, computed, self._resolve, notes)

    def kind(self, name: str) -> str:
        """The class of an element.

        Raises:
            LatticeFileError: it has none.
        """
        found = self.elements[name].get(CLASS)
        if not isinstance(found, str):
            raise wrong(self.path, f"the element {clip(name)!r} has no {CLASS}")
        return found

    def parent(self, name: str) -> str:
        """The element that a replica or a slice stands for.

        Raises:
            LatticeFileError: there is none, or it stands for itself.
        """
        passed = {name: None}
        while True:
            name = self.elements[name].get("parent_name", "")
            if not isinstance(name, str) or name not in self.elements:
                at, said = next(reversed(passed)), clip(repr(name))
                raise wrong(self.path, f"{clip(at)!r} has the parent {said}, which is no element")
            if name in passed:
                raise wrong(self.path, f"its own parent: {clip(' -> '.join([*passed, name]))}")
            if self.kind(name) != "Replica":
                return name
            passed[name] = None

    def attributes(self, name: str) -> Record:
        """The attributes of an element, with expressions in the place of their numbers."""
        stated = self.elements[name]
        found: Record = {}
        for key, value in stated.items():
            plain = key.removeprefix("_")  # older files have the names of Xsuite's storage
            if key != CLASS and (plain == key or plain not in stated):
                found[plain] = value
        for field, place in self._texts.get(name, ()):
            formula = self._formula(name, (field, place))
            if formula is None:
                continue
            if place is None:
                found[field] = formula
                continue
            require_below(self.path, f"order of {field} of {clip(name)}", place, ORDER)
            series = found.get(field)
            entries = list(series) if isinstance(series, list) else []
            entries += [0.0] * (place + 1 - len(entries))
            entries[place] = formula
            found[field] = entries
        return found

    def _formula(self, name: str, at: _Place) -> Formula | None:
        """What is computed at a place of an element; None if the expression cannot be read."""
        key = (name, at)
        if key not in self._formulas:
            self._open[key] = None
            try:
                self._formulas[key] = parse(self._texts[name][at], self._resolve)
            except InvalidValueError as error:
                said = f"{at[0]} keeps its value: {clip(str(error))}"
                self.notes.add(said, name, str(self.elements.get(name, {}).get(CLASS, "")))
                self._formulas[key] = None
            finally:
                del self._open[key]
        return self._formulas[key]

    def _resolve(self, reference: Variable | Parameter) -> Formula:
        """What a name in an expression stands for."""
        if isinstance(reference, Parameter):
            return self._entry(reference)
        if is_name(reference.name):
            return Expression.named(reference.name)
        value = self._values.get(reference.name)  # `pi` is a number, and no variable of a lattice
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"the variable {clip(reference.name)!r} has no value")
        return float(value)

    def _entry(self, reference: Parameter) -> Formula:
        """What an attribute that an expression names is computed from, or its value."""
        name, at = reference.name, (reference.field, reference.place)
        if name not in self.elements:
            raise ValueError(f"there is no element {clip(name)!r}")
        if (name, at) in self._open:
            circle = [f"{n}.{field}" for n, (field, _) in [*self._open, (name, at)]]
            raise ValueError(f"it needs its own value: {clip(' -> '.join(circle))}")
        if at in self._texts.get(name, {}):
            if len(self._open) > _DEEPEST:
                raise ValueError(f"parameters name parameters, above the limit of {_DEEPEST} deep")
            formula = self._formula(name, at)
            if isinstance(formula, Expression) and len(formula.code) > _LONGEST:
                raise ValueError(f"{clip(name)}.{at[0]} is longer than {_LONGEST:,} operations")
            if formula is not None:
                return formula
        found: Any = self.elements[name].get(reference.field, 0.0)
        if reference.place is not None and isinstance(found, list):
            found = found[reference.place] if reference.place < len(found) else 0.0
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            raise ValueError(f"{clip(name)}.{reference.field} is no number")
        self.notes.add(
            f"{clip(name)}.{reference.field} is a parameter that expressions name, and no "
            f"variable: they take its value, {found:g}"
        )
        if not math.isfinite(found):
            raise ValueError(f"{clip(name)}.{reference.field} is {found}")
        return float(found)
