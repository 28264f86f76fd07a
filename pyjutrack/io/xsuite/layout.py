"""Layouts of Xsuite's files: a line, lines of an environment, and those of older versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import clip, wrong

Record = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """A line of a file, and what belongs to it.

    Attributes:
        line: its name, empty for that of a file of one line.
        elements: by name, those of other lines among them.
        names: of the elements, in order.
        particle: the reference particle, or None.
        values: of the variables.
        expressions: pairs of what is computed, and from what.
        exact_drifts: whether drifts that leave their model to Xsuite are exact ones.
        unread: what else the file holds that matters to tracking.
    """

    line: str
    elements: dict[str, Record]
    names: list[str]
    particle: Record | None
    values: Record
    expressions: list[tuple[str, str]]
    exact_drifts: bool = False
    unread: list[str] = field(default_factory=list)


def is_xsuite(data: Any) -> bool:
    """Return whether a JSON file has a key of Xsuite's, and the mark of no other program."""
    return (
        isinstance(data, dict)
        and not {"elements", "element_names", "lines", "line"}.isdisjoint(data)
        and {"atjson", "pyjutrack"}.isdisjoint(data)
    )


def find_line(path: Path, data: Any, asked: str | None) -> Layout:
    """The line of a name, or the only one.

    Raises:
        LatticeFileError: there is no such line, there are several, or the file is none of Xsuite's.
    """
    root = _record(path, data, "the content")
    beside = None
    if isinstance(root.get("line"), dict) and "elements" not in root:
        beside, root = root.get("particle"), root["line"]
    if "lines" not in root:
        if asked is not None:
            said = f"the file holds one line without a name; leave line={clip(asked)!r} out"
            raise wrong(path, said)
        return _layout(path, root, root, "", beside)
    lines = _record(path, root["lines"], "lines")
    known = clip(", ".join(lines)) or "none"
    if asked is None and len(lines) != 1:
        raise wrong(path, f"the file holds several lines, name one with line=: {known}")
    name = next(iter(lines)) if asked is None else asked
    if name not in lines:
        raise wrong(path, f"no line named {clip(name)!r}; the file has {known}")
    return _layout(path, root, _record(path, lines[name], f"line {clip(name)!r}"), name, None)


def _layout(path: Path, root: Record, line: Record, name: str, beside: Any) -> Layout:
    """Put together what a line has of its own, and what it shares with others.

    Args:
        beside: a particle that stands beside the line, or None.
    """
    owner = line if "elements" in line else root
    names = line.get("element_names", [])
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise wrong(path, "element_names is no list of names")
    if not names and line.get("composer"):
        raise wrong(path, "the line was not composed; write it after line.end_compose()")
    elements = _elements(path, owner.get("elements"), names)
    for entry in names:
        if entry not in elements:
            raise wrong(path, f"element_names has {clip(entry)!r}, which is not among the elements")
    management = _optional(path, root, "_var_management_data")
    config = _optional(path, line, "config")
    unread = [key for key in ("aperture", "aperture_environment") if {*root, *line} & {key}]
    if "energy_program" in elements:
        unread.append("energy_program")
    return Layout(
        name,
        elements,
        names,
        _particle(path, root, line, beside),
        _optional(path, management, "var_values"),
        _pairs(path, root.get("_var_manager")),
        config.get("XTRACK_USE_EXACT_DRIFTS") is True,
        unread,
    )


def _elements(path: Path, found: Any, names: list[str]) -> dict[str, Record]:
    """The elements by name; older files have a list of them, in the order of the names."""
    if isinstance(found, list):
        if len(found) != len(names):
            raise wrong(path, f"{len(found)} elements have {len(names)} names")
        found = dict(zip(names, found, strict=True))
    elements = _record(path, found, "elements")
    for name, element in elements.items():
        if not isinstance(element, dict):
            raise wrong(path, f"the element {clip(name)!r} is no object")
    return elements


def _particle(path: Path, root: Record, line: Record, beside: Any) -> Record | None:
    """The reference particle: of the line, or of all lines, or by name; older ones beside it."""
    found = line.get("particle_ref")
    found = root.get("particle_ref") if found is None else found
    if isinstance(found, str):
        for key in ("particles", "env_particles"):
            for owner in (root, line):
                known = owner.get(key)
                if isinstance(known, dict) and found in known:
                    return _record(path, known[found], f"the particle {clip(found)!r}")
        raise wrong(path, f"particle_ref names {clip(found)!r}, which is none of the particles")
    found = beside if found is None else found
    return None if found is None else _record(path, found, "particle_ref")


def _pairs(path: Path, found: Any) -> list[tuple[str, str]]:
    pairs = [] if found is None else found
    if not isinstance(pairs, list):
        raise wrong(path, "_var_manager is no list of pairs")
    for pair in pairs:
        if not (isinstance(pair, list) and [type(p) for p in pair] == [str, str]):
            raise wrong(path, f"_var_manager has {clip(repr(pair))}, which is no pair of texts")
    return [(target, text) for target, text in pairs]


def _optional(path: Path, owner: Record, key: str) -> Record:
    found = owner.get(key)
    return {} if found is None else _record(path, found, key)


def _record(path: Path, value: Any, what: str) -> Record:
    if not isinstance(value, dict):
        raise wrong(path, f"{what} is no object of JSON, or missing")
    return value
