"""Tracking as one function of autograd, whose backward pass finds again what it needs."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ...beam.reference import Reference
from ...collective.base import require_differentiable
from ...core.errors import InvalidValueError
from ...core.scalars import to_float
from ...core.tensors import active, are_dependent, replace_tensors, tensors_in
from ...kernels import parallel
from ...lattice.lattice import Lattice
from ...maps.state import State
from ..adjoints import Checkpoint, Reversible, Store, name_of
from ..end import End, expand_beam, state_of
from ..loop import run
from ..plan import Act, sections
from ..soft_apertures import apply_soft_aperture
from ..task import Task
from .checkpoint import backward_checkpoint
from .choose import choose_adjoint, reference_moves
from .record import NEVER, Record, Tensors
from .reversible import backward_reversible, without_inverse
from .steps import GradientAccumulator
from .versions import Versions


def run_adjoint(task: Task, *, once: bool = False) -> End:
    """Track a beam as `run`, with the task's adjoint for the backward pass.

    Args:
        once: as for `choose_adjoint`.

    Raises:
        InvalidValueError: an adjoint that cannot be: under a transform, or with an effect that is
            not reversible or whose parameters cannot be found.
    """
    with parallel.cores():
        adjoint = choose_adjoint(task, once=once)
        if isinstance(adjoint, Store):
            return run(task)
        require_differentiable(task.effects)
        if batch := task.batch:  # each with its own particles from the start
            task = task.along_particles()
            task = dataclasses.replace(task, beam=expand_beam(task.beam, batch))
        if not task.lattice.soft:
            return _run_recorded(task, adjoint)
        return _run_sections(task, adjoint)


def _run_sections(task: Task, adjoint: Checkpoint | Reversible) -> End:
    """Track section by section between soft apertures, whose weights autograd knows."""
    beam = task.beam
    parts = list(sections(task.plan))
    for turn in range(task.first_turn, task.first_turn + task.turns):
        for plan, weigh in parts:
            if plan.ops:
                section = dataclasses.replace(task, beam=beam, plan=plan, turns=1, first_turn=turn)
                beam = _run_recorded(section, adjoint).beam(beam)
            if weigh is not None:
                aperture = task.lattice.elements[weigh.place]
                state = state_of(beam.coordinates, beam.alive)
                alive, weights = apply_soft_aperture(aperture, state, beam.reference, beam.weights)
                beam = beam.replace(alive=alive, weights=weights)
    return End(state_of(beam.coordinates, beam.alive), None, beam.reference, beam.weights)


def _run_recorded(task: Task, adjoint: Checkpoint | Reversible) -> End:
    columns = state_of(task.beam.coordinates, task.beam.alive).coordinates
    weights = task.beam.weights
    task, cut = _with_leaves(task)
    parts = tensors_in(task.parts)
    parameters = [t for t in parts if t.requires_grad]
    given = [cut.get(id(p), p) for p in parameters]
    tape = _Tape(task, adjoint, parameters, Versions(parts), Versions(columns))
    ends = _Tracking.apply(tape, *columns, *given)
    reference = tape.record.reference(len(task))
    if tape.reference_moves:
        reference = Reference(reference.species, ends[6])
    alive = tape.record.alive(NEVER - 1)
    return End(State(tuple(ends[:6]), alive), None, reference, weights)


def _with_leaves(task: Task) -> tuple[Task, dict[int, Tensor]]:
    """The same without parameters that were computed from one another, each cut off as a leaf.

    Autograd would go on from one to the other, and count what falls to that twice. Weights and
    momentum after other sections depend on the parameters of these.

    Returns:
        The task, and what each leaf stands for, by its id.
    """
    beam = task.beam
    cut = [t for t in active((beam.weights, beam.reference)) if not t.is_leaf]
    others = [t for t in active(task.parts) if not any(t is c for c in cut)]
    if are_dependent(others):
        cut += [t for t in others if not t.is_leaf]
    if not cut:
        return task, {}
    leaves = {id(t): t.detach().requires_grad_() for t in cut}
    (current, charge), weights, reference, elements, effects = replace_tensors(task.parts, leaves)
    carried = {"current": current, "charge": charge}
    beam = beam.replace(**carried, weights=weights, reference=reference)
    lattice = task.lattice if elements is task.lattice.elements else Lattice(elements)
    changed = dataclasses.replace(task, beam=beam, lattice=lattice, effects=effects)
    return changed, {id(leaves[id(t)]): t for t in cut}


class _Tape:
    """A task, its parameters, and what its backward pass reads."""

    def __init__(
        self,
        task: Task,
        adjoint: Checkpoint | Reversible,
        parameters: list[Tensor],
        read: Versions,
        start: Versions,
    ) -> None:
        self.task, self.adjoint, self.parameters = task, adjoint, parameters
        self._read, self._start = read, start
        self._beam = Versions((task.beam.coordinates,))
        self.reference_moves = reference_moves(task)
        beam, lattice = task.beam, task.lattice.detach()
        self._numbers = dataclasses.replace(
            task,
            beam=beam.replace(
                coordinates=beam.coordinates.detach(), reference=beam.reference.detach()
            ),
            lattice=lattice,
        )
        self.record = Record(self._numbers, _stops(self._numbers, adjoint))

    def forward(self) -> Tensors:
        """Track with plain numbers, and keep what is wanted; the columns at the end."""
        record = self.record
        return run(self._numbers, observers=(record,), losses=record).state.coordinates

    def backward(self, ends: Tensors, gradients: Tensors) -> tuple[Tensors, list[Tensor | None]]:
        """Gradients by the columns at the start, and by the parameters."""
        name = name_of(self.adjoint)
        self._read.check(name)
        if 0 in self.record.saved:
            self._start.check(name)
        sums = GradientAccumulator(self.parameters)
        reversible = isinstance(self.adjoint, Reversible)
        if reversible and self._beam.unchanged:  # to hold what is reconstructed against
            start = self._numbers.beam
            self.record.saved[0] = state_of(start.coordinates, start.alive).coordinates
        back = backward_reversible if reversible else backward_checkpoint
        with parallel.cores():
            slopes = back(self.task, self.record, ends, gradients, sums)
        return slopes, sums.totals


class _Tracking(Function):
    """(tape, six columns, parameters given) -> six columns.

    And the momentum of the reference, where that carries derivatives. Parameters are those of the
    tape; what is given in their place are the same but for its leaves.
    """

    @staticmethod
    def forward(ctx: Any, tape: _Tape, *tensors: Any) -> Any:
        ends = tuple(t.clone() if any(t is u for u in tensors) else t for t in tape.forward())
        if tape.reference_moves:
            p0c = to_float(tape.record.reference(len(tape.task)).p0c)
            ends = (*ends, torch.tensor(p0c, dtype=torch.float64))
        ctx.tape = tape
        ctx.save_for_backward(*ends)
        return ends

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        tape = ctx.tape
        if torch.is_grad_enabled():
            raise InvalidValueError(
                f"adjoint={name_of(tape.adjoint)!r} gives first derivatives; for derivatives of "
                "gradients take adjoint='store'"
            )
        slopes, totals = tape.backward(ctx.saved_tensors[:6], gradients)
        return None, *slopes, *totals


def _stops(task: Task, adjoint: Checkpoint | Reversible) -> set[int]:
    """Before which operations, of all turns, the beam is kept."""
    size, total = len(task.plan), len(task)
    if isinstance(adjoint, Checkpoint):
        every = adjoint.every or _even(size, math.isqrt(total))
        # whole turns, or parts of each turn, so that programs are cut alike in all of them
        return {n for n in range(total) if (n if every >= size else n % size) % every == 0}
    fixed = without_inverse(task)
    wanted = {turn * size + n for turn in range(task.turns) for n in fixed}
    if adjoint.snapshots:
        actions = [n for n, op in enumerate(task.plan.ops) if isinstance(op, Act)] or [0]
        places = [t * size + n for t in range(task.turns) for n in actions]
        count = adjoint.snapshots + 1
        wanted |= {places[len(places) * n // count] for n in range(1, count)}
    return wanted


def _even(size: int, root: int) -> int:
    """About `root` operations, as whole turns of some size or as equal parts of one."""
    if root >= size:
        return size * (root // size)
    return -(-size // -(-size // max(root, 1)))
