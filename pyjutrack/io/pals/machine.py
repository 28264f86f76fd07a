"""Constants and variables of a PALS file, and the expressions that use them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...core.errors import InvalidValueError, PyJuTrackError, UnknownNameError, unknown
from ...lattice.expressions import Expression, Formula
from ...lattice.formulas import OWN as OWN_LANGUAGE
from ..errors import clip, wrong
from ..record import Notes
from ..variables import Variables
from . import language
from .yaml_tree import Table

_ERRORS = ("absolute_error", "relative_error")
_PARAMETER = re.compile(r"[A-Za-z_]\w*>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
#: of the entry that keeps names which PALS does not allow
OWN = "pyjutrack"


class Machine:
    """What names stand for.

    Attributes:
        notes: of what is left out.
        variables: of the file, those of controllers as "controller>variable".
        find_parameter: gives what stands for "element>Group.parameter", or None.
        followed: parameters of elements, "element>Group.parameter", that expressions name.
    """

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.variables = Variables(self._find)
        self.find_parameter: Callable[[str], Formula | None] = lambda _: None
        self.followed: set[str] = set()
        self._places: dict[str, tuple[Path, int]] = {}
        self._species: dict[str, str] = {}
        self._own_names: dict[str, str] = {}

    def read(self, value: Any, local: Mapping[str, Formula] | None = None) -> Formula:
        """A number or an expression of the file.

        Args:
            value: as it stands there.
            local: names that mean something else here.

        Raises:
            InvalidValueError, UnknownNameError: it is none.
        """
        if isinstance(value, Expression):
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise InvalidValueError(f"must be a number, got {clip(repr(value))}")
        if not isinstance(value, str):
            return float(value)
        self.variables.spend(len(value))

        def resolve(name: str) -> Formula:
            if local and name in local:
                if isinstance(held := local[name], Expression):
                    self.variables.spend(10 * len(held.code))
                return held
            if name in self._species:
                raise InvalidValueError(f"{name} is the name of a species, and no number")
            return Expression.named(self._own_names.get(name, name))

        return language.parse(value, resolve, self._species, self._say(clip(value)))

    def value(self, formula: Formula) -> float:
        """The number that a formula is worth now."""
        return self.variables.evaluate(formula)

    def species(self, name: str) -> str:
        """The name of a species that a constant may stand for."""
        return self._species.get(name, name)

    def define_all(self, kind: str, entries: Any, path: Path, line: int) -> None:
        """Define what stands under `constants` or `variables`: keys, or a list of them."""
        for table in entries if isinstance(entries, list) else [entries]:
            if not isinstance(table, Table):
                raise wrong(path, f"{kind} must hold names and values", line)
            for name, value in table.items():
                # `name:: value` stands in the standard
                self.define(kind, name.rstrip(":"), value, table.file or path, table.at(name))

    def define_one(self, name: str, table: Table, path: Path) -> None:
        """Define a constant that is an entry by itself."""
        for error in _ERRORS:
            if table.get(error):
                self.notes.add(f"{error} = {table[error]} is left out", name, "constant")
        self.define("constants", name, table.get("value"), path, table.line)

    def define(self, kind: str, name: str, value: Any, path: Path, line: int) -> None:
        """Define a constant or a variable; one that has its value already stays.

        Raises:
            LatticeFileError: it has another value, or this is no number and no expression.
        """
        try:
            language.require_free(name)
            if isinstance(value, str) and _is_species(value):
                if self._species.setdefault(name, value) != value or name in self.variables:
                    raise InvalidValueError("it is defined twice")
                return
            formula = 0.0 if value is None else self.read(value)
            if isinstance(formula, float) and not math.isfinite(formula):
                raise InvalidValueError(f"must be finite, got {formula}")
        except UnknownNameError as error:  # of a species
            self.notes.add(f"has no value: {error}", name, kind)
            return
        except (PyJuTrackError, ValueError) as error:
            raise wrong(path, f"{kind}: {clip(name)}: {error}", line) from error
        name = self._own_names.get(name, name)
        if name in self._species or self.variables.formulas.get(name, formula) != formula:
            raise wrong(path, f"{kind}: {clip(name)!r} is defined twice", line)
        self.set(name, formula, path, line)

    def set(self, name: str, formula: Formula, path: Path, line: int) -> None:
        """Give a variable its value, and the place to name where it has none."""
        self._places[name] = path, line
        self.variables.set(name, formula)

    def require_values(self) -> None:
        """Raise LatticeFileError for a variable that has no value, or needs its own."""
        for name, (path, line) in self._places.items():
            try:
                self.variables.evaluate(Expression.named(name))
            except (PyJuTrackError, ValueError) as error:
                raise wrong(path, f"{clip(name)}: {error}", line) from error

    def keep_names(self, table: Table, path: Path) -> None:
        """Take names that this package wrote, with what they stand for in a lattice."""
        names = table.get("variables")
        if not isinstance(names, Table):
            raise wrong(path, "the names of variables are missing", table.line)
        for name, own in names.items():
            if not isinstance(own, str) or not own or "`" in own or own in OWN_LANGUAGE.constants:
                said = f"{clip(repr(own))} is no name of a variable"
                raise wrong(path, said, names.at(name))
            self._own_names[name] = own

    def _find(self, name: str) -> Formula:
        found = self.find_parameter(name) if ">" in name else None
        if found is None:
            raise unknown("constant, variable or parameter", clip(name), self.variables.formulas)
        return found

    def _say(self, where: str) -> Callable[[str], None]:
        return lambda message: self.notes.add(f"{where}: {message}")


def _is_species(text: str) -> bool:
    """Return whether a text is the name of a species, "#3He" among those that are not known."""
    if text.startswith("#"):
        return True
    try:
        language.find_species(text)
    except PyJuTrackError:
        return False
    return True


def collect_parameters(value: Any, found: set[str]) -> None:
    """Parameters of elements that expressions name."""
    if isinstance(value, str):
        if ">" in value:
            found.update(match[0] for match in _PARAMETER.finditer(value))
    elif isinstance(value, list):
        for entry in value:
            collect_parameters(entry, found)
    elif isinstance(value, Table):
        for key, entry in value.items():
            if key != "parameter":
                collect_parameters(entry, found)
