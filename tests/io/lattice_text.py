"""Reads lattices from text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pyjutrack.io import LatticeFile, read_lattice


def reader(folder: Path, name: str, start: str = "") -> Callable[..., LatticeFile]:
    """Return a function that writes text to a file and reads that.

    Args:
        folder: of the file.
        name: of the file, whose suffix tells the format; `name=` of the function gives another.
        start: what stands before every text.
    """

    def read(text: str, name: str = name, **options: object) -> LatticeFile:
        path = folder / name
        path.write_text(start + text)
        return read_lattice(path, **options)

    return read
