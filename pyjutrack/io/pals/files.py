"""A PALS file with the files that it includes and loads, as one tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..calls import find_called
from ..errors import clip, placed_errors, wrong
from ..limits import CALLS, FILES, VALUES, require_below, require_nesting
from .yaml_tree import Table, tree

_SELF = "SELF"
#: of a facility, after which entries concern the expanded lattice
EXPAND = "expand_lattice"


def combine(path: Path, folder: Path) -> Table:
    """The PALS node of a file, `include` and `load` followed.

    Args:
        path: of the file.
        folder: in which other files must lie.

    Raises:
        LatticeFileError: a file that is not there, lies elsewhere, or is no PALS; files that need
            each other; more of them than the limit.
    """
    return _Files(folder).load(path, path, None, ())


class _Files:
    """Counts what is read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = self._values = 0
        self._loaded: set[Path] = set()

    def load(self, file: Path, caller: Path, line: int | None, around: tuple[Path, ...]) -> Table:
        """The PALS node of a file, and of those that it loads, each once."""
        self._loaded.add(file.resolve())
        root = self._tree(file, caller, line, around, 0)
        pals = root.get("PALS") if isinstance(root, Table) else None
        if not isinstance(pals, Table):
            raise wrong(file, "no PALS file: it has no key 'PALS' with a facility under it")
        if "load" not in pals:
            return pals
        at = pals.at("load")
        names = pals["load"] if isinstance(pals["load"], list) else [pals["load"]]
        if names.count(_SELF) > 1:
            raise wrong(file, "load: SELF stands more than once", at)
        own = Table(pals.line, pals.file)
        for key, value in pals.items():
            if key != "load":
                own.put(key, value, pals.at(key))
        inner = (*around, file.resolve())
        parts: list[Table] = []
        for name in names if _SELF in names else [*names, _SELF]:
            if name == _SELF:
                parts.append(own)
                continue
            called = self._find(name, file, at, inner)
            if called not in self._loaded:
                parts.append(self.load(called, file, at, inner))
        return _merge(parts, file, at)

    def _find(self, name: Any, caller: Path, line: int, around: tuple[Path, ...]) -> Path:
        with placed_errors(caller, line):
            if not isinstance(name, str):
                raise ValueError(f"{clip(repr(name))} is no name of a file")
            found = find_called(name, caller, self._folder)
        if found in around:
            raise wrong(caller, f"{clip(name)!r} is read by itself", line)
        if found.suffix.lower() not in (".yaml", ".yml"):
            raise wrong(caller, f"{clip(name)!r} is not understood, only files of YAML", line)
        return found

    def _tree(
        self, file: Path, caller: Path, line: int | None, around: tuple[Path, ...], depth: int
    ) -> Any:
        """The content of a file, with what it includes."""
        self._read += 1
        require_below(caller, "files that are read", self._read - 1, FILES, line)
        require_below(caller, "files in each other", len(around), CALLS, line)
        return self._within(tree(file), file, (*around, file.resolve()), depth)

    def _within(self, value: Any, file: Path, around: tuple[Path, ...], depth: int) -> Any:
        """A value, with what is included in it."""
        self._values += 1
        require_below(file, "values of all files", self._values, VALUES)
        require_nesting(file, depth, value.line if isinstance(value, Table) else None)
        if isinstance(value, list):
            found: list[Any] = []
            for entry in value:
                if isinstance(entry, Table) and list(entry) == ["include"]:
                    content = self._include(entry, file, around, depth)
                    found += content if isinstance(content, list) else [content]
                else:
                    found.append(self._within(entry, file, around, depth + 1))
            return found
        if not isinstance(value, Table):
            return value
        table = Table(value.line, value.file)
        for key, entry in value.items():
            if key != "include":
                self._put(table, key, self._within(entry, file, around, depth + 1), value.at(key))
                continue
            content = self._include(value, file, around, depth)
            if not isinstance(content, Table):
                raise wrong(file, "what is included here must hold keys", value.at(key))
            for name, inner in content.items():
                self._put(table, name, inner, content.at(name))
        return table

    def _put(self, table: Table, key: str, value: Any, line: int) -> None:
        if key in table:
            said = f"the key {clip(key)!r} is there twice, with what is included"
            raise wrong(table.file or Path(), said, line)
        table.put(key, value, line)

    def _include(self, table: Table, file: Path, around: tuple[Path, ...], depth: int) -> Any:
        line = table.at("include")
        called = self._find(table["include"], file, line, around)
        return self._tree(called, file, line, around, depth)


def _merge(parts: list[Table], file: Path, line: int) -> Table:
    """The nodes of files as one."""
    whole = Table(line, file)
    for part in parts:
        for key, value in part.items():
            at = part.at(key)
            if key == "facility" and not isinstance(value, list):
                raise wrong(part.file or file, "PALS needs a facility, a list", at)
            whole.put(key, _join(key, whole.get(key), value, part.file or file, at), at)
    return whole


def _join(key: str, old: Any, new: Any, file: Path, line: int) -> Any:
    if old is None or new is None:
        return new if old is None else old
    if key == "facility":
        (first, later), (second, after) = _split(old), _split(new)
        marked = [EXPAND] if EXPAND in [*old, *new] else []
        return [*first, *second, *marked, *later, *after]
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *new]
    if isinstance(old, Table) and isinstance(new, Table):
        joined = Table(old.line, old.file)
        for table in (old, new):
            for name, value in table.items():
                joined.put(name, _join(name, joined.get(name), value, file, line), table.at(name))
        return joined
    if key == "version":
        majors = {part.strip().split(".")[0] for v in (old, new) for part in str(v).split(",")}
        if len(majors) == 1:
            return ", ".join(dict.fromkeys([*str(old).split(", "), str(new)]))
    elif old == new:
        return old
    said = f"{clip(key)} = {clip(repr(new))} here and {clip(repr(old))} in a file beside it"
    raise wrong(file, said, line)


def _split(facility: list[Any]) -> tuple[list[Any], list[Any]]:
    """Entries before and after the lattice is expanded."""
    at = facility.index(EXPAND) if EXPAND in facility else len(facility)
    return facility[:at], [entry for entry in facility[at:] if entry != EXPAND]
