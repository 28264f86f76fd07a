"""Controllers of PALS files, and elements as settings and controllers leave them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import PyJuTrackError
from ...lattice.expressions import Expression, Formula
from ..errors import clip, wrong
from .language import require_free
from .machine import Machine
from .settings import LOOK, Items, Setting, Target, changed, formula_at
from .yaml_tree import Table


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
                try:
                    formula = self.machine.read(entry.get("expression"), self._local(name))
                except (PyJuTrackError, ValueError) as error:
                    raise wrong(file, f"{name}: {error}", line) from error
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
        for target, formula in self.absolute:
            if target.fits(name, kind):
                used.add(id(target))
                before = totals[target.path][1] if target.path in totals else 0.0
                totals[target.path] = target, before + formula
        for target, change in self.relative:
            if target.fits(name, kind):
                used.add(id(target))
                if target.path in totals and any(
                    target.path == t.path and t.fits(name, kind) for t, _ in self.absolute
                ):
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
    for name, table in items:
        if (name, id(table)) in made:
            continue
        machine.variables.spend(LOOK * (1 + len(later) + len(controllers.targets)))
        new = table
        for setting in later:
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
