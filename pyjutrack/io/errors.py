"""What goes wrong with files of lattices and beams."""

from __future__ import annotations

from pathlib import Path

from ..errors import PyJuTrackError


class LatticeFileError(PyJuTrackError, ValueError):
    """A file of a lattice or a beam cannot be read; the message names the file and the place."""


class LatticeWarning(UserWarning):
    """A file holds what the package lacks, or lacks what it needs; the message tells what."""


def wrong(path: Path, message: str, line: int | None = None) -> LatticeFileError:
    """An error at a line of a file."""
    return LatticeFileError(f"{path}{'' if line is None else f':{line}'}: {message}")
