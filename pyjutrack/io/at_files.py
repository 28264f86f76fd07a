"""Lattice files of the Accelerator Toolbox (.mat, .m, JSON), read by pyAT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InvalidValueError
from ..lattice import Lattice
from ..reference import Reference, Species
from .at_elements import converted
from .errors import wrong
from .optional import guarded, optional
from .record import LatticeFile, Notes

#: AT's names of particles whose names differ from ours
_NAMES = {"posmuon": "antimuon", "negmuon": "muon"}
_KNOWN = ("electron", "positron", "proton", "antiproton")


def read_mat(path: Path, line: str | None, reference: Reference | None) -> LatticeFile:
    """A MATLAB file; `line` names the variable."""
    return _read(path, "load_mat", {"use": line} if line else {}, reference)


def read_m(path: Path, line: str | None, reference: Reference | None) -> LatticeFile:
    """A MATLAB function, which pyAT evaluates line by line."""
    _no_line(path, line)
    return _read(path, "load_m", {}, reference)


def read_at_json(path: Path, line: str | None, reference: Reference | None) -> LatticeFile:
    """A JSON file that pyAT wrote."""
    _no_line(path, line)
    return _read(path, "load_json", {"from_at": True}, reference)


def read_xsuite(path: Path, line: str | None, reference: Reference | None) -> LatticeFile:
    """A JSON file of Xsuite; `line` names the line of an environment."""
    return _read(path, "load_xsuite", {"use": line} if line else {}, reference)


def _no_line(path: Path, line: str | None) -> None:
    if line is not None:
        raise wrong(path, f"the file holds one lattice and no lines; leave line={line!r} out")


def _read(
    path: Path, reader: str, options: dict[str, Any], reference: Reference | None
) -> LatticeFile:
    if path.suffix.lower() == ".m":
        _whole(path)
    load = getattr(optional("at", "accelerator-toolbox", "lattice"), reader)
    notes = Notes()
    if reference is not None:
        options["energy"] = float(reference.p0c * reference.gamma / reference.beta_gamma)
    with guarded(path, "pyAT", notes):
        ring = load(str(path), **options)
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
            say = notes.about(str(source.FamName), type(source).__name__)
            elements.append(converted(source, say))
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
        species = Species.named(name)
    else:
        species = Species(name, float(ring.particle.rest_energy), float(ring.particle.charge))
    try:
        return Reference.from_total(species, float(ring.energy))
    except InvalidValueError as error:
        raise wrong(path, str(error)) from error


def _whole(path: Path) -> None:
    """The end of the cell array must be there: pyAT takes what comes before it."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if not any(row.lstrip().startswith("};") for row in text.splitlines()):
        raise wrong(path, "no line begins with '};', so the cell array has no end; is it cut off?")
