"""The lines of a PALS file, expanded: sublines, repetition, inheritance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...core.errors import unknown
from ...lattice.expressions import Formula
from ..errors import clip, wrong
from ..limits import ELEMENTS, require_below, require_nesting
from .controllers import Controllers
from .files import EXPAND
from .machine import OWN, Machine, collect_parameters
from .merge import merge, with_lines
from .settings import LOOK, Setting, formula_at
from .yaml_tree import Table

#: of a line's item, and not of the element
ITEM = ("repeat", "direction", "placement", "inherit")
#: entries that change the machine in ways that are not followed
REFUSED = ("superimpose", "controllers")
#: names of entries that mean something by themselves
WORDS = ("use", EXPAND, "include", "load", "set", "sets", "constants", "variables", *REFUSED)
_FIELDLESS = ("Drift", "Marker", "Instrument", "Mask", "Placeholder", "BeamLine")
Defined = dict[str, Table]


class Facility:
    """Definitions of a PALS file, by name.

    Attributes:
        defined: elements and lines.
        controllers: of the file.
        later: what is set after the lattice is expanded.
        chosen: the name that a `use` statement gives, or None.
    """

    def __init__(self, path: Path, pals: Table, machine: Machine) -> None:
        self.path, self.machine = path, machine
        self.defined: Defined = {}
        self.controllers = Controllers(machine)
        self.later: list[Setting] = []
        self.chosen: str | None = None
        self.expansions: dict[str, list[tuple[str, Table]]] = {}
        self.total = 0
        self._expanded = False
        self._placed: dict[str, list[Table]] = {}
        self._first: Defined = {}
        machine.find_parameter = self._parameter
        for key in ("constants", "variables", *REFUSED):
            if key in pals:
                self._take(key, pals[key], pals.file or path, pals.at(key))
        entries = pals.get("facility")
        if not isinstance(entries, list) or not entries:
            raise wrong(path, "PALS needs a facility, a list of elements and lines")
        collect_parameters(entries, machine.followed)
        for entry in entries:
            if entry == EXPAND:
                self._expanded = True
            elif not isinstance(entry, Table):
                raise wrong(path, f"an entry must define something, got {clip(repr(entry))}")
            else:
                for name, value in entry.items():
                    self._take(name, value, entry.file or path, entry.at(name))
        self.controllers.settle()

    def _take(self, name: str, value: Any, file: Path, line: int) -> None:
        """Take an entry, by its name."""
        notes = self.machine.notes
        if name == "use":
            self.chosen = str(value).split("::")[-1]
        elif name in ("set", "sets"):
            for setting in Setting.parse_all(name, value, file, line):
                if self._expanded:
                    self.later.append(setting)
                else:
                    self._set(setting)
        elif name in ("constants", "variables"):
            self.machine.define_all(name, value, file, line)
        elif name in REFUSED:
            raise wrong(file, f"{name!r} is not understood; write out what it does", line)
        elif not isinstance(value, Table):
            notes.add("has no counterpart; left out", name)
        elif name in self.defined:
            first = self.defined[name].line - 1
            raise wrong(file, f"{name!r} is defined twice, first in line {first}", line)
        elif value.get("kind") == "Controller":
            self.controllers.add(name, value, file)
        elif value.get("kind") in ("constant", "Constant"):
            self.machine.define_one(name, value, file)
        elif value.get("extension") == OWN:
            self.machine.keep_names(value, file)
        elif "kind" in value or "inherit" in value:
            self.defined[name] = value
            self._place(name, value)
        else:
            notes.add("is no element and no line; left out", name)

    def _set(self, setting: Setting) -> None:
        """Set a parameter of every definition up to here that a pattern fits."""
        target = setting.target
        names = self._placed if target.names is None else dict.fromkeys(target.names)
        fitted = False
        for name in list(names):
            for table in self._placed.get(name, ()):
                self.machine.variables.spend(LOOK)
                whole = self.inherit(table, self._first)
                if target.fits(name, str(whole.get("kind"))):
                    made = setting.change(self.machine, whole)
                    table.clear()
                    for key, value in made.items():
                        table.put(key, value, made.at(key))
                    fitted = True
        if not fitted:
            raise target.error("no element up to here has such a name")

    def _place(self, name: str, table: Table) -> None:
        """Remember the elements that an entry defines, those in lines among them."""
        waiting = [(name, table)]
        while waiting:
            name, table = waiting.pop()
            kind = str(table.get("kind"))
            if kind not in ("BeamLine", "Lattice"):
                self._placed.setdefault(name, []).append(table)
                self._first.setdefault(name, table)
            items = table.get({"BeamLine": "line", "Lattice": "branches"}.get(kind, ""))
            for item in reversed(items if isinstance(items, list) else []):
                for inner, value in item.items() if isinstance(item, Table) else ():
                    if isinstance(value, Table) and ("kind" in value or "inherit" in value):
                        waiting.append((inner, value))

    def _parameter(self, name: str) -> Formula | None:
        """What `element>Group.parameter` stands for, as it is defined; None if there is none."""
        element, _, parameter = name.partition(">")
        if element not in self._first:
            return None
        whole = self.inherit(self._first[element], self._first)
        return formula_at(self.machine, whole, tuple(parameter.split(".")))

    def root(self, asked: str | None) -> str:
        """The line to expand: the one asked for, that of the lattice in use, or the only one."""
        lattices = [n for n, table in self.defined.items() if table.get("kind") == "Lattice"]
        lines = [n for n, table in self.defined.items() if table.get("kind") == "BeamLine"]
        name = asked or self.chosen or (lattices[-1] if lattices else None)
        if name is None:
            inside = {_item(self.path, i)[0] for n in lines for i in self._items(n)}
            tops = [n for n in lines if n not in inside] or lines
            if len(tops) != 1:
                said = (
                    f"several lines, name one with line=: {', '.join(tops)}" if tops else "no line"
                )
                raise wrong(self.path, f"the file defines {said}")
            return tops[0]
        if name not in (*lattices, *lines):
            raise wrong(self.path, str(unknown("line", name, [*lattices, *lines])))
        return name if name in lines else self._branch(name)

    def _branch(self, lattice: str) -> str:
        table = self.defined[lattice]
        branches = table.get("branches")
        branches = branches if isinstance(branches, list) else [branches]
        found = []
        for branch in branches:
            name, changes = _item(self.path, branch, table.at("branches"))
            if changes.get("kind") == "BeamLine":
                self.defined.setdefault(name, changes)  # defined in place
            found.append(str(changes.get("inherit", name)))
        if len(found) != 1:
            said = f"has {len(found)} branches; name one with line=: {', '.join(found)}"
            raise wrong(self.path, f"lattice {lattice!r} {said}", table.line)
        lines = [n for n, t in self.defined.items() if t.get("kind") == "BeamLine"]
        if found[0] not in lines:
            raise wrong(self.path, str(unknown("line", found[0], lines)), table.at("branches"))
        return found[0]

    def _items(self, line: str) -> list[Any]:
        table = self.defined[line]
        items = table.get("line")
        if not isinstance(items, list):
            raise wrong(self.path, f"line {line!r} must hold a list named 'line'", table.line)
        return items

    def expand(self, line: str, around: tuple[str, ...] = ()) -> list[tuple[str, Table]]:
        """Expand a line into its elements, in order, with all that they inherit; each line once."""
        require_nesting(self.path, len(around), self.defined[line].line)
        if line not in self.expansions or line in around:
            self.expansions[line] = self._expansion(line, around)
        return self.expansions[line]

    def _expansion(self, line: str, around: tuple[str, ...]) -> list[tuple[str, Table]]:
        if line in around:
            chain = " -> ".join([*around[around.index(line) :], line])
            raise wrong(self.path, f"cyclic lines: {chain}", self.defined[line].line)
        local: Defined = {}
        found: list[tuple[str, Table]] = []
        for item in self._items(line):
            name, changes = _item(self.path, item, self.defined[line].at("line"))
            count = changes.get("repeat", 1)
            if isinstance(count, bool) or not isinstance(count, int):
                raise wrong(
                    self.path, f"repeat must be an integer, got {count!r}", changes.at("repeat")
                )
            if "placement" in changes:
                raise wrong(self.path, f"the placement of {name!r} is not understood", changes.line)
            parts = list(self._parts(name, changes, local, (*around, line)))
            total = len(found) + len(parts) * abs(count)
            at = changes.at("repeat") or self.defined[line].line
            require_below(self.path, f"elements of line {line!r}", total, ELEMENTS, at)
            self.total += len(parts) * abs(count)
            require_below(self.path, "elements of all lines", self.total, 10 * ELEMENTS, at)
            direction = changes.get("direction", 1)
            if direction not in (1, -1):
                raise wrong(
                    self.path,
                    f"direction must be 1 or -1, got {direction!r}",
                    changes.at("direction"),
                )
            if direction == -1:
                for part, table in parts:
                    if table.get("kind") not in _FIELDLESS:
                        raise wrong(
                            self.path,
                            f"direction -1 turns the field of {part!r} round, which is not "
                            "understood; repeat: -1 reverses the order alone",
                            changes.line,
                        )
            back = (count < 0) != (direction == -1)
            found.extend((parts[::-1] if back else parts) * abs(count))
        return found

    def _parts(
        self, name: str, changes: Table, local: Defined, around: tuple[str, ...]
    ) -> Iterator[tuple[str, Table]]:
        base = str(changes.get("inherit", name))
        if "kind" not in changes and base in self.defined:
            found = self.defined[base]
            if found.get("kind") == "BeamLine":
                yield from self.expand(base, around)
                return
        own = {k: v for k, v in changes.items() if k not in ITEM or k == "inherit"}
        if "kind" in changes or "inherit" in changes:
            table = with_lines(changes, own)
            local.setdefault(name, table)
            yield name, self.inherit(table, local)
        elif name in self.defined or name in local:
            inherited = self.inherit(self.defined.get(name) or local[name], local)
            # one object wherever it stands unchanged, so that it is converted once
            yield name, merge(inherited, with_lines(changes, own)) if own else inherited
        else:
            known = [*self.defined, *local]
            line = changes.line or None
            raise wrong(self.path, str(unknown("element or line", name, known)), line)

    def inherit(self, table: Table, local: Defined, around: tuple[int, ...] = ()) -> Table:
        """A definition with what it inherits."""
        if "inherit" not in table:
            return table
        base = str(table["inherit"])
        found = self.defined.get(base) or local.get(base)
        if found is None:
            said = str(unknown("element to inherit from", base, [*self.defined, *local]))
            raise wrong(self.path, said, table.at("inherit"))
        require_nesting(self.path, len(around), table.line)
        if id(found) in around or found is table:
            raise wrong(self.path, f"{base!r} inherits from itself", table.at("inherit"))
        return merge(self.inherit(found, local, (*around, id(table))), table)


def _item(path: Path, item: Any, line: int = 0) -> tuple[str, Table]:
    """Name and changes of an item of a line."""
    if isinstance(item, str):
        return item, Table(line)
    if isinstance(item, Table) and len(item) == 1:
        ((name, changes),) = item.items()
        if changes is None:
            return name, Table(item.line)
        if isinstance(changes, Table):
            return name, changes
    at = item.line if isinstance(item, Table) else line
    raise wrong(
        path,
        f"an item must be a name, or a name and its parameters, got {clip(repr(item))}",
        at,
    )
