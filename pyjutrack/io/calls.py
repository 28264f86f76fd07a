"""Files that a lattice file calls."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from .errors import clip
from .limits import CALLS, FILES, require_below, require_size


def find_called(name: str, caller: Path, folder: Path) -> Path:
    """The file that another one names: a regular file in the folder of the lattice.

    Args:
        name: as it is written, counted from the folder of the file that names it.
        caller: that file.
        folder: in which it must lie.

    Raises:
        ValueError: it is none. LatticeFileError: it is too large.
    """
    if not name:
        raise ValueError("no file is named")
    try:
        file = (caller.parent / name).resolve()
        inside = file.is_relative_to(folder)
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"{clip(name)!r} is no name of a file") from error
    if not inside:
        raise ValueError(
            f"the file {clip(name)!r} lies outside the folder {folder}; "
            "read_lattice(..., folder=) says which folder called files may lie in"
        )
    if file.is_dir() or (file.exists() and not file.is_file()):
        raise ValueError(f"{clip(name)!r} is no regular file")
    if not file.is_file():
        raise ValueError(f"there is no file {clip(name)!r}")
    require_size(file)
    return file


class CalledFiles:
    """Counts files that a lattice's files call, against the limits.

    Attributes:
        depth: how many lie in each other now, the first one among them.
    """

    def __init__(self) -> None:
        self.depth = self._count = 0

    def count(self, file: Path) -> None:
        """Count a file; LatticeFileError if it is one too many."""
        self._count += 1
        require_below(file, "files that are called", self._count - 1, FILES)

    @contextlib.contextmanager
    def nested(self, file: Path, what: str) -> Iterator[None]:
        """Go one level deeper, to what lies in each other; LatticeFileError if that is too deep."""
        self.depth += 1
        require_below(file, what, self.depth - 1, CALLS)
        yield
        self.depth -= 1
