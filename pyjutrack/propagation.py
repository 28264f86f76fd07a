"""Native tracking: particles through slices of elements, and kicks between them."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, overload

import torch
from torch import Tensor

from .beam import Beam
from .channel import channelled
from .compiled import parallel
from .elements import Element
from .lattice import Lattice
from .number import Number
from .reference import Reference
from .transport import WHOLE, Part, State, advance, behind, passable
from .transport.fused import fused

if TYPE_CHECKING:
    from .tracking import Kick, Plan


class End(NamedTuple):
    """What a tracking ends with."""

    state: State
    probe: State | None
    reference: Reference


class Segment(NamedTuple):
    """A part of an element, and the kicks behind it.

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
        """Length over which the kicks act [m]."""
        return self.element.length / self.slices


class Walk(Sequence[Segment]):
    """The segments of one turn, in order; each is made when it is asked for."""

    def __init__(self, lattice: Lattice, counts: Plan) -> None:
        self._lattice, self._counts = lattice, counts
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
        element, count = self._lattice.elements[place], self._counts[place]
        if count == 0:
            return Segment(element, WHOLE, 0)
        n = index - (self._ends[place] - count - 1)
        start = 0.0 if n == 0 else (n - 0.5) / count
        stop = 1.0 if n == count else (n + 0.5) / count
        return Segment(element, Part(start, stop), count if n < count else 0)

    def place(self, index: int) -> int:
        """To which element of the lattice a segment belongs."""
        return bisect.bisect_right(self._ends, index)


def run(
    lattice: Lattice,
    beam: Beam,
    kicks: Sequence[Kick],
    turns: int,
    counts: Plan,
    probes: Tensor | None = None,
) -> End:
    """Track a beam and, in its field, probe particles that add nothing to it.

    Args:
        probes: coordinates (M, 6), or None.

    Returns:
        Final states of the beam and of the probes, and the reference there. Unchecked; see
        `check_track`.
    """
    with parallel.cores():
        return _run(lattice, beam, kicks, turns, counts, probes)


def _run(
    lattice: Lattice,
    beam: Beam,
    kicks: Sequence[Kick],
    turns: int,
    counts: Plan,
    probes: Tensor | None,
) -> End:
    state = state_of(beam.coordinates, beam.alive)
    probe = None
    if probes is not None:
        alive = torch.ones(probes.shape[:-1], dtype=torch.bool, device=probes.device)
        probe = state_of(probes, alive)
    reference = beam.reference
    if not kicks:
        alone = fused(lattice, state if probe is None else probe, reference, turns)
        if alone is not None:
            if probe is None:
                return End(alone.state, None, alone.reference)
            return End(state, alone.state, alone.reference)
    walk = Walk(lattice, counts)
    if probe is None:
        passed_by = channelled(walk, beam, state, kicks, turns)
        if passed_by is not None:
            return End(passed_by.state, None, reference)
    needs_beam = bool(kicks) or probe is None
    for _ in range(turns):
        for segment in walk:
            if needs_beam:
                state = passed(segment, state, reference)
            if probe is not None:
                probe = passed(segment, probe, reference)
            after = behind(segment.element, reference, segment.part)
            if after is not reference:
                reference, beam = after, beam.replace(reference=after)
            if not segment.slices:
                continue
            for kick in kicks:
                state = kick.admit(state)
                field = kick.field(beam, state)
                state = kick.apply(state, field, segment.kicked)
                if probe is not None:
                    probe = kick.apply(kick.admit(probe), field, segment.kicked)
    return End(state, probe, reference)


def passed(segment: Segment, state: State, reference: Reference) -> State:
    """Particles behind the part of the element, in front of its kicks."""
    element, part, _ = segment
    state = passable(state) if part.start == 0 else state
    return advance(element, state, reference, part)


def state_of(coordinates: Tensor, alive: Tensor) -> State:
    """Columns, each contiguous, from coordinates (..., 6)."""
    return State(tuple(coordinates.movedim(-1, 0).contiguous().unbind(0)), alive)


def beam_of(state: State, reference: Reference, like: Beam) -> Beam:
    """A beam from columns and their reference, with the rest of another beam."""
    coordinates = torch.stack(state.coordinates, 0).movedim(0, -1)
    return like.replace(reference=reference, coordinates=coordinates, alive=state.alive)
