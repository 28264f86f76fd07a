"""Which way of remembering serves a tracking."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch.autograd import forward_ad

from ...autodiff import Pushed
from ...beam.beam import Beam
from ...collective import SpaceCharge
from ...collective.base import CollectiveEffect
from ...core.errors import InvalidValueError
from ...core.scalars import is_transformed
from ...core.tensors import active, hidden, tensors_in
from ..end import state_of
from .tape import Course

Adjoint = Literal["auto", "store", "checkpoint", "reversible"]
ADJOINTS: tuple[str, ...] = get_args(Adjoint)

#: what "auto" lets a stored graph take [byte]
STORED = 2**30
#: columns of the beam that a stored graph holds for every segment, about
_COLUMNS = 16


def chosen(course: Course, adjoint: str, *, once: bool = False) -> str:
    """The strategy, "auto" resolved; "store" where no gradient can be asked for.

    Args:
        once: no gradient will be differentiated, so that "auto" may take what is fastest.

    Raises:
        InvalidValueError: a strategy that cannot serve.
    """
    beam, effects = course.beam, course.effects
    small = stored_bytes(course) <= STORED
    if adjoint == "store" or (adjoint == "auto" and small and not (once and _compiled(course))):
        return "store"
    everything = tensors_in((beam.coordinates, course.parts))
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
    for kick in effects:
        if _depends_on_hidden(kick, beam):
            if adjoint == "auto":
                return "store"
            raise InvalidValueError(
                f"{type(kick).__name__} depends on tensors that require gradients and are not "
                "among its attributes, so that they would get none; make them attributes of the "
                "kick, or take adjoint='store'"
            )
    fixed = [k for k in effects if not getattr(k, "reversible", False)]
    if adjoint == "auto":
        adjoint = "reversible" if _is_double(beam) and not fixed else "checkpoint"
    elif adjoint == "reversible" and fixed:
        raise InvalidValueError(
            f"{type(fixed[0]).__name__} does not say that it is reversible (see "
            "`CollectiveEffect`); take adjoint='checkpoint'"
        )
    # what is reconstructed does not tell the reference's derivative
    return "checkpoint" if course.reference_moves else adjoint


def _compiled(course: Course) -> bool:
    """Whether the way back is faster than what autograd stores: by kernels, in double precision."""
    c, effects = course.beam.coordinates, course.effects
    here = c.device.type == "cpu" and c.dim() == 2 and _is_double(course.beam)
    here = here and course.beam.weights is None
    return here and bool(effects) and all(type(k) is SpaceCharge for k in effects)


def _is_double(beam: Beam) -> bool:
    return beam.coordinates.dtype == torch.float64


def stored_bytes(course: Course) -> int:
    """What autograd would keep of a tracking, about."""
    beam, c = course.beam, course.beam.coordinates
    # ranks must choose alike, so it is not the number here, which may differ by one
    particles = c.numel() // 6 // len(beam) * (beam.particles // beam.world.size)
    return course.whole * _COLUMNS * particles * c.element_size()


def _depends_on_hidden(kick: CollectiveEffect, beam: Beam) -> bool:
    """Whether a kick uses tensors which nobody can find: their gradients would be missed."""
    with torch.enable_grad():
        state = kick.admit(state_of(beam.coordinates.detach(), beam.alive))
        moved = kick.apply(state, kick.field(beam, state), 0.0)
    return hidden(moved.coordinates, active((kick, beam.current, beam.weights, beam.reference)))
