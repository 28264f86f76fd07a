"""Reverse mode through tracking without a memory of every slice.

A kick changes momenta by what depends on places alone, so the density, the field and the momenta in
front of it can be found again from what is behind it; and the maps of elements have inverses
(`transport.retreat`). On the way back a segment at a time is reconstructed, differentiated and
forgotten. A few snapshots of the beam, evenly along the way, keep rounding from drifting. Where a
step cannot be undone, the beam in front of it is kept ("reversible"), or the way is run once more
in blocks between snapshots ("checkpoint").
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from .active import active, hidden, tensors_in
from .beam import Beam
from .compiled import parallel
from .errors import InvalidValueError
from .lattice import Lattice
from .number import is_transformed
from .propagation import End, Segment, Walk, passed, run, state_of
from .pushforward import Pushed
from .reference import Reference
from .transport import State, behind
from .transport.retreat import has_inverse, retreat

if TYPE_CHECKING:
    from .tracking import Kick, Plan

Adjoint = Literal["auto", "store", "checkpoint", "reversible"]
ADJOINTS: tuple[str, ...] = get_args(Adjoint)

Tensors = tuple[Tensor, ...]

#: what "auto" lets a stored graph take [byte]
_STORED = 2**30
#: columns of the beam that a stored graph holds for every segment, about
_COLUMNS = 16
#: whole beams that "reversible" keeps against the drift of rounding
_SNAPSHOTS = 7
#: of a particle that is never lost
_NEVER = 2**62


def run_adjoint(
    lattice: Lattice,
    beam: Beam,
    kicks: Sequence[Kick],
    turns: int,
    counts: Plan,
    adjoint: str = "auto",
) -> End:
    """`propagation.run` of a beam, with a choice of how reverse mode will go back through it.

    Raises:
        InvalidValueError: a choice that cannot be: under a transform, or with a kick that is
            not reversible or whose parameters cannot be found.
    """
    course = Course(lattice, beam, tuple(kicks), turns, Walk(lattice, counts))
    with parallel.cores():
        chosen = _chosen(course, adjoint)
        if chosen == "store":
            return run(lattice, beam, kicks, turns, counts)
        return _remembering(course, chosen)


@dataclass(frozen=True)
class Course:
    """What is tracked, and through which segments."""

    lattice: Lattice
    beam: Beam
    kicks: tuple[Kick, ...]
    turns: int
    walk: Walk

    def __len__(self) -> int:
        return self.turns * len(self.walk)

    def segment(self, index: int) -> Segment:
        return self.walk[index % len(self.walk)]

    def place(self, index: int) -> int:
        """Of the element in the lattice."""
        return self.walk.place(index % len(self.walk))


@dataclass
class Record:
    """What is remembered of a tracking.

    Attributes:
        lost: the phase in which each particle was lost. A segment has one phase for its element,
            and one for every kick.
        references: (segment, reference) from which on each reference holds.
        beams: columns in front of some segments.
    """

    lost: Tensor
    references: list[tuple[int, Reference]]
    beams: dict[int, Tensors] = field(default_factory=dict)

    def note(self, phase: int, before: Tensor, after: Tensor) -> None:
        if after is not before and not torch.equal(after, before):
            self.lost = torch.where(before & ~after, phase, self.lost)

    def alive(self, phase: int) -> Tensor:
        """Who is alive behind a phase."""
        return self.lost > phase

    def reference(self, segment: int) -> Reference:
        """In front of a segment."""
        place = bisect.bisect_right(self.references, segment, key=lambda entry: entry[0])
        return self.references[place - 1][1]


def _chosen(course: Course, adjoint: str) -> str:
    """The strategy, "auto" resolved."""
    if adjoint == "store" or (adjoint == "auto" and _stored_bytes(course) <= _STORED):
        return "store"
    beam, kicks = course.beam, course.kicks
    everything = tensors_in((beam.coordinates, beam.current, course.lattice, kicks))
    if forward_ad._current_level >= 0 or any(
        isinstance(t, Pushed) or is_transformed(t) for t in everything
    ):
        if adjoint == "auto":
            return "store"
        raise InvalidValueError(
            f"adjoint={adjoint!r} is for reverse mode by autograd; forward mode and the transforms "
            "of torch.func need adjoint='store'"
        )
    if not (torch.is_grad_enabled() and any(t.requires_grad for t in everything)):
        return "store"
    for kick in kicks:
        if _depends_on_hidden(kick, beam):
            if adjoint == "auto":
                return "store"
            raise InvalidValueError(
                f"{type(kick).__name__} depends on tensors that require gradients and are not "
                "among its attributes, so that they would get none; make them attributes of the "
                "kick, or take adjoint='store'"
            )
    fixed = [k for k in kicks if not getattr(k, "reversible", False)]
    if adjoint == "auto":
        double = beam.coordinates.dtype == torch.float64
        return "reversible" if double and not fixed else "checkpoint"
    if adjoint == "reversible" and fixed:
        raise InvalidValueError(
            f"{type(fixed[0]).__name__} does not say that it is reversible (see `Kick`); take "
            "adjoint='checkpoint'"
        )
    return adjoint


def _stored_bytes(course: Course) -> int:
    beam = course.beam
    c = beam.coordinates
    # ranks must choose alike, so it is not the number here, which may differ by one
    particles = c.numel() // 6 // len(beam) * (beam.particles // beam.world.size)
    return len(course) * _COLUMNS * particles * c.element_size()


def _depends_on_hidden(kick: Kick, beam: Beam) -> bool:
    """Whether a kick uses tensors which nobody can find: their gradients would be missed."""
    with torch.enable_grad():
        state = kick.admit(state_of(beam.coordinates.detach(), beam.alive))
        moved = kick.apply(state, kick.field(beam, state), 0.0)
    return hidden(moved.coordinates, active((kick, beam.current)))


def _remembering(course: Course, chosen: str) -> End:
    columns = state_of(course.beam.coordinates, course.beam.alive).coordinates
    parameters = active((course.beam.current, course.lattice, course.kicks))
    record = Record(torch.where(course.beam.alive, _NEVER, -1), [(0, course.beam.reference)])
    ends = _Tracking.apply(course, record, chosen, *columns, *parameters)
    return End(State(tuple(ends), record.alive(_NEVER - 1)), None, record.references[-1][1])


def _forward(course: Course, record: Record, chosen: str, columns: Tensors) -> Tensors:
    state, beam = State(columns, course.beam.alive), course.beam
    kept = _places(len(course), chosen)
    phases = 1 + len(course.kicks)
    for index in range(len(course)):
        segment, reference = course.segment(index), beam.reference
        if index in kept or (
            chosen == "reversible" and not has_inverse(segment.element, reference, segment.part)
        ):
            record.beams[index] = state.coordinates
        before, phase = state.alive, index * phases
        state = passed(segment, state, reference)
        record.note(phase, before, state.alive)
        after = behind(segment.element, reference, segment.part)
        if after is not reference:
            beam = beam.replace(reference=after)
            record.references.append((index + 1, after))
        for n, kick in enumerate(course.kicks if segment.slices else (), 1):
            before = state.alive
            state = kick.admit(state)
            record.note(phase + n, before, state.alive)
            state = kick.apply(state, kick.field(beam, state), segment.kicked)
    return state.coordinates


def _places(count: int, chosen: str) -> frozenset[int]:
    """In front of which segments the beam is kept."""
    if chosen == "checkpoint":
        return frozenset(range(0, count, math.isqrt(count)))
    return frozenset(count * n // (_SNAPSHOTS + 1) for n in range(1, _SNAPSHOTS + 1)) - {0}


class _Tracking(Function):
    """(course, record, strategy, six columns, parameters) -> six columns."""

    @staticmethod
    def forward(ctx: Any, course: Course, record: Record, chosen: str, *tensors: Tensor) -> Any:
        ends = tuple(
            t.clone() if any(t is u for u in tensors) else t
            for t in _forward(course, record, chosen, tensors[:6])
        )
        ctx.course, ctx.record, ctx.chosen, ctx.parameters = course, record, chosen, tensors[6:]
        ctx.save_for_backward(*ends, *tensors[6:])  # the parameters to see that none was changed
        return ends

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        if torch.is_grad_enabled():
            raise InvalidValueError(
                f"adjoint={ctx.chosen!r} gives first derivatives; for derivatives of gradients "
                "take adjoint='store'"
            )
        columns, sums = ctx.saved_tensors[:6], Sums(ctx.parameters)
        back = _backwards if ctx.chosen == "reversible" else _in_blocks
        with parallel.cores():
            slopes = back(ctx.course, ctx.record, columns, gradients, sums)
        return None, None, None, *slopes, *sums.totals


class Sums:
    """Gradients by parameters, added up segment by segment."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self._slots = {id(p): n for n, p in enumerate(parameters)}
        self.totals: list[Tensor | None] = [None] * len(parameters)

    def add(self, parameters: Sequence[Tensor], slopes: Sequence[Tensor | None]) -> None:
        for parameter, slope in zip(parameters, slopes, strict=True):
            if slope is not None:
                slot = self._slots[id(parameter)]
                old = self.totals[slot]
                self.totals[slot] = slope if old is None else old + slope


def _backwards(
    course: Course, record: Record, columns: Tensors, gradients: Tensors, sums: Sums
) -> Tensors:
    """Segment by segment, each reconstructed from what is behind it."""
    phases = 1 + len(course.kicks)
    shared = [active((course.beam.current, kick)) for kick in course.kicks]
    own = [active(element) for element in course.lattice]
    for index in reversed(range(len(course))):
        segment, phase = course.segment(index), index * phases
        mine = own[course.place(index)]
        columns = record.beams.get(index + 1, columns)
        if segment.slices:
            beam = course.beam.replace(reference=record.reference(index + 1))
            for n in reversed(range(len(course.kicks))):
                state = State(columns, record.alive(phase + n + 1))
                columns, gradients = _back_kick(
                    course.kicks[n], segment, beam, state, gradients, (*shared[n], *mine), sums
                )
        reference, alive = record.reference(index), record.alive(phase)
        before = record.beams.get(index)
        if before is None:
            element, part, _ = segment
            before = retreat(element, State(columns, alive), reference, part).coordinates
        with torch.enable_grad():
            leaves = _leaves(before)
            moved = passed(segment, State(leaves, alive), reference).coordinates
        gradients = _pulled(moved, leaves, mine, gradients, sums)
        columns = before
    return gradients


def _back_kick(
    kick: Kick,
    segment: Segment,
    beam: Beam,
    end: State,
    gradients: Tensors,
    parameters: Tensors,
    sums: Sums,
) -> tuple[Tensors, Tensors]:
    """Columns in front of a kick, and gradients by them.

    What it adds to the momenta does not depend on them, so it is found from those behind it.
    """
    with torch.enable_grad():
        leaves = _leaves(end.coordinates)
        state = State(leaves, end.alive)
        kicked = kick.apply(state, kick.field(beam, state), segment.kicked).coordinates
    before = tuple(
        old if new is old else old.detach() - (new.detach() - old.detach())
        for old, new in zip(leaves, kicked, strict=True)
    )
    return before, _pulled(kicked, leaves, parameters, gradients, sums)


def _in_blocks(
    course: Course, record: Record, columns: Tensors, gradients: Tensors, sums: Sums
) -> Tensors:
    """Block by block between kept beams, each run once more with all that autograd stores."""
    phases = 1 + len(course.kicks)
    stop = len(course)
    shared = active((course.beam.current, course.kicks))
    own = [active(element) for element in course.lattice]
    for start in sorted(record.beams, reverse=True):
        leaves = _leaves(record.beams.pop(start))
        parameters = {id(t): t for t in shared}
        with torch.enable_grad():
            state = State(leaves, record.alive(start * phases - 1))
            for index in range(start, stop):
                segment = course.segment(index)
                parameters |= {id(t): t for t in own[course.place(index)]}
                state = passed(segment, state, record.reference(index))
                beam = course.beam.replace(reference=record.reference(index + 1))
                for kick in course.kicks if segment.slices else ():
                    state = kick.admit(state)
                    state = kick.apply(state, kick.field(beam, state), segment.kicked)
        gradients = _pulled(state.coordinates, leaves, tuple(parameters.values()), gradients, sums)
        stop = start
    return gradients


def _leaves(columns: Tensors) -> Tensors:
    return tuple(c.detach().requires_grad_() for c in columns)


def _pulled(
    ends: Tensors,
    leaves: Tensors,
    parameters: Sequence[Tensor],
    gradients: Tensors,
    sums: Sums,
) -> Tensors:
    """Gradients by the leaves; those by the parameters go to the sums."""
    found = torch.autograd.grad(ends, [*leaves, *parameters], gradients, allow_unused=True)
    sums.add(parameters, found[6:])
    return tuple(
        torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, found, strict=False)
    )
