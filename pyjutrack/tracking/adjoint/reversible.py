"""Tracking whose reverse pass reconstructs what it needs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ...beam.beam import Beam
from ...beam.reference import Reference
from ...collective.base import CollectiveEffect, Plan
from ...collective.space_charge import check_differentiable
from ...core.errors import InvalidValueError
from ...core.scalars import detached
from ...core.tensors import active, entangled, replaced, tensors_in
from ...elements.inverse import has_inverse
from ...kernels import parallel
from ...lattice.lattice import Lattice
from ...maps.state import State
from ..end import End, state_of
from ..fused_slices import channelled
from ..loop import run
from ..slicing import Walk, passed
from ..soft_apertures import in_sections
from .kernel_steps import (
    Passages,
    back_through_operations,
    back_through_space_charge,
    have_kernels,
    is_compiled,
    own,
)
from .steps import Sums, back_through_element, back_through_kick, leaves_of, pulled
from .strategies import chosen
from .tape import NEVER, Course, Record, Tensors
from .versions import Versions

#: whole beams that "reversible" keeps against the drift of rounding
SNAPSHOTS = 7


def run_adjoint(
    lattice: Lattice,
    beam: Beam,
    effects: Sequence[CollectiveEffect],
    turns: int,
    counts: Plan,
    adjoint: str = "auto",
    *,
    once: bool = False,
) -> End:
    """`propagation.run` of a beam, with a choice of how reverse mode will go back through it.

    Args:
        adjoint: see `pyjutrack.track`. once: as for `choice.chosen`.

    Raises:
        InvalidValueError: a choice that cannot be: under a transform, or with a kick that is
            not reversible or whose parameters cannot be found.
    """
    if lattice.soft:
        return _softly(lattice, beam, effects, turns, counts, adjoint, once)
    return _run(Course(lattice, beam, tuple(effects), turns, Walk(lattice, counts)), adjoint, once)


def _softly(
    lattice: Lattice,
    beam: Beam,
    effects: Sequence[CollectiveEffect],
    turns: int,
    counts: Plan,
    adjoint: str,
    once: bool,
) -> End:
    """The same between soft apertures."""
    sections = turns * (1 + len(lattice.soft))

    def track(part: Lattice, beam: Beam, counts: Plan, _: State | None) -> End:
        course = Course(part, beam, tuple(effects), 1, Walk(part, counts), sections)
        return _run(course, adjoint, once)

    return in_sections(track, lattice, beam, turns, counts, None)


def _run(course: Course, adjoint: str, once: bool) -> End:
    with parallel.cores():
        strategy = chosen(course, adjoint, once=once)
        if strategy == "store":
            lattice, counts = course.lattice, course.walk.counts
            return run(lattice, course.beam, course.effects, course.turns, counts)
        return _remembering(course, strategy)


def _remembering(course: Course, strategy: str) -> End:
    check_differentiable(course.effects)
    columns = state_of(course.beam.coordinates, course.beam.alive).coordinates
    weights = course.beam.weights
    course, cut = _with_leaves(course)
    parts = tensors_in(course.parts)
    parameters = [t for t in parts if t.requires_grad]
    given = [cut.get(id(p), p) for p in parameters]
    record = Record(torch.where(course.beam.alive, NEVER, -1), [(0, course.beam.reference)])
    read = Versions(parts), Versions(columns)
    ends = _Tracking.apply(course, record, strategy, parameters, read, *columns, *given)
    reference = record.references[-1][1]
    if course.reference_moves:
        reference = Reference(reference.species, ends[6])
    return End(State(tuple(ends[:6]), record.alive(NEVER - 1)), None, reference, weights)


def _with_leaves(course: Course) -> tuple[Course, dict[int, Tensor]]:
    """The same without parameters that were computed from one another, each cut off as a leaf.

    Autograd would go on from one to the other, and count what falls to that twice. Weights and
    momentum behind other sections depend on the parameters of these.

    Returns:
        The course, and what each leaf stands for, by its id.
    """
    beam = course.beam
    cut = [t for t in active((beam.weights, beam.reference)) if not t.is_leaf]
    others = [t for t in active(course.parts) if not any(t is c for c in cut)]
    if entangled(others):
        cut += [t for t in others if not t.is_leaf]
    if not cut:
        return course, {}
    leaves = {id(t): t.detach().requires_grad_() for t in cut}
    current, weights, reference, lattice, effects = replaced(course.parts, leaves)
    beam = beam.replace(current=current, weights=weights, reference=reference)
    walk = course.walk.of(lattice)
    changed = dataclasses.replace(course, beam=beam, lattice=lattice, effects=effects, walk=walk)
    return changed, {id(leaves[id(t)]): t for t in cut}


class _Tracking(Function):
    """(course, record, strategy, parameters, read, six columns, parameters given) -> six columns.

    And the momentum of the reference, where that carries derivatives. Parameters are those of the
    course; what is given in their place are the same but for its leaves. `read` are the versions
    of all that the course holds, and of the columns.
    """

    @staticmethod
    def forward(
        ctx: Any,
        course: Course,
        record: Record,
        strategy: str,
        parameters: Sequence[Tensor],
        read: tuple[Versions, Versions],
        *tensors: Any,
    ) -> Any:
        ends = tuple(
            t.clone() if any(t is u for u in tensors) else t
            for t in _forward(course, record, strategy, tensors[:6])
        )
        if course.reference_moves:
            p0c = detached(record.references[-1][1].p0c)
            ends = (*ends, torch.tensor(p0c, dtype=torch.float64))
        ctx.course, ctx.record, ctx.strategy = course, record, strategy
        ctx.parameters, ctx.read = parameters, read
        ctx.save_for_backward(*ends)
        return ends

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        if torch.is_grad_enabled():
            raise InvalidValueError(
                f"adjoint={ctx.strategy!r} gives first derivatives; for derivatives of gradients "
                "take adjoint='store'"
            )
        parts, start = ctx.read
        parts.check(ctx.strategy)
        if 0 in ctx.record.before:
            start.check(ctx.strategy)
        columns, sums = ctx.saved_tensors[:6], Sums(ctx.parameters)  # "reversible" needs columns
        back = _backwards if ctx.strategy == "reversible" else _in_blocks
        with parallel.cores():
            slopes = back(ctx.course, ctx.record, columns, gradients, sums)
        return None, None, None, None, None, *slopes, *sums.totals


def _forward(course: Course, record: Record, strategy: str, columns: Tensors) -> Tensors:
    state, beam = State(columns, course.beam.alive), course.beam
    if strategy == "checkpoint":
        before, between = frozenset(range(0, len(course), math.isqrt(len(course)))), []
    else:
        # the ends of sections are kept too
        before, kept = frozenset(), SNAPSHOTS // course.sections
        between = [len(course) * n // (kept + 1) for n in range(1, kept + 1)]
        walk = course.numbers()
        # what is stepped may have no way back, and the beam in front of it would have to be kept
        found = channelled(walk, beam, state, course.effects, course.turns, between, stepping=False)
        if found is not None:
            record.between = found.kept
            lost = torch.from_numpy(found.segment * course.phases + found.by_kick)
            record.lost = torch.where(lost < 0, record.lost, lost)
            return found.state.coordinates
    for index in range(len(course)):
        segment, reference, phase = course.segment(index), beam.reference, index * course.phases
        if index in before or (
            strategy == "reversible" and not has_inverse(segment.element, reference, segment.part)
        ):
            record.before[index] = state.coordinates
        alive = state.alive
        state = passed(segment, state, reference)
        record.note(phase, alive, state.alive)
        if index in between:
            record.between[index] = state.coordinates
        after = segment.element.exit_reference(reference, segment.part)
        if after is not reference:
            beam = beam.replace(reference=after)
            record.references.append((index + 1, after))
        for n, kick in enumerate(course.effects if segment.slices else (), 1):
            alive = state.alive
            state = kick.admit(state)
            record.note(phase + n, alive, state.alive)
            state = kick.apply(state, kick.field(beam, state), segment.kicked)
    return state.coordinates


def _backwards(
    course: Course, record: Record, columns: Tensors, gradients: Tensors, sums: Sums
) -> Tensors:
    """Segment by segment, each reconstructed from what is behind it."""
    shared = [active((course.beam.current, course.beam.weights, kick)) for kick in course.effects]
    mine = [active(element) for element in course.lattice]
    compiled = have_kernels(columns)
    passages, beam = Passages(course, sums), course.beam
    columns, gradients = own(columns), own(gradients)
    for index in reversed(range(len(course))):
        segment, phase = course.segment(index), index * course.phases
        reference, parameters = record.reference(index), mine[course.place(index)]
        passage = passages.segment(index, reference) if compiled else None
        if segment.slices:
            if beam.reference is not (behind_it := record.reference(index + 1)):
                beam = beam.replace(reference=behind_it)
            for n in reversed(range(len(course.effects))):
                kick, state = course.effects[n], State(columns, record.alive(phase + n + 1))
                if passage is not None and is_compiled(kick) and beam.weights is None:
                    strength = passages.strength(n, kick, beam)
                    back_through_space_charge(kick, passage, strength, beam, state, gradients, sums)
                else:
                    columns, gradients = map(
                        own,
                        back_through_kick(
                            kick, segment, beam, state, gradients, (*shared[n], *parameters), sums
                        ),
                    )
        if index in record.between:
            columns = own(record.between[index])
        end, known = State(columns, record.alive(phase)), record.before.get(index)
        if passage is not None and passage.compiled and known is None:
            back_through_operations(passage, end, gradients)
        else:
            columns, gradients = map(
                own,
                back_through_element(segment, end, known, gradients, reference, parameters, sums),
            )
    passages.settle()
    return gradients


def _in_blocks(
    course: Course, record: Record, columns: Tensors, gradients: Tensors, sums: Sums
) -> Tensors:
    """Block by block between kept beams, each run once more with all that autograd stores.

    The last of the gradients is that by the momentum of the reference, where there is one.
    """
    stop, start_of = len(course), course.beam.reference.p0c
    shared = active((course.beam.current, course.beam.weights, course.effects))
    mine = [active(element) for element in course.lattice]
    for start in sorted(record.before, reverse=True):
        leaves = leaves_of(record.before[start])
        parameters = {id(t): t for t in shared}
        with torch.enable_grad():
            state = State(leaves, record.alive(start * course.phases - 1))
            reference = record.reference(start)
            if course.reference_moves:
                p0c = torch.tensor(detached(reference.p0c), dtype=torch.float64).requires_grad_()
                leaves, reference = (*leaves, p0c), Reference(reference.species, p0c)
            for index in range(start, stop):
                segment = course.segment(index)
                parameters |= {id(t): t for t in mine[course.place(index)]}
                state = passed(segment, state, reference)
                reference = segment.element.exit_reference(reference, segment.part)
                beam = course.beam.replace(reference=reference)
                for kick in course.effects if segment.slices else ():
                    state = kick.admit(state)
                    state = kick.apply(state, kick.field(beam, state), segment.kicked)
        wanted = tuple(parameters.values())
        ends: Any = (*state.coordinates, reference.p0c)[: len(leaves)]
        gradients = pulled(ends, leaves, wanted, gradients, sums)
        stop = start
    if isinstance(start_of, Tensor):
        sums.add([start_of], gradients[6:])
    return gradients[:6]
