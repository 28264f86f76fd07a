"""Lattice files of the Accelerator Toolbox (.mat, .m, JSON), made into elements by pyAT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...beam.reference import SPEED_OF_LIGHT, Reference, Species
from ...core.errors import InvalidValueError
from ...lattice.lattice import Lattice
from ..errors import clip, wrong
from ..format import LatticeFormat, LatticeSource
from ..limits import BUCKETS, ORDER, STEPS, require_below
from ..optional import guard, optional
from ..record import LatticeFile, Notes
from .kinds import convert
from .mat_file import Cells, Unread, variables
from .text import elements_of

#: AT's names of particles whose names differ from ours
_NAMES = {"posmuon": "antimuon", "negmuon": "muon"}
_KNOWN = ("electron", "positron", "proton", "antiproton")


#: what sizes memory in pyAT, and the most that it may be
_SIZES = {
    "NumIntSteps": STEPS,
    **dict.fromkeys(("MaxOrder", "DefaultOrder"), ORDER),
    **dict.fromkeys(("nslice", "startturn", "endturn", "Periodicity", "periodicity"), 10_000),
    **dict.fromkeys(("HarmNumber", "cell_harmnumber"), BUCKETS),
}


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
    name = line or (next(iter(found)) if len(found) == 1 else "RING")
    if name not in found:
        known = ", ".join(found) or "none"
        raise wrong(path, f"no variable named {name!r}; give one with line=: {clip(known)}")
    cells = found[name]
    if not isinstance(cells, Cells) or not all(isinstance(c, dict) for c in cells.entries):
        raise wrong(path, f"the variable {name!r} is no cell array of elements")
    elements = [{k: _plain(path, k, v) for k, v in c.items()} for c in cells.entries]
    return _make_lattice(path, elements, source.reference)


def _plain(path: Path, name: str, value: Any) -> Any:
    """A field as pyAT takes it: words, numbers, arrays without needless dimensions, dicts."""
    if isinstance(value, Unread):
        raise wrong(path, f"the field {name!r} is no number and no text")
    if isinstance(value, dict):
        return {k: _plain(path, k, v) for k, v in value.items()}
    if isinstance(value, Cells):
        return np.array([_plain(path, name, v) for v in value.entries], dtype=object)
    if isinstance(value, str):
        return value
    return value.flat[0] if value.size == 1 else np.squeeze(value)


def _read_function(source: LatticeSource) -> LatticeFile:
    """Read a MATLAB function that returns the elements, one a row."""
    utils = optional("at.load.utils", "accelerator-toolbox", "lattice")
    return _make_lattice(source.path, elements_of(source, utils._CLASS_MAP), source.reference)


def _read_at_json(source: LatticeSource) -> LatticeFile:
    """Read a JSON file that pyAT wrote."""
    return _load(source, "load_json", from_at=True)


def _within_limits(path: Path, data: Any) -> None:
    """No size anywhere may be one that no machine has: pyAT makes arrays of it."""
    waiting, length, frequency = [data], 0.0, 0.0
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            length += _real(value.get("Length"))
            frequency = max(frequency, _real(value.get("Frequency")))
            for key, limit in _SIZES.items():
                if isinstance(value.get(key), (int, float, np.number)):
                    require_below(path, str(key), float(value[key]), limit)
        if isinstance(value, (dict, list)):
            entries = value.values() if isinstance(value, dict) else value
            waiting.extend(v for v in entries if isinstance(v, (dict, list)))
    buckets = length * frequency / SPEED_OF_LIGHT
    require_below(path, "RF buckets (length times frequency over c)", buckets, BUCKETS)


def _real(value: Any) -> float:
    return abs(float(value)) if isinstance(value, (int, float, np.number)) else 0.0


def _make_lattice(path: Path, elements: list[Any], reference: Reference | None) -> LatticeFile:
    """Make the lattice of elements that were read here, by pyAT's constructors."""
    _within_limits(path, elements)
    optional("at", "accelerator-toolbox", "lattice")
    load = optional("at.load.matfile", "accelerator-toolbox", "lattice").load_var
    return _lattice(path, lambda **options: load(elements, **options), {}, reference)


def _load(source: LatticeSource, reader: str, **options: Any) -> LatticeFile:
    """The lattice of a file that pyAT reads."""
    _within_limits(source.path, source.json)
    load = getattr(optional("at", "accelerator-toolbox", "lattice"), reader)
    return _lattice(
        source.path, lambda **rest: load(str(source.path), **rest), options, source.reference
    )


def _lattice(
    path: Path, load: Callable[..., Any], options: dict[str, Any], reference: Reference | None
) -> LatticeFile:
    notes = Notes()
    if reference is not None:
        reference = reference.detach()
        options["energy"] = float(reference.p0c * reference.gamma / reference.beta_gamma)
    with guard(path, "pyAT", notes):
        ring = load(**options)
    for note in notes.all:
        if "skipped" in note.message or "Unknown class" in note.message:
            raise wrong(path, f"pyAT leaves out elements: {note.message}")
    if ring.periodicity > 1:
        notes.add(f"the machine has {ring.periodicity} of these periods: lattice * it is all of it")
    if reference is None:
        reference = _reference(path, ring, notes)
    return LatticeFile(from_at(path, ring, notes), reference, notes.all)


def from_at(path: Path, ring: Any, notes: Notes) -> Lattice:
    """The elements of a pyAT lattice."""
    elements = []
    for position, source in enumerate(ring):
        try:
            say = notes.for_element(str(source.FamName), type(source).__name__)
            elements.append(convert(source, say))
        except (InvalidValueError, AttributeError, TypeError, ValueError) as error:
            raise wrong(path, f"element {position} ({source.FamName}): {error}") from error
    if not elements:
        raise wrong(path, "the file holds no element")
    return Lattice(elements)


def _reference(path: Path, ring: Any, notes: Notes) -> Reference:
    name = ring.particle.name
    if name == "relativistic":
        notes.add("the file names no particle; electrons are taken")
        name = "electron"
    name = _NAMES.get(name, name)
    if name in (*_KNOWN, *_NAMES.values()):
        species = Species.from_name(name)
    else:
        species = Species(name, float(ring.particle.rest_energy), float(ring.particle.charge))
    try:
        return Reference.from_total(species, float(ring.energy))
    except InvalidValueError as error:
        raise wrong(path, str(error)) from error


def _is_at_json(source: LatticeSource) -> bool:
    return isinstance(source.json, dict) and "atjson" in source.json


MATLAB_VARIABLES = LatticeFormat(
    "mat", "AT, variables of MATLAB", (".mat",), _read_variables, has_lines=True
)
MATLAB_FUNCTION = LatticeFormat("m", "AT, function of MATLAB", (".m",), _read_function)
AT = LatticeFormat("at", "AT, JSON", (".json",), _read_at_json, recognise=_is_at_json)
