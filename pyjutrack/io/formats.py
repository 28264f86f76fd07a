"""One door to every format of lattice files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..beam.reference import Reference, require_reference
from ..core.checks import require_flag, require_path, require_text
from ..core.errors import (
    InvalidValueError,
    MissingPackageError,
    PyJuTrackError,
    require_known,
    warn,
)
from ..lattice.lattice import Lattice, require_lattice
from .errors import LatticeFileError, LatticeWarning, wrong
from .limits import ELEMENTS, ORDER, STEPS, require_below, require_size
from .record import LatticeFile
from .text import json_of

Reader = Callable[[Path, str | None, Reference | None], LatticeFile]

#: format of a suffix
_SUFFIXES = {
    **dict.fromkeys((".seq", ".madx", ".mad"), "madx"),
    ".mad8": "mad8",
    ".lte": "elegant",
    ".mat": "mat",
    ".m": "m",
    ".json": "json",
    **dict.fromkeys((".yaml", ".yml"), "pals"),
}
FORMATS = ("madx", "mad8", "elegant", "mat", "m", "json", "pals", "xsuite", "at", "own")


def read_lattice(
    path: str | Path,
    *,
    format: str | None = None,
    line: str | None = None,
    reference: Reference | None = None,
    strict: bool = False,
    folder: str | Path | None = None,
) -> LatticeFile:
    """Read a lattice, its reference particle, and what of it could not be represented.

    Args:
        path: MAD-X, MAD8, elegant, AT (.mat, .m, JSON), Xsuite JSON, PALS YAML, or our own JSON.
        format: one of `FORMATS`, if the suffix and the content do not tell.
        line: which line, sequence or variable of a file with several.
        reference: in place of the file's, if that has one.
        strict: raise where something cannot be represented, instead of a LatticeWarning.
        folder: in which files that a MAD or elegant file calls must lie; left out, its own.

    Raises:
        LatticeFileError: no such file, or one that cannot be read or is beyond the limits that
            docs/files.md states; the message names the place.
        MissingPackageError: the format needs an optional package.
        UnknownNameError: no such format.
    """
    path = require_path("path", path)
    require_flag("strict", strict)
    if line is not None:
        require_text("line", line)
    if reference is not None:
        require_reference(reference)
    if format is not None:
        require_known("lattice format", format, FORMATS)
    try:
        if path.is_dir():
            raise wrong(path, "this is a folder, not a lattice file")
        if not path.exists():
            raise wrong(path, "there is no such file")
        require_size(path)
        chosen = _format(path, format)
        found = _reader(chosen, None if folder is None else Path(folder))(path, line, reference)
        _require_plausible(path, found.lattice)
    except (LatticeFileError, MissingPackageError):
        raise
    except Exception as error:  # whatever the bytes, the file is named
        said = (
            str(error) if isinstance(error, PyJuTrackError) else f"{type(error).__name__}: {error}"
        )
        raise wrong(path, f"cannot be read: {said}") from error
    if reference is not None:
        found = LatticeFile(found.lattice, reference, found.notes)
    if found.notes:
        first = f"{found.notes[0]}" + ("; ..." if len(found.notes) > 1 else "")
        count = f"{len(found.notes)} thing{'s' if len(found.notes) > 1 else ''}"
        summary = f"{count} could not be represented: {first}"
        if strict:
            raise wrong(path, summary)
        warn(f"{path}: {summary} (all of them are in `notes`)", LatticeWarning)
    return found


def write_lattice(path: str | Path, lattice: Lattice, reference: Reference | None = None) -> None:
    """Write a lattice as our own JSON (.json) or PALS YAML (.yaml), whole or not at all.

    Raises:
        InvalidValueError: another suffix, or what a file cannot hold.
    """
    path = require_path("path", path)
    require_lattice(lattice)
    if reference is not None:
        require_reference(reference)
    suffix = path.suffix.lower()
    if suffix == ".json":
        from .native import write_own

        write_own(path, lattice, reference)
    elif suffix in (".yaml", ".yml"):
        from .pals.read import write_pals

        write_pals(path, lattice, reference)
    else:
        raise InvalidValueError(
            f"lattices are written as .json or as .yaml (PALS), not as {path.suffix or path.name!r}"
        )


def _format(path: Path, format: str | None) -> str:
    if format is None:
        format = _SUFFIXES.get(path.suffix.lower())
        if format is None:
            raise wrong(
                path,
                f"the suffix {path.suffix!r} tells no format; known are {', '.join(_SUFFIXES)}, "
                "or give format=",
            )
    return _json_format(path) if format == "json" else format


def _json_format(path: Path) -> str:
    """Whose JSON it is, by its content."""
    data = json_of(path)
    if isinstance(data, dict):
        if "pyjutrack" in data:
            return "own"
        if "atjson" in data:
            return "at"
        if {"elements", "element_names", "lines"} & set(data):
            return "xsuite"
    raise wrong(path, "JSON, but neither our own nor Xsuite's nor AT's")


def _require_plausible(path: Path, lattice: Lattice) -> None:
    """Numbers of elements, steps and orders that a machine may have."""
    require_below(path, "elements", len(lattice), ELEMENTS)
    for position, element in enumerate(lattice):
        label = f"element {position} ({element.name})"
        require_below(path, f"steps of {label}", getattr(element, "steps", None) or 0, STEPS)
        for name in element.series:
            order = len(getattr(element, name)) - 1
            require_below(path, f"order of {name} of {label}", order, ORDER)


def _reader(format: str, folder: Path | None) -> Reader:
    """Readers are imported when they are needed: most want optional packages."""
    from .at import read as at_files
    from .mad import read as mad

    if format in ("own", "pals"):
        from . import native
        from .pals import read as pals

        return {
            "own": lambda path, line, _: native.read_own(path),
            "pals": pals.read_pals,
        }[format]
    return {
        "mat": at_files.read_mat,
        "m": at_files.read_m,
        "at": at_files.read_at_json,
        "xsuite": at_files.read_xsuite,
        "madx": mad.reader(mad.MADX, folder),
        "mad8": mad.reader(mad.MAD8, folder),
        "elegant": mad.reader(mad.LTE, folder),
    }[format]
