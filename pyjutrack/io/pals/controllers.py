"""Controllers of PALS files, and elements as settings and controllers leave them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from ...core.errors import PyJuTrackError
from ...lattice.expressions import Expression, Formula
from ..errors import clip, placed_errors, wrong
from .language import require_free
from .machine import Machine
from .settings import LOOK, Items, Setting, Target, changed, formula_at
from .yaml_tree import Table

T = TypeVar("T")


class _Index(Generic[T]):
    """What has a target, by the names of the elements that it may fit."""

    def __init__(self, entries: list[tuple[Target, T]]) -> None:
        self._named: dict[str, list[tuple[int, T]]] = {}
        self._other: list[tuple[int, T]] = []
        for n, (target, entry) in enumerate(entries):
            if target.names is None:
                self._other.append((n, entry))
            for name in dict.fromkeys(target.names or ()):
                self._named.setdefault(name, []).append((n, entry))

    def near(self, name: str, machine: Machine) -> list[T]:
        """What may fit an element, in order."""
        found = sorted([*self._named.get(name, ()), *self._other], key=lambda entry: entry[0])
        machine.variables.spend(LOOK * len(found))
        return [entry for _, entry in found]


@dataclass
class Controllers:
    """Controllers of a file, and what they make of elements."""

    machine: Machine
    absolute: list[tuple[Target, Formula]] = field(default_factory=list)
    relative: list[tuple[Target, Formula]] = field(default_factory=list)
    _tables: dict[str, tuple[Table, Path]] = field(default_factory=dict)

    def add(self, name: str, table: Table, file: Path) -> None:
        """Define the variables of a controller."""
        if name in self._tables:
            raise wrong(file, f"{clip(name)!r} is defined twice", table.line)
        with placed_errors(file, table.line):
            require_free(name)
        self._tables[name] = table, file
        given = table.get("variables") or Table(table.line, file)
        for part in given if isinstance(given, list) else [given]:
            if not isinstance(part, Table):
                raise wrong(file, f"{name}: variables must hold names and values", table.line)
            local = self._local(name)
            for variable in part:
                local[variable] = Expression.named(f"{name}>{variable}")
            for variable, value in part.items():
                try:
                    require_free(variable)
                    formula = 0.0 if value is None else self.machine.read(value, local)
                except (PyJuTrackError, ValueError) as error:
                    said = f"{name}: {clip(variable)}: {error}"
                    raise wrong(file, said, part.at(variable)) from error
                self.machine.set(f"{name}>{variable}", formula, file, part.at(variable))

    def _local(self, name: str) -> dict[str, Formula]:
        known = self.machine.variables.formulas
        start = f"{name}>"
        return {v[len(start) :]: Expression.named(v) for v in known if v.startswith(start)}

    def settle(self) -> None:
        """Read what they control; variables of other controllers are set here."""
        driven: dict[str, tuple[Formula, Path, int]] = {}
        waiting: list[tuple[bool, Target, Formula]] = []
        for name, (table, file) in self._tables.items():
            kind = table.get("control_type") or "ABSOLUTE"
            if kind not in ("ABSOLUTE", "RELATIVE"):
                said = f"{name}: control_type must be ABSOLUTE or RELATIVE, got {kind!r}"
                raise wrong(file, said, table.at("control_type"))
            controls = table.get("controls") or []
            for entry in controls if isinstance(controls, list) else [controls]:
                if not isinstance(entry, Table):
                    said = f"{name}: controls must hold parameters and expressions"
                    raise wrong(file, said, table.at("controls"))
                text, line = str(entry.get("parameter")), entry.line
                with placed_errors(file, line, name):
                    formula = self.machine.read(entry.get("expression"), self._local(name))
                if text.partition(">")[0] not in self._tables:
                    waiting.append((kind == "ABSOLUTE", Target.parse(text, file, line), formula))
                elif text not in self.machine.variables:
                    raise wrong(file, f"{name}: there is no variable {clip(text)!r}", line)
                elif kind == "RELATIVE":
                    said = f"{name}: RELATIVE control of {clip(text)} is not understood"
                    raise wrong(file, said, line)
                else:
                    before = driven[text][0] if text in driven else 0.0
                    driven[text] = before + formula, file, line
        for variable, place in driven.items():
            self.machine.set(variable, *place)
        for absolute, target, formula in waiting:
            if absolute:
                self.absolute.append((target, formula))
                continue
            try:  # nothing changes before a variable does
                change = formula - self.machine.value(formula)
            except (PyJuTrackError, ValueError) as error:
                raise target.error(error) from error
            self.relative.append((target, change))

    def change(self, name: str, table: Table) -> tuple[Table, set[int]]:
        """An element as they set it, and which of the targets fitted it."""
        kind = str(table.get("kind"))
        totals: dict[tuple[str, ...], tuple[Target, Formula]] = {}
        used: set[int] = set()
        for target, formula in self._absolute.near(name, self.machine):
            if target.fits(name, kind):
                used.add(id(target))
                before = totals[target.path][1] if target.path in totals else 0.0
                totals[target.path] = target, before + formula
        absolute = set(totals)
        for target, change in self._relative.near(name, self.machine):
            if target.fits(name, kind):
                used.add(id(target))
                if target.path in absolute:
                    raise target.error("ABSOLUTE and RELATIVE controllers both set it")
                try:
                    own = (
                        totals[target.path][1]
                        if target.path in totals
                        else formula_at(self.machine, table, target.path)
                    )
                except (PyJuTrackError, ValueError) as error:
                    raise target.error(error) from error
                totals[target.path] = target, own + change
        for target, formula in totals.values():
            table = changed(table, target, formula)
        return table, used

    @cached_property
    def _absolute(self) -> _Index[tuple[Target, Formula]]:
        return _Index([(entry[0], entry) for entry in self.absolute])

    @cached_property
    def _relative(self) -> _Index[tuple[Target, Formula]]:
        return _Index([(entry[0], entry) for entry in self.relative])

    @property
    def targets(self) -> list[Target]:
        """Everything that they set."""
        return [target for target, _ in (*self.absolute, *self.relative)]


def apply_all(
    items: Items, later: list[Setting], controllers: Controllers, machine: Machine
) -> Items:
    """The elements of a line as the last settings and the controllers leave them.

    What stands several times, unchanged, stays one object.
    """
    made: dict[tuple[str, int], Table] = {}
    used: set[int] = set()
    sets = _Index([(setting.target, setting) for setting in later])
    for name, table in items:
        if (name, id(table)) in made:
            continue
        new = table
        for setting in sets.near(name, machine):
            if setting.target.fits(name, str(table.get("kind"))):
                used.add(id(setting.target))
                new = setting.change(machine, new)
        new, fitted = controllers.change(name, new)
        used |= fitted
        made[name, id(table)] = new
    targets: Mapping[int, Target] = {
        id(t): t for t in (*(s.target for s in later), *controllers.targets)
    }
    for key, target in targets.items():
        if key not in used:
            said = f"sets {'.'.join(target.path)} of no element of the line"
            machine.notes.add(f"{target.file.name}:{target.line}: {said}")
    return [(name, made[name, id(table)]) for name, table in items]
