"""The segments of a lattice: parts of elements, and the kicks behind them."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from typing import NamedTuple, overload

from ..beam.reference import Reference
from ..collective.base import Plan
from ..core.scalars import Number, is_zero
from ..elements import Element
from ..elements.part import WHOLE, Part
from ..elements.placement import advance
from ..lattice.lattice import Lattice
from ..maps.state import State, lose_unphysical


class Segment(NamedTuple):
    """A part of an element, and the effects behind it.

    Between two kicks of one element, the second half of a slice and the first half of the next are
    one part.

    Attributes:
        slices: into which the element is cut, or 0 where no kick follows.
    """

    element: Element
    part: Part
    slices: int

    @property
    def kicked(self) -> Number:
        """Length over which the effects act [m]."""
        return self.element.length / self.slices


class Walk(Sequence[Segment]):
    """The segments of one turn, in order; each is made when it is asked for."""

    def __init__(self, lattice: Lattice, counts: Plan) -> None:
        self._lattice, self.counts = lattice, counts
        # an element that is cut into n slices has n + 1 parts
        self._ends = list(itertools.accumulate(count + 1 for count in counts))

    def __len__(self) -> int:
        return self._ends[-1]

    @overload
    def __getitem__(self, index: int) -> Segment: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Segment]: ...
    def __getitem__(self, index: int | slice) -> Segment | Sequence[Segment]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        place = self.place(index)
        element, count = self._lattice.elements[place], self.counts[place]
        if count == 0:
            return Segment(element, WHOLE, 0)
        n = index - (self._ends[place] - count - 1)
        start = 0.0 if n == 0 else (n - 0.5) / count
        stop = 1.0 if n == count else (n + 0.5) / count
        kicked = n < count and not is_zero(element.length)
        return Segment(element, Part(start, stop), count if kicked else 0)

    def of(self, lattice: Lattice) -> Walk:
        """The same through another lattice of as many elements."""
        return Walk(lattice, self.counts)

    def place(self, index: int) -> int:
        """To which element of the lattice a segment belongs."""
        return bisect.bisect_right(self._ends, index)


def passed(segment: Segment, state: State, reference: Reference) -> State:
    """Particles behind the part of the element, in front of its effects."""
    element, part, _ = segment
    state = lose_unphysical(state) if part.start == 0 else state
    return advance(element, state, reference, part)
