"""Errors and warnings of files of lattices and beams."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import PyJuTrackError

#: what readers raise at something that they cannot read
_REFUSALS = (*(PyJuTrackError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError),)


class LatticeFileError(PyJuTrackError, ValueError):
    """A file of a lattice or a beam cannot be read; the message names the file and the place."""


class LatticeWarning(UserWarning):
    """A file holds what the package lacks, or lacks what it needs; the message says which."""


@contextlib.contextmanager
def placed_errors(path: Path, line: int | None, what: str = "", text: str = "") -> Iterator[None]:
    """Name the place in a file in whatever is raised, and quote it.

    Args:
        what: that cannot be read, such as "quadrupole 'q1'". text: of the statement.

    Raises:
        LatticeFileError: of what was raised; one that names its place stays as it is.
    """
    try:
        yield
    except LatticeFileError:
        raise
    except _REFUSALS as error:
        said = f"{what}: {error}" if what else str(error)
        quoted = f", in {clip(' '.join(text.split()))!r}" if text else ""
        raise wrong(path, f"{said}{quoted}", line) from error


def wrong(path: Path, message: str, line: int | None = None) -> LatticeFileError:
    """An error at a line of a file; what is quoted of the file is cut."""
    where = f"{path}{'' if line is None else f':{line}'}"
    return LatticeFileError(f"{where}: {clip(message, 600)}")


def clip(text: str, length: int = 200) -> str:
    """Shorten text of a file for a message: a long one loses its middle."""
    if len(text) <= length:
        return text
    return f"{text[: length - length // 4 - 5]} ... {text[-(length // 4) :]}"
