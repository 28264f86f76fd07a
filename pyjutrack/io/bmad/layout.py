"""The elements of a lattice in order, and those that are superimposed on them.

Source: The Bmad Reference Manual, 2025, Superposition.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate

from ...lattice.expressions import Expression, Formula
from ..definition import Definition, Value
from ..errors import clip
from ..record import Notes
from .names import has_wild_cards, matches

#: distances up to this are none [m]
TOLERANCE = 1e-9
#: that are looked at in the time of an operation
_PIECES = 4
#: what another element may take the place of
_SPACE = ("drift", "pipe")
#: what leaves particles as they are
_MARKS = ("marker", "monitor", "instrument")
_ORIGINS = {"beginning": 0.0, "center": 0.5, "end": 1.0}


@dataclass(frozen=True)
class Piece:
    """An element, or a part of a drift.

    Attributes:
        name: of the element.
        length: [m].
        size: the same as a number.
    """

    name: str
    length: Formula
    size: float


class Layout:
    """Pieces in order.

    Args:
        pieces: of the line.
        elements: by name.
        length: of an element [m].
        value: of a formula now.
        spend: counts operations, of which a file may need so many.
        notes: of what cannot be placed.
    """

    def __init__(
        self,
        pieces: list[Piece],
        elements: Mapping[str, Definition],
        length: Callable[[Definition], Formula],
        value: Callable[[Formula], float],
        spend: Callable[[int], None],
        notes: Notes,
    ) -> None:
        self.pieces = pieces
        self._elements, self._length, self._value = elements, length, value
        self._spend, self._notes = spend, notes

    def superimpose(self, name: str, told: Mapping[str, Value]) -> None:
        """Put an element over what is there, at each of its references.

        Raises:
            ValueError: an origin that is none, or an offset that is no number.
        """
        element = self._elements.get(name)
        if element is None:
            raise ValueError(f"there is no element {clip(name)!r}")
        length = self._length(element)
        size = self._value(length)
        offset = told.get("offset", 0.0)
        if isinstance(offset, (str, tuple)):
            raise ValueError(f"offset = {clip(str(offset))!r} is no number")
        if isinstance(offset, Expression) or isinstance(length, Expression):
            said = "the drifts about it do not follow the expressions of its offset and length"
            self._notes.add(said, name, element.base)
        own = _origin(told, "ele") * size
        for start, width, place in self._references(told):
            at = start + _origin(told, "ref") * width + self._value(offset) - own
            self._put(Piece(name, length, size), at, place)

    def _references(self, told: Mapping[str, Value]) -> list[tuple[float, float, int]]:
        """Where the references begin, how long they are, and on which side of them it stands."""
        wanted = str(told.get("ref", "")).lower()
        if not wanted:
            return [(0.0, 0.0, 1)]
        kind, _, pattern = wanted.rpartition("::")
        several = has_wild_cards(pattern)
        self._spend(len(self.pieces) * (len(pattern) if several else 1) // _PIECES)
        found: list[tuple[float, float, int]] = []
        start = 0.0
        side = {0.0: -1, 1.0: 1}.get(_origin(told, "ref"), 0)
        for piece in self.pieces:
            named = matches(pattern, piece.name) if several else piece.name == pattern
            if named and (not kind or self._elements[piece.name].base.startswith(kind)):
                found.append((start, piece.size, side))
            start += piece.size
        if not found:
            said = "its reference is not in the line; left out"
            self._notes.add(f"{clip(wanted)!r}: {said}", kind="superimpose")
        return found

    def _put(self, piece: Piece, at: float, side: int) -> None:
        """Put a piece where it begins at a place, in what is space there."""
        self._spend(len(self.pieces) // _PIECES)
        ends = [0.0, *accumulate(p.size for p in self.pieces)]
        total = ends[-1]
        if at < -TOLERANCE:
            at += total
        stop = at + piece.size
        if stop > total + TOLERANCE:
            self._leave_out(piece, "would stand beyond the end of the line")
            return
        if piece.size <= TOLERANCE:
            self._put_thin(piece, at, ends, side)
            return
        first = bisect_right(ends, at + TOLERANCE) - 1
        last = bisect_left(ends, stop - TOLERANCE) - 1
        under = self.pieces[first : last + 1]
        blocked = [p for p in under if self._elements[p.name].base not in _SPACE]
        if any(p.size > TOLERANCE or self._elements[p.name].base not in _MARKS for p in blocked):
            self._leave_out(piece, f"stands over {clip(blocked[0].name)!r}")
            return
        for mark in blocked:
            self._leave_out(mark, f"stands within {clip(piece.name)!r}")
        before = self._cut(under[0], at - ends[first])
        after = self._cut(under[-1], ends[last + 1] - stop)
        self.pieces[first : last + 1] = [*before, piece, *after]

    def _put_thin(self, piece: Piece, at: float, ends: list[float], side: int) -> None:
        before = bisect_left(ends, at - TOLERANCE)
        after = bisect_right(ends, at + TOLERANCE)
        if before < after:  # between two pieces
            self.pieces.insert(after - 1 if side > 0 else before, piece)
            return
        index = after - 1
        under = self.pieces[index]
        if self._elements[under.name].base not in _SPACE:
            self._leave_out(piece, f"stands within {clip(under.name)!r}")
            return
        parts = self._cut(under, at - ends[index]), self._cut(under, ends[index + 1] - at)
        self.pieces[index : index + 1] = [*parts[0], piece, *parts[1]]

    def _cut(self, piece: Piece, size: float) -> list[Piece]:
        """A part of a drift."""
        if size <= TOLERANCE:
            return []
        if isinstance(piece.length, Expression):
            said = "its parts do not follow the expression of its length"
            self._notes.add(said, piece.name, self._elements[piece.name].base)
        return [Piece(piece.name, size, size)]

    def _leave_out(self, piece: Piece, why: str) -> None:
        base = self._elements[piece.name].base
        self._notes.add(f"{why}; left out", piece.name, base)


def _origin(told: Mapping[str, Value], prefix: str) -> float:
    for name, place in _ORIGINS.items():
        if told.get(f"{prefix}_{name}"):
            return place
    word = str(told.get(f"{prefix}_origin", "center")).lower()
    found = [place for name, place in _ORIGINS.items() if name.startswith(word)]
    if len(found) != 1:
        raise ValueError(f"{prefix}_origin = {clip(word)!r} is none of {', '.join(_ORIGINS)}")
    return found[0]
