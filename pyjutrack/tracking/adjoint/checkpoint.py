"""Backward pass by running each stretch between two kept beams once more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...beam.reference import Reference
from ...collective import answers
from ...core.scalars import to_float
from ...core.tensors import active
from ...maps.state import State
from ..particles import traverse
from ..plan import Act, is_idle
from ..task import Task
from .choose import reference_moves
from .record import Record, Tensors
from .steps import GradientAccumulator, leaves_of, pull_back


def backward_checkpoint(
    task: Task, record: Record, ends: Tensors, gradients: Tensors, sums: GradientAccumulator
) -> Tensors:
    """Gradients by the columns at the start; what falls to parameters goes to the sums.

    The last of the gradients is that by the momentum of the reference, where there is one.
    """
    stop, start_of, moves = len(task), task.beam.reference.p0c, reference_moves(task)
    shared = active((task.beam.intensity, task.beam.weights, task.effects))
    places = {op.place for op in task.plan.ops}
    mine = {place: active(task.lattice.elements[place]) for place in places}
    for start in sorted(record.saved, reverse=True):
        leaves = leaves_of(record.saved[start])
        parameters = {id(t): t for t in shared}
        with torch.enable_grad():
            state = State(leaves, record.alive(start - 1))
            reference = record.reference(start)
            if moves:
                p0c = torch.tensor(to_float(reference.p0c), dtype=torch.float64).requires_grad_()
                leaves, reference = (*leaves, p0c), Reference(reference.species, p0c)
            for number in range(start, stop):
                op = task.plan.ops[number % len(task.plan)]
                known = mine[op.place]
                if isinstance(op, Act):
                    known = active((known, task.place(op, 0).upstream))
                parameters |= {id(t): t for t in known}
                state, reference = _step(task, number, state, reference)
        wanted: Sequence[Tensor] = tuple(parameters.values())
        columns: Any = (*state.coordinates, reference.p0c)[: len(leaves)]
        gradients = pull_back(columns, leaves, wanted, gradients, sums)
        stop = start
    if isinstance(start_of, Tensor):
        sums.add([start_of], gradients[6:])
    return gradients[:6]


def _step(task: Task, number: int, state: State, reference: Reference) -> tuple[State, Reference]:
    turn, n = divmod(number, len(task.plan))
    op = task.plan.ops[n]
    motion = task.motion(n, turn)
    if motion is not None:
        element, part = motion
        state = traverse(element, part, state, reference)
        return state, element.exit_reference(reference, part)
    if isinstance(op, Act) and not is_idle(op, task.lattice, task.effects):
        effect, place = task.effects[op.effect], task.place(op, turn)
        state = answers.admit(effect, state)
        beam = task.beam.replace(reference=reference)
        field = answers.field(effect, beam, state, place, None)
        state = answers.respond(effect, state, field, place)
    return state, reference
