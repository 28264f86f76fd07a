"""Backward pass by reconstruction: each operation is undone, differentiated and forgotten."""

from __future__ import annotations

import torch
from torch import Tensor

from ...beam.beam import Beam
from ...beam.reference import Reference
from ...core.scalars import to_float
from ...core.tensors import active
from ...elements import Element
from ...elements.inverse import count_astray, has_inverse
from ...elements.part import Part
from ...kernels.columns import restore_columns
from ...maps.state import State
from ..plan import Act, is_idle
from ..programs import pieces_of
from ..task import Task
from .kernel_steps import (
    Passages,
    backward_mesh_kick,
    backward_operations,
    have_kernels,
    own,
)
from .record import Record, Tensors
from .steps import GradientAccumulator, backward_effect, backward_element, cannot_reconstruct

#: power of the rounding that a reconstructed particle may be off by, as part of itself and of the
#: others, however it went astray: by rounding, or where a map is undone as it does not act there
_DRIFT = 0.375


def without_inverse(task: Task) -> set[int]:
    """Operations of a turn before which the beam must be kept, as they cannot be undone."""
    reference, found = task.beam.reference, set()
    for piece in pieces_of(task.lattice, task.plan, task.effects, reference):
        maps = () if piece.program is None else piece.program.maps
        if piece.program is not None and all(map.is_undone for map in maps):
            continue
        for n in range(piece.first, piece.stop):
            motion = task.motion(n, 0)
            if motion is not None and not has_inverse(motion[0], reference, motion[1]):
                found.add(n)
    return found


def backward_reversible(
    task: Task, record: Record, ends: Tensors, gradients: Tensors, sums: GradientAccumulator
) -> Tensors:
    """Gradients by the columns at the start; what falls to parameters goes to the sums."""
    walk = _Backward(task, record, ends, gradients, sums)
    for number in reversed(range(len(task))):
        walk.step(number)
    return walk.end()


class _Backward:
    """A backward pass under way: columns, and gradients by them."""

    def __init__(
        self,
        task: Task,
        record: Record,
        ends: Tensors,
        gradients: Tensors,
        sums: GradientAccumulator,
    ) -> None:
        self._task, self._record, self._sums = task, record, sums
        beam, elements = task.beam, task.lattice.elements
        self._beam = beam
        self._shared = [active((beam.intensity, beam.weights, effect)) for effect in task.effects]
        places = {op.place for op in task.plan.ops}
        self._mine = {place: active(elements[place]) for place in places}
        self._passages = Passages(task, sums) if have_kernels(ends) else None
        self._columns, self._gradients = own(ends), own(gradients)
        self._whence = State(ends, record.alive(len(task) - 1))

    def end(self) -> Tensors:
        """The gradients at the start."""
        if self._passages is not None:
            self._passages.flush()
        return self._gradients

    def step(self, number: int) -> None:
        """Back through an operation."""
        turn, n = divmod(number, len(self._task.plan))
        op, kept = self._task.plan.ops[n], self._record.saved.get(number)
        motion = self._task.motion(n, turn)
        if motion is not None:
            self._element(number, n, turn, *motion, kept)
        elif isinstance(op, Act) and not is_idle(op, self._task.lattice, self._task.effects):
            self._effect(number, op, turn)
        if kept is not None:
            self._restore(kept, self._record.alive(number - 1))

    def _restore(self, kept: Tensors, alive: Tensor) -> None:
        """Take what was kept for what was found; raise where that came back elsewhere."""
        found, whence = self._columns, self._whence
        share = torch.finfo(kept[0].dtype).eps ** _DRIFT
        self._whence = State(kept, alive)
        if self._passages is not None and restore_columns(found, kept, alive, share):
            return  # as usual
        astray = count_astray(found, kept, alive, share, whence)
        if astray:
            raise cannot_reconstruct(astray, kept[0].dtype)
        self._columns = own(kept)

    def _element(
        self, number: int, n: int, turn: int, element: Element, part: Part, kept: Tensors | None
    ) -> None:
        # of the lost, those of before: they stay where they are
        end = State(self._columns, self._record.alive(number))
        reference = self._record.reference(number)
        if self._passages is not None:
            passage = self._passages.element(n, element, part, reference)
            if passage.compiled:  # maps with such kernels have inverses
                here = self._task.first_turn + turn
                backward_operations(passage, end, self._gradients, here)
                return
        known = kept if kept is not None and not has_inverse(element, reference, part) else None
        parameters = active(element)
        columns, gradients = backward_element(
            element, part, end, known, self._gradients, reference, parameters, self._sums
        )
        self._columns, self._gradients = own(columns), own(gradients)

    def _effect(self, number: int, op: Act, turn: int) -> None:
        effect = self._task.effects[op.effect]
        beam, state = self._beam_at(number), State(self._columns, self._record.alive(number))
        kick = effect.fused()
        if self._passages is not None and kick is not None and beam.weights is None:
            length = self._passages.length(op.place)
            strength = self._passages.strength(op.effect, kick, beam)
            ds = to_float(length.numbers[0]) / op.slices
            slope = backward_mesh_kick(kick, ds, strength, beam, state, self._gradients, self._sums)
            length.add(0, slope / op.slices)
            return
        with torch.enable_grad():  # the length over which it acts may carry a derivative
            place = self._task.place(op, turn)
        parts = self._shared[op.effect], self._mine[op.place], place.upstream
        parameters = active(parts)
        columns, gradients = backward_effect(
            effect, place, beam, state, self._gradients, parameters, self._sums
        )
        self._columns, self._gradients = own(columns), own(gradients)

    def _beam_at(self, number: int) -> Beam:
        reference: Reference = self._record.reference(number)
        if reference is not self._beam.reference:
            self._beam = self._beam.replace(reference=reference)
        return self._beam
