"""Lattice files of the Accelerator Toolbox (.mat, .m, JSON)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...lattice.lattice import Lattice
from ..errors import clip, placed_errors, wrong
from ..format import LatticeFormat, LatticeSource
from ..limits import ELEMENTS, require_below
from ..record import LatticeFile, Notes
from .element import AtElement, at_element
from .kinds import convert
from .mat_file import Cells, Unread, variables
from .ring import count_periods, reference_of
from .text import elements_of

#: what the elements named RingParam say of the machine, by the name that JSON has for it
_STATED = {"Energy": "energy", "Periodicity": "periodicity", "Particle": "particle"}


def _read_variables(source: LatticeSource) -> LatticeFile:
    """Read a MATLAB file; `line` names the variable."""
    path, line = source.path, source.line
    with path.open("rb") as file:
        header = file.read(128)
    if header[124:128] in (b"\x00\x02IM", b"\x02\x00MI"):  # 7.3, which is HDF5
        raise wrong(
            path,
            "a MATLAB file of version 7.3, which is HDF5 and is not read here: damaged ones end "
            "the interpreter; save it with save(..., '-v7') in MATLAB, or by pyAT's save_mat",
        )
    found = {n: v for n, v in variables(path).items() if not n.startswith("__")}
    lattices = [n for n, v in found.items() if _holds_elements(v)]
    name = line or next((every[0] for every in (lattices, [*found]) if len(every) == 1), "RING")
    if name not in found:
        known = ", ".join(lattices or found) or "none"
        raise wrong(path, f"no variable named {name!r}; give one with line=: {clip(known)}")
    if name not in lattices:
        raise wrong(path, f"the variable {name!r} is no cell array of elements")
    cells = found[name]
    elements = [{k: _plain(path, k, v) for k, v in c.items()} for c in cells.entries]
    return _lattice(source, elements)


def _holds_elements(value: Any) -> bool:
    return isinstance(value, Cells) and all(isinstance(c, dict) for c in value.entries)


def _plain(path: Path, name: str, value: Any) -> Any:
    """A field as words, numbers, arrays without needless dimensions, dicts and lists."""
    if isinstance(value, Unread):
        raise wrong(path, f"the field {name!r} is no number and no text")
    if isinstance(value, dict):
        return {k: _plain(path, k, v) for k, v in value.items()}
    if isinstance(value, Cells):
        return [_plain(path, name, v) for v in value.entries]
    if isinstance(value, str):
        return value
    return value.flat[0] if value.size == 1 else np.squeeze(value)


def _read_function(source: LatticeSource) -> LatticeFile:
    """Read a MATLAB function that returns the elements, one a row."""
    return _lattice(source, elements_of(source))


def _read_at_json(source: LatticeSource) -> LatticeFile:
    """Read a JSON file that pyAT wrote."""
    elements, stated = source.json.get("elements"), source.json.get("properties", {})
    if not isinstance(elements, list) or not all(isinstance(e, dict) for e in elements):
        raise wrong(source.path, "'elements' is no list of elements")
    if not isinstance(stated, dict):
        raise wrong(source.path, "'properties' are no names and values")
    return _lattice(source, elements, stated)


def _lattice(
    source: LatticeSource,
    elements: Iterable[Mapping[str, Any]],
    stated: Mapping[str, Any] | None = None,
) -> LatticeFile:
    """The lattice of elements, with what is stated of it, or what RingParam among them states."""
    path, notes = source.path, Notes()
    found = []
    for position, fields in enumerate(elements):
        name = str(fields.get("FamName", ""))
        say = notes.for_element(name, str(fields.get("Class", "")))
        with placed_errors(path, None, f"element {position} ({clip(name)})"):
            found.append(at_element(fields, say))
    require_below(path, "elements", len(found), ELEMENTS)
    rings = [e for e in found if e.kind.name == "RingParam"]
    found = [e for e in found if e.kind.name != "RingParam"]
    if len(rings) > 1:
        notes.add("there is more than one RingParam; the first one is taken")
    if rings:
        own = {ours: rings[0].fields.get(theirs) for theirs, ours in _STATED.items()}
        stated = {**own, **(stated or {})}
    with placed_errors(path, None):
        periods = count_periods(stated or {}, found)
        reference = source.reference or reference_of(stated or {}, found, notes)
    if periods > 1:
        notes.add(f"the machine has {periods} of these periods: lattice * it is all of it")
    reference = reference.detach()
    found = [replace(element, reference=reference) for element in found]
    return LatticeFile(from_at(path, found, notes), reference, notes.all)


def from_at(path: Path, elements: Iterable[AtElement], notes: Notes) -> Lattice:
    """The lattice of AT's elements."""
    made = []
    for position, source in enumerate(elements):
        with placed_errors(path, None, f"element {position} ({clip(source.name)})"):
            made.append(convert(source, notes.for_element(source.name, source.kind.name)))
    if not made:
        raise wrong(path, "the file holds no element")
    return Lattice(made)


def _is_at_json(source: LatticeSource) -> bool:
    return isinstance(source.json, dict) and "atjson" in source.json


MATLAB_VARIABLES = LatticeFormat(
    "mat", "AT, variables of MATLAB", (".mat",), _read_variables, has_lines=True
)
MATLAB_FUNCTION = LatticeFormat("m", "AT, function of MATLAB", (".m",), _read_function)
AT = LatticeFormat("at", "AT, JSON", (".json",), _read_at_json, recognise=_is_at_json)
