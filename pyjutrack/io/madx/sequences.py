"""Sequences of MAD files: elements at positions, and the drifts between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...lattice.expressions import Formula
from ..arithmetic import times
from ..errors import LatticeFileError, clip, wrong
from ..limits import ORIGINS, require_below
from .statement import Statement

#: the length of a sequence whose statement has none
_UNKNOWN = math.inf
_REFERENCES = {"entry": 1.0, "centre": 0.0, "center": 0.0, "exit": -1.0}


@dataclass(frozen=True)
class Entry:
    """An element or a sequence in a sequence.

    Attributes:
        name: of it.
        at: position of its reference point [m].
        origin: the element from which that counts, or empty.
        file, row: of its statement.
    """

    name: str
    at: Formula
    origin: str
    file: Path
    row: int


@dataclass(frozen=True)
class Sequence:
    """`name: sequence, l = ..., refer = ...`, and what stands in it.

    Attributes:
        name: of the sequence.
        length: [m]; up to the end of its last element if it is not stated.
        refer: "entry", "centre" or "exit": the point of elements whose position is given.
        refpos: the element whose centre is placed where the sequence stands in another, or empty.
        entries: in order.
        file, row: of its statement.
    """

    name: str
    length: Formula
    refer: str
    refpos: str
    file: Path
    row: int
    entries: list[Entry] = field(default_factory=list, compare=False)

    @staticmethod
    def start(statement: Statement, machine: Any) -> Sequence:
        """A sequence that begins; ValueError for an unknown REFER."""
        given = {a.name: a for a in statement.arguments if a.name}
        refer = statement.word("refer") or "centre"
        if refer not in _REFERENCES:
            raise ValueError(f"refer = {clip(refer)!r} is none of entry, centre and exit")
        length = machine.formula(given["l"]) if "l" in given else _UNKNOWN
        refpos = statement.word("refpos")
        return Sequence(statement.label, length, refer, refpos, statement.file, statement.row)

    @property
    def half(self) -> float:
        """Where the centre of an element is from its reference point, in lengths of it."""
        return 0.5 * _REFERENCES[self.refer]


@dataclass(frozen=True)
class Place:
    """A position, counted from another one where they move together.

    Attributes:
        offset: [m].
        origin: None for the beginning.
        depth: how many places it is counted from, one from another.
    """

    offset: Formula
    origin: Place | None = None
    depth: int = 0

    def minus(self, other: Place) -> Formula:
        """The distance from another place [m]."""
        if self.origin is other.origin:
            return self.offset - other.offset
        return self.total() - other.total()

    def total(self) -> Formula:
        """The distance from the beginning [m]."""
        found, place = self.offset, self.origin
        while place is not None:
            found, place = place.offset + found, place.origin
        return found


@dataclass(frozen=True)
class Node:
    """An element at its place.

    Attributes:
        name: of the element.
        centre: of the element.
        length: [m].
        entry: the statement that placed it.
    """

    name: str
    centre: Place
    length: Formula
    entry: Entry


class SequenceExpander:
    """Flattens a sequence into nodes.

    Args:
        sequences: by name.
        length: of an element by its name [m]; LookupError for what is none.
    """

    def __init__(self, sequences: dict[str, Sequence], length: Any) -> None:
        self._sequences, self._length = sequences, length
        self._open: list[str] = []

    def nodes(self, name: str, start: Place | None = None) -> list[Node]:
        """The elements of a sequence, those of sequences in it among them.

        Args:
            name: of the sequence.
            start: of the sequence, if not the beginning.

        Raises:
            LatticeFileError: an element that is not defined, or positions that need themselves.
        """
        sequence = self._sequences[name]
        if name in self._open:
            circle = [*self._open[self._open.index(name) :], name]
            raise wrong(sequence.file, f"cyclic sequences: {' -> '.join(circle)}", sequence.row)
        self._open.append(name)
        found: list[Node] = []
        places = _Places(sequence, start, self._measure)
        for entry in sequence.entries:
            centre, length = places.centre(entry), self._measure(entry)
            if entry.name in self._sequences:
                found += self.nodes(entry.name, self._start(entry.name, centre, length, sequence))
            else:
                found.append(Node(entry.name, centre, length, entry))
        self._open.pop()
        return found

    def centres(self, name: str) -> list[Place]:
        """The centres of the entries of a sequence."""
        places = _Places(self._sequences[name], None, self._measure)
        return [places.centre(entry) for entry in self._sequences[name].entries]

    def _measure(self, entry: Entry) -> Formula:
        if entry.name in self._sequences:
            if self._sequences[entry.name].length == _UNKNOWN:
                raise wrong(entry.file, f"sequence {entry.name!r} has no length", entry.row)
            return self._sequences[entry.name].length
        try:
            found: Formula = self._length(entry.name)
        except LookupError:
            raise wrong(
                entry.file, f"{clip(entry.name)!r} is no element and no sequence", entry.row
            ) from None
        return found

    def _start(self, name: str, centre: Place, length: Formula, outer: Sequence) -> Place:
        """Where a sequence in another one begins."""
        inner = self._sequences[name]
        if not inner.refpos:
            return Place(-0.5 * length, centre)
        # its statement gives the place of that element, whatever REFER says
        entry = next((e for e in inner.entries if e.name == inner.refpos), None)
        if entry is None:
            raise wrong(inner.file, f"refpos = {clip(inner.refpos)!r} is not in it", inner.row)
        at = _Places(inner, None, self._measure).centre(entry).total()
        return Place(-outer.half * length - at, centre)


class _Places:
    """Places of the entries of a sequence, each found once."""

    def __init__(self, sequence: Sequence, start: Place | None, measure: Any) -> None:
        self._sequence, self._start, self._measure = sequence, start, measure
        self._found: dict[int, Place] = {}
        self._named: dict[str, Entry] = {}
        for entry in sequence.entries:
            self._named.setdefault(entry.name, entry)

    def centre(self, entry: Entry) -> Place:
        path: dict[int, Entry] = {}
        while id(entry) not in self._found:
            if id(entry) in path:
                raise wrong(
                    entry.file, f"the place of {clip(entry.name)!r} needs itself", entry.row
                )
            path[id(entry)] = entry
            if not entry.origin:
                break
            entry = self._origin(entry)
        first = next(iter(path), id(entry))
        for waiting in reversed(path.values()):
            origin = self._found[id(self._origin(waiting))] if waiting.origin else self._start
            offset = waiting.at + times(self._measure(waiting), self._sequence.half)
            depth = 0 if origin is None else origin.depth + 1
            require_below(
                waiting.file, "places counted from each other", depth, ORIGINS, waiting.row
            )
            self._found[id(waiting)] = Place(offset, origin, depth)
        return self._found[first]

    def _origin(self, entry: Entry) -> Entry:
        found = self._named.get(entry.origin.partition("[")[0])
        if found is None:
            said = f"from = {clip(entry.origin)!r} is no element of the sequence"
            raise LatticeFileError(str(wrong(entry.file, said, entry.row)))
        return found
