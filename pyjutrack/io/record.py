"""Results of reading a lattice file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..beam.reference import Reference
from ..lattice.lattice import Lattice

#: of an element that a `Placeholder` stands for
NOT_MODELLED = "not modelled; a placeholder, which `Lattice.skip_placeholders` makes space of"
#: takes what could not be represented of the element at hand
Say = Callable[[str], None]


@dataclass(frozen=True)
class Note:
    """Something that a file holds and the package cannot represent.

    Attributes:
        element: its name in the file; empty for what concerns the whole file.
        kind: its kind in the file.
        message: what could not be represented, and what was read in its place.
    """

    element: str
    kind: str
    message: str

    def __str__(self) -> str:
        where = " ".join(part for part in (self.kind, self.element) if part)
        return f"{where}: {self.message}" if where else self.message


@dataclass(frozen=True)
class LatticeFile:
    """A lattice as read from a file.

    Attributes:
        lattice: the elements, in order.
        reference: of the file, or as given to `read_lattice`; None if neither has one.
        notes: what could not be represented, element by element.
    """

    lattice: Lattice
    reference: Reference | None = None
    notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        count = f"{len(self.notes)} note{'' if len(self.notes) == 1 else 's'}"
        return f"LatticeFile({self.lattice!r}, {self.reference!r}, {count})"


class Notes:
    """Collects notes while a file is read."""

    def __init__(self) -> None:
        self._notes: dict[Note, None] = {}  # a set in order

    @property
    def all(self) -> tuple[Note, ...]:
        """Every note once, in order."""
        return tuple(self._notes)

    def add(self, message: str, element: str = "", kind: str = "") -> None:
        """Note a thing once."""
        self._notes[Note(element, kind, message)] = None

    def drop(self, beginning: str) -> None:
        """Forget notes that begin so: another package's troubles are not ours."""
        self._notes = {n: None for n in self._notes if not n.message.startswith(beginning)}

    def for_element(self, element: str, kind: str) -> Say:
        """Return a function that notes things about one element."""
        return lambda message: self.add(message, element, kind)
