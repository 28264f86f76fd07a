"""Errors and warnings of files of lattices and beams."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import PyJuTrackError


class LatticeFileError(PyJuTrackError, ValueError):
    """A file of a lattice or a beam cannot be read; the message names the file and the place."""


class LatticeWarning(UserWarning):
    """A file holds what the package lacks, or lacks what it needs; the message says which."""


def wrong(path: Path, message: str, line: int | None = None) -> LatticeFileError:
    """An error at a line of a file; what is quoted of the file is cut."""
    where = f"{path}{'' if line is None else f':{line}'}"
    return LatticeFileError(f"{where}: {clip(message, 600)}")


def clip(text: str, length: int = 200) -> str:
    """Shorten text of a file for a message: a long one loses its middle."""
    if len(text) <= length:
        return text
    return f"{text[: length - length // 4 - 5]} ... {text[-(length // 4) :]}"
