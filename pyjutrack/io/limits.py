"""Limits of a file: more than any machine has, less than fills a computer.

What counts is what a file expands to: lines in lines, repetitions, anchors, compressed parts.
"""

from __future__ import annotations

from pathlib import Path

from ..core.grammar import NESTING
from ..elements.steps import MOST
from .errors import wrong

#: bytes of a file, and of all that it unpacks to
BYTES = 256 * 2**20
#: elements of a lattice, lines and repetitions expanded
ELEMENTS = 1_000_000
#: characters of one statement
STATEMENT = 4_000_000
#: places that are counted from places, one from another
ORIGINS = 1_000
#: files that call files that call files
CALLS = 20
#: files that one file calls, directly or not
FILES = 1_000
#: operations in all expressions of a file, and copies of what they name
OPERATIONS = 20_000_000
#: values of a YAML file, anchors expanded
VALUES = 10_000_000
#: steps of an integrator in one element
STEPS = MOST
#: the highest order of a multipole
ORDER = 100


def require_below(path: Path, what: str, found: float, limit: int, line: int | None = None) -> None:
    """Raise LatticeFileError if a file holds more of something than the limit."""
    if found > limit:
        shown = f"{found:,}" if abs(found) < 10**15 else "far more"
        raise wrong(path, f"{what}: {shown}, above the limit of {limit:,}", line)


def require_size(path: Path) -> None:
    """Raise LatticeFileError unless `path` is a regular file of a size that can be read."""
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise wrong(path, f"cannot be read: {getattr(error, 'strerror', error)}") from error
    if not path.is_file():
        raise wrong(path, "cannot be read: this is no regular file")
    require_below(path, "bytes of the file", size, BYTES)


def require_nesting(path: Path, depth: int, line: int | None = None) -> None:
    """Raise LatticeFileError if brackets, lines or files lie too deep in each other."""
    if depth > NESTING:
        raise wrong(path, f"nested too deeply, above the limit of {NESTING} levels", line)
