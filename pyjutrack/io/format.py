"""A format of lattice files as a record: how its files are recognised, read and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..beam.reference import Reference
from ..lattice.lattice import Lattice
from .record import LatticeFile
from .text import Json, parse_json, text_of


@dataclass(frozen=True)
class LatticeSource:
    """A file to be read, and what of it; its content is read once, when it is first asked for.

    Attributes:
        path: of the file.
        line: which line, sequence or variable is wanted; None leaves it to the file.
        reference: in place of that of the file, or None.
        folder: in which files that this one calls must lie; None is its own folder.
        lenient: whether statements that change the machine and cannot be executed are notes, and
            no errors.
    """

    path: Path
    line: str | None = None
    reference: Reference | None = None
    folder: Path | None = None
    lenient: bool = False

    @cached_property
    def text(self) -> str:
        """The text of the file, in UTF-8."""
        return text_of(self.path)

    @property
    def json(self) -> Any:
        """The content of a JSON file; LatticeFileError if it is none, or a key occurs twice."""
        return self._json.content

    @property
    def finite_json(self) -> Any:
        """The same, without NaN and Infinity, which JSON does not have and programs write."""
        self._json.require_finite(self.path)
        return self._json.content

    @cached_property
    def _json(self) -> Json:
        return parse_json(self.path, self.text)


@dataclass(frozen=True)
class LatticeFormat:
    """A format of lattice files.

    Attributes:
        name: for `read_lattice(format=...)`.
        description: one line, as tables and messages show it: "PALS, YAML".
        suffixes: of its files, in lower case with the dot.
        read: makes the lattice of a file. Any exception becomes a LatticeFileError that names the
            file.
        write: writes a lattice and its reference, which may be None, to a path; None if files of
            this format are only read.
        recognise: says by the content whether a file is one, where formats share a suffix; None
            if the suffix is enough.
        has_lines: whether a file may hold several lattices, chosen by `line`.
        by_suffix: whether files of its suffixes are written as it, where no format is named.
    """

    name: str
    description: str
    suffixes: tuple[str, ...]
    read: Callable[[LatticeSource], LatticeFile]
    write: Callable[[Path, Lattice, Reference | None], None] | None = None
    recognise: Callable[[LatticeSource], bool] | None = None
    has_lines: bool = False
    by_suffix: bool = True
