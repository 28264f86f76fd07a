"""Choice of the adjoint of a tracking."""

from __future__ import annotations

import math

import torch
from torch.autograd import forward_ad

from ...autodiff import Pushed
from ...beam.beam import Beam
from ...collective import answers
from ...collective.base import CollectiveEffect
from ...core.errors import InvalidValueError
from ...core.scalars import is_transformed
from ...core.tensors import active, has_hidden_leaf, tensors_in
from ..adjoints import Adjoint, Auto, Checkpoint, Reversible, Store, name_of
from ..end import state_of
from ..plan import Act
from ..task import Task

#: columns of the beam that a stored graph holds for every part of an element, about
_COLUMNS = 16


def choose_adjoint(task: Task, *, once: bool = False) -> Store | Checkpoint | Reversible:
    """Choose the adjoint of a task: `Store` where no gradient can be asked for.

    Args:
        once: no gradient will be differentiated, so that `Auto` may take what is fastest.

    Raises:
        InvalidValueError: an adjoint that cannot serve.
    """
    adjoint, beam, effects = task.adjoint, task.beam, task.effects
    automatic = isinstance(adjoint, Auto)
    if isinstance(adjoint, Store):
        return adjoint
    small = isinstance(adjoint, Auto) and stored_bytes(task) <= adjoint.memory
    if small and not (once and _has_kernels(task)):
        return Store()
    everything = tensors_in((beam.coordinates, task.parts))
    if forward_ad._current_level >= 0 or any(
        isinstance(t, Pushed) or is_transformed(t) for t in everything
    ):
        return _refuse(
            adjoint,
            f"adjoint={name_of(adjoint)!r} is for reverse mode by autograd; forward mode and the "
            "transforms of torch.func need adjoint='store'",
        )
    if not (torch.is_grad_enabled() and any(t.requires_grad for t in everything)):
        return Store()
    task = task.along_particles()
    for number, effect in enumerate(task.effects):
        name = type(effect).__name__
        if effect.start(task.beam) is not None:
            return _refuse(adjoint, f"{name} remembers former turns; take adjoint='store'")
        if _depends_on_hidden(task, number, effect):
            return _refuse(
                adjoint,
                f"{name} depends on tensors that require gradients and are not among its "
                "attributes, so that they would get none; make them attributes of the effect, or "
                "take adjoint='store'",
            )
    fixed = [e for e in effects if not e.reversible]
    if automatic:
        adjoint = Reversible() if _is_double(beam) and not fixed else Checkpoint()
    elif isinstance(adjoint, Reversible) and fixed:
        raise InvalidValueError(
            f"{type(fixed[0]).__name__} does not say that it is reversible (see "
            "`CollectiveEffect`); take adjoint='checkpoint'"
        )
    if isinstance(adjoint, Reversible) and reference_moves(task):
        return Checkpoint()  # a reconstruction has no derivative of the reference
    assert not isinstance(adjoint, Auto)
    return adjoint


def _refuse(adjoint: Adjoint, message: str) -> Store:
    if isinstance(adjoint, Auto):
        return Store()
    raise InvalidValueError(message)


def reference_moves(task: Task) -> bool:
    """Return whether the reference's momentum carries derivatives, at the start or later."""
    with torch.enable_grad():
        reference = task.beam.reference
        for element in task.lattice:
            reference = element.exit_reference(reference)
    return isinstance(reference.p0c, torch.Tensor)


def _has_kernels(task: Task) -> bool:
    """Return whether the backward pass has kernels, faster than what autograd stores."""
    c, effects = task.beam.coordinates, task.effects
    here = c.device.type == "cpu" and c.dim() == 2 and _is_double(task.beam)
    here = here and task.beam.weights is None
    return here and bool(effects) and all(e.fused() is not None for e in effects)


def _is_double(beam: Beam) -> bool:
    return beam.coordinates.dtype == torch.float64


def stored_bytes(task: Task) -> int:
    """Estimate the bytes that autograd would store of a tracking."""
    beam, c = task.beam, task.beam.coordinates
    # ranks must choose alike, so it is not the number here, which may differ by one
    settings = math.prod(task.batch)
    particles = settings * c.numel() // 6 // len(beam) * (beam.particles // beam.world.size)
    return task.turns * task.plan.traverses * _COLUMNS * particles * c.element_size()


def held_bytes(task: Task) -> int:
    """Estimate the bytes that a backward pass of a task's own adjoint holds at once."""
    stored, parts = stored_bytes(task), max(task.turns * task.plan.traverses, 1)
    if isinstance(task.adjoint, Checkpoint):
        every = min(task.adjoint.every or math.isqrt(parts), parts)  # a stretch, and kept beams
        return stored * every // parts + stored // every
    if isinstance(task.adjoint, Reversible):
        return stored * (task.adjoint.snapshots + 2) // (2 * parts)
    return stored


def _depends_on_hidden(task: Task, number: int, effect: CollectiveEffect) -> bool:
    """Return whether an effect uses hidden tensors: their gradients would be missed."""
    beam, plan = task.beam, task.plan
    first = next((o for o in plan.ops if isinstance(o, Act) and o.effect == number), None)
    if first is None:
        return False
    place = task.place(first, 0)._replace(ds=0.0)
    with torch.enable_grad():
        state = answers.admit(effect, state_of(beam.coordinates.detach(), beam.alive))
        if effect.by_maps:
            moved = answers.transport(effect, state, beam.reference, place)
        else:
            field = answers.field(effect, beam, state, place, None)
            moved = answers.respond(effect, state, field, place)
    known = active(
        (effect, place.element, place.upstream, beam.intensity, beam.weights, beam.reference)
    )
    return has_hidden_leaf(moved.coordinates, known)
