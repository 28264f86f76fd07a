"""Read and write lattice files of any format."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..beam.reference import Reference, require_reference
from ..core.checks import require_flag, require_path, require_text
from ..core.errors import InvalidValueError, MissingPackageError, PluginError, PyJuTrackError, warn
from ..lattice.batch import batch_of, require_one
from ..lattice.lattice import Lattice
from ..lattice.require import require_lattice
from .errors import LatticeFileError, LatticeWarning, wrong
from .format import LatticeSource
from .formats import find_format, format_to_read, format_to_write
from .limits import ELEMENTS, ORDER, STEPS, require_below, require_size
from .record import LatticeFile


def read_lattice(
    path: str | Path,
    *,
    format: str | None = None,
    line: str | None = None,
    reference: Reference | None = None,
    strict: bool | None = None,
    folder: str | Path | None = None,
) -> LatticeFile:
    """Read a lattice, its reference particle, and what of it could not be represented.

    Args:
        path: of a file in one of the formats that `lattice_formats` gives.
        format: the name of one, if the suffix and the content do not show it.
        line: which line, sequence or variable of a file with several.
        reference: in place of the file's, if that has one.
        strict: None raises where a statement that changes the machine cannot be executed, such as
            MAKETHIN of MAD, and gives a LatticeWarning where elements hold what cannot be
            represented. True raises of these, too; False makes notes of both, and warns.
        folder: in which files that a MAD, elegant, Bmad or PALS file calls must lie; left out,
            its own.

    Raises:
        LatticeFileError: no such file, or one that cannot be read or is beyond the limits that
            docs/files.md states; a `line` of a format that has none; the message names the place.
        MissingPackageError: the format needs an optional package.
        PluginError: the format of an installed package cannot be loaded.
        UnknownNameError: no such format.

    Example:
        >>> file = pj.read_lattice("ring.madx", line="ring")
        >>> file.lattice, file.reference, file.notes
    """
    path = require_path("path", path)
    if strict is not None:
        require_flag("strict", strict)
    if line is not None:
        require_text("line", line)
    if reference is not None:
        require_reference(reference)
    if format is not None:
        require_text("format", format)
    chosen = None if format is None else find_format(format)
    within = None if folder is None else require_path("folder", folder, "the path of a folder")
    source = LatticeSource(path, line, reference, within, lenient=strict is not None and not strict)
    try:
        if path.is_dir():
            raise wrong(path, "this is a folder, not a lattice file")
        if not path.exists():
            raise wrong(path, "there is no such file")
        require_size(path)
        chosen = chosen or format_to_read(source)
        if line is not None and not chosen.has_lines:
            raise wrong(path, f"the file holds one lattice and no lines; leave line={line!r} out")
        found = chosen.read(source)
        _require_plausible(path, found.lattice)
    except (LatticeFileError, MissingPackageError, PluginError):
        raise
    except Exception as error:  # whatever the bytes, the file is named
        said = (
            str(error) if isinstance(error, PyJuTrackError) else f"{type(error).__name__}: {error}"
        )
        raise wrong(path, f"cannot be read: {said}") from error
    if reference is not None:
        found = dataclasses.replace(found, reference=reference)
    if found.notes:
        first = f"{found.notes[0]}" + ("; ..." if len(found.notes) > 1 else "")
        count = f"{len(found.notes)} thing{'s' if len(found.notes) > 1 else ''}"
        summary = f"{count} could not be represented: {first}"
        if strict:
            raise wrong(path, summary)
        warn(f"{path}: {summary} (all of them are in `notes`)", LatticeWarning)
    return found


def write_lattice(
    path: str | Path,
    lattice: Lattice,
    reference: Reference | None = None,
    *,
    format: str | None = None,
) -> None:
    """Write a lattice as our own JSON (.json), PALS YAML (.yaml) or another format that can be.

    Ours are written whole or not at all.

    Args:
        path: of the file, whose suffix shows the format.
        lattice, reference: what to write.
        format: the name of a format, if the suffix does not show it.

    Raises:
        InvalidValueError: a suffix or format that is not written, or what a file cannot hold.
        UnknownNameError: no such format.
        PluginError: the format of an installed package cannot be loaded.

    Example:
        >>> pj.write_lattice("ring.json", ring, reference)
    """
    path = require_path("path", path)
    require_lattice(lattice)
    require_one("a file", batch_of(lattice))
    if reference is not None:
        require_reference(reference)
    if format is not None:
        require_text("format", format)
    chosen = format_to_write(path) if format is None else find_format(format)
    if chosen.write is None:
        raise InvalidValueError(f"files of {chosen.description} are read, and not written")
    chosen.write(path, lattice, reference)


def _require_plausible(path: Path, lattice: Lattice) -> None:
    """Numbers of elements, steps and orders that a machine may have."""
    require_below(path, "elements", len(lattice), ELEMENTS)
    for position, element in enumerate(lattice):
        label = f"element {position} ({element.name})"
        require_below(path, f"steps of {label}", getattr(element, "steps", None) or 0, STEPS)
        for name in element.series:
            if name in element.fixed_series:
                continue
            order = len(getattr(element, name)) - 1
            require_below(path, f"order of {name} of {label}", order, ORDER)
