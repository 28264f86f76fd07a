"""What is said of lost particles: derivatives hold fixed which, and effects may lose them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..autodiff import Pushed, value_of
from ..beam.beam import Beam
from ..collective.base import CollectiveEffect
from ..core.checks import wrong
from ..core.errors import AccuracyWarning, LossWarning, ResolutionWarning, warn
from ..core.scalars import is_tracked, layers
from ..maps.state import State, lose_unphysical
from .loop import run
from .plan import plan_of
from .task import Task

#: no momentum above this, in units of the reference's, leaves every particle some forward
_FORWARD = 0.4
#: of the particles that a lattice stops by itself, so many more are those at its dynamic aperture
_EDGE = 0.1


def count_lost(before: Beam, after: Beam) -> int:
    """Count the particles of the whole beam (of a stack, the most in one) that were lost at sharp
    edges between two places.

    Those that soft apertures took have no weight left, and derivatives know of it.
    """
    gone = before.alive & ~after.alive
    if after.weights is not None:
        gone = gone & (after.weights.detach() > 0)
    *_, count = layers(gone.sum(-1))  # of each call that `torch.func.vmap` makes, or one
    return int(before.world.sum(count).max())


def warn_of_losses(count: int, particles: int) -> None:
    """Warn that derivatives hold fixed which particles are lost, where some are.

    Args:
        count: of the particles lost at sharp edges, of so many.
    """
    if count:
        warn(
            f"{count} of {particles} particles are lost before the beam is observed; its "
            "derivatives hold fixed which ones, and leave out that a knob changes it. Give the "
            "apertures a smoothing (see `Aperture`), and space charge a box that holds the beam; "
            "or ignore pyjutrack.errors.LossWarning where that does not matter",
            LossWarning,
        )


def warn_of_effects(task: Task, beams: Iterable[Beam]) -> None:
    """Warn of particles lost outside of the window of an effect, or that kicks leave no momentum.

    Lost particles keep the coordinates at which they were lost, also those that were outside at
    the start. What lost them is not recorded: what an aperture takes out there counts too.

    Args:
        task: with the beam as it started.
        beams: tracked, at one place or several; the most in one counts.
    """
    effects, before, ends = task.effects, task.beam, list(beams)
    for number, effect in enumerate(effects):
        counts = [_count_left(effect, before, end) for end in ends]
        most, window = max(counts, default=(0, ""))
        if most:
            warn(
                f"{most} of {before.particles} particles are lost, and outside of {window} "
                f"(effects[{number}]): where the window lost them, and not an aperture (`loss_map` "
                "says which did), their charge is missing from there on; take a longer one, or cut "
                "them off before",
                ResolutionWarning,
            )
    if effects:
        _warn_of_kicks(task, ends)


def _warn_of_kicks(task: Task, ends: Sequence[Beam]) -> None:
    """Warn of particles that the next element would lose, or has lost, by their momenta.

    Where there are any, all are tracked without effects: those that the lattice loses, as beyond
    its dynamic aperture, are not the effects', but for those at delta <= -1 with effects alone.
    """
    before = task.beam
    found = [(end, stop) for end in ends if (stop := _find_stopped(before, end)) is not None]
    if not found:
        return
    again = _track_alone(task)
    left = State(value_of(again.coordinates).detach().unbind(-1), again.alive)
    lost, held = before.alive & ~lose_unphysical(left).alive, left.coordinates[5] > -1
    edge = _EDGE * _most(before, lost.sum(-1))
    counts = []
    for end, stop in found:
        momenta = value_of(end.coordinates).detach()[..., 1::2]
        kicked, more = stop & held & (momenta[..., 2] <= -1), stop & ~lost
        if _most(before, more.sum(-1)) > edge:
            kicked = kicked | more
        counts.append((_most(before, kicked.sum(-1)), _largest(before, momenta, kicked)))
    most, size = max(counts)
    if not most:
        return
    names = [f"effects[{n}] ({_kind(effect)})" for n, effect in enumerate(task.effects)]
    warn(
        f"{most} of {before.particles} particles are left without momentum, not lost at apertures: "
        "their delta is -1 or less, or px and py are more than what is left of it, up to "
        f"{size:.3g} times the momentum of the reference; the next element cannot move them. What "
        f"kicks them: {', '.join(names)}; check charge, factors and units. Without effects they "
        "are not; where they are lost, `loss_map` says",
        AccuracyWarning,
    )


def _kind(effect: CollectiveEffect) -> str:
    at = getattr(effect, "at", None)
    return type(effect).__name__ if at is None else f"{type(effect).__name__} at {at!r}"


def _track_alone(task: Task) -> Beam:
    beam = task.beam.replace(coordinates=value_of(task.beam.coordinates).detach(), weights=None)
    plan = plan_of(task.lattice, ())
    with torch.no_grad():
        return run(dataclasses.replace(task, beam=beam, effects=(), plan=plan)).beam(beam)


def _find_stopped(before: Beam, after: Beam) -> Tensor | None:
    """Find particles that had momentum and have none; None where no momentum is so large."""
    rows = value_of(after.coordinates).detach()
    # not by `aminmax`, which takes three times as long
    ends = [end for i in (1, 3, 5) for end in (rows[..., i].amax(-1), -rows[..., i].amin(-1))]
    *_, size = layers(torch.stack(ends))
    if float(before.world.largest(size.max())) <= _FORWARD:
        return None
    start = lose_unphysical(State(value_of(before.coordinates).unbind(-1), before.alive)).alive
    return start & ~lose_unphysical(State(rows.unbind(-1), start)).alive


def _most(before: Beam, counts: Tensor) -> int:
    *_, count = layers(counts)
    return int(before.world.sum(count).max())


def _largest(before: Beam, momenta: Tensor, stopped: Tensor) -> float:
    *_, size = layers(torch.where(stopped, momenta.abs().amax(-1), 0.0).amax(-1))
    return float(before.world.largest(size.max()))


def _count_left(effect: CollectiveEffect, before: Beam, after: Beam) -> tuple[int, str]:
    found = effect.left(State(after.coordinates.unbind(-1), after.alive))
    if found is None:
        return 0, ""
    if not isinstance(found, tuple) or len(found) != 2:
        expected = "None, or a mask of particles and what they left, in words"
        raise wrong(f"what {type(effect).__name__}.left returns", found, expected)
    outside, window = found
    *_, count = layers((before.alive & ~after.alive & outside).sum(-1))
    return int(before.world.sum(count).max()), window


def warn_if_differentiable(before: Beam, beams: Iterable[Beam]) -> None:
    """`warn_of_losses` for tracked beams, if they carry derivatives."""
    lost = [count_lost(before, beam) for beam in beams if _carries(beam)]
    if lost:
        warn_of_losses(max(lost), before.particles)


def _carries(beam: Beam) -> bool:
    coordinates = beam.coordinates
    return (
        isinstance(coordinates, Pushed) or forward_ad._current_level >= 0 or is_tracked(coordinates)
    )
