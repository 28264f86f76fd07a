"""Make a lattice of elements whose parameters may be expressions of a file's variables."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.errors import PyJuTrackError
from ..core.unstated import is_stated
from ..elements import Element
from ..lattice.addresses import has_parameter
from ..lattice.expressions import Expression, Formula
from ..lattice.lattice import Lattice
from .errors import wrong
from .limits import ELEMENTS, require_below
from .variables import Variables

#: parameters as a file gives them: formulas, tuples of them, and the options of elements
Fields = dict[str, Any]
#: what fields of an element, or entries of them, are computed from
Formulas = dict[str, Expression]


class LatticeBuilder:
    """Collects elements in order; one that is placed again is the same object.

    Args:
        path: of the file, for messages.
        variables: of the file, as they are at its end.
    """

    def __init__(self, path: Path, variables: Variables) -> None:
        self._path, self._variables = path, variables
        self._elements: list[Element] = []
        self._named: dict[str, tuple[Element, Formulas]] = {}
        self._counts: dict[str, int] = {}

    def make(
        self,
        kind: type[Element],
        name: str,
        fields: Fields,
        row: int | None = None,
        file: Path | None = None,
    ) -> Element:
        """An element, and what its parameters follow; those of one name must be alike.

        Errors name the row, of another file than that of the lattice if there is one.

        A name that another element has, as anonymous drifts do, is made its own by a number.

        Raises:
            LatticeFileError: the kind refuses a value, or an expression has none.
        """
        numbers: Fields = {}
        formulas: Formulas = {}
        try:
            for field, value in fields.items():
                if isinstance(value, tuple) and field in kind.series:
                    settled = [self._variables.settle(entry) for entry in value]
                    numbers[field] = tuple(number for _, number in settled)
                    for n, (entry, _) in enumerate(settled):
                        if isinstance(entry, Expression):
                            formulas[f"{field}[{n}]"] = entry
                elif isinstance(value, Expression):
                    entry, numbers[field] = self._variables.settle(value)
                    assert isinstance(entry, Expression)
                    formulas[field] = entry
                else:
                    numbers[field] = value
            element = kind(**numbers, name=name)
        except (PyJuTrackError, TypeError, ValueError) as error:
            said = f"{kind.__name__} {name!r}: {error}"
            raise wrong(file or self._path, said, row) from error
        if not name and not formulas:
            return element
        if not name:
            element = replace(element, name=self._next_name("element"))
        while element.name in self._named:
            if self._named[element.name] == (element, formulas):
                return self._named[element.name][0]
            element = replace(element, name=self._next_name(element.name))
        name = element.name
        self._named[name] = element, formulas
        return element

    def place(self, element: Element) -> None:
        """Put an element at the end of the lattice.

        Raises:
            LatticeFileError: there are more elements than a machine may have.
        """
        self._elements.append(element)
        if not len(self._elements) % 1000:
            require_below(self._path, "elements", len(self._elements), ELEMENTS)

    def lattice(self) -> Lattice:
        """The lattice of what was placed, with the variables that have values.

        Raises:
            LatticeFileError: nothing was placed, or an expression cannot be had.
        """
        if not self._elements:
            raise wrong(self._path, "the line is empty")
        require_below(self._path, "elements", len(self._elements), ELEMENTS)
        placed = {element.name for element in self._elements}
        bound = {
            f"{name}.{field}": formula
            for name, (_, formulas) in self._named.items()
            if name in placed
            for field, formula in formulas.items()
        }
        self._variables.define_needed(bound.values())
        known = self._variables.known()
        self._variables.define_needed(known.values())
        known = self._variables.known()
        if not known:
            return Lattice(self._elements)
        names = _new_names(known, self._elements)
        return Lattice(
            self._elements,
            variables={names.get(n, n): _rename(f, names) for n, f in known.items()},
            expressions={address: formula.renamed(names) for address, formula in bound.items()},
        )

    def _next_name(self, stem: str) -> str:
        count = self._counts.get(stem, 1) + 1
        self._counts[stem] = count
        return f"{stem}_{count}"


def states_zero(kind: type[Element], name: str, value: Any) -> bool:
    """Return whether a number is given to a field that else counts as not given."""
    fields = kind.__dataclass_fields__
    return name in fields and not is_stated(fields[name].default) and is_stated(value)


def _new_names(variables: Collection[str], elements: Iterable[Element]) -> dict[str, str]:
    """Other names for variables that have the address of a parameter: q1_k1 for q1.k1."""
    named = {element.name: [element] for element in elements}
    found: dict[str, str] = {}
    for name in variables:
        if has_parameter(named, name):
            new = re.sub(r"\W+", "_", name)
            while new in variables or new in found.values():
                new += "_"
            found[name] = new
    return found


def _rename(formula: Formula, names: Mapping[str, str]) -> Formula:
    return formula.renamed(names) if isinstance(formula, Expression) else formula
