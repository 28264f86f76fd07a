"""What is said of lost particles: derivatives hold fixed which, and effects may lose them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch.autograd import forward_ad

from ..autodiff import Pushed, value_of
from ..beam.beam import Beam
from ..collective.base import CollectiveEffect
from ..core.checks import wrong
from ..core.errors import AccuracyWarning, LossWarning, ResolutionWarning, warn
from ..core.scalars import is_tracked, layers
from ..maps.state import State, lose_unphysical

#: no momentum above this, in units of the reference's, leaves every particle some forward
_FORWARD = 0.4


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


def warn_of_effects(
    effects: Sequence[CollectiveEffect], before: Beam, beams: Iterable[Beam]
) -> None:
    """Warn of particles lost outside of the window of an effect, or that kicks leave no momentum.

    Lost particles keep the coordinates at which they were lost, also those that were outside at
    the start. What lost them is not recorded: what an aperture takes out there counts too.

    Args:
        beams: tracked, at one place or several; the most in one counts.
    """
    ends = list(beams)
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
        _warn_of_kicks(effects, before, ends)


def _warn_of_kicks(effects: Sequence[CollectiveEffect], before: Beam, ends: Sequence[Beam]) -> None:
    """Warn of particles that the next element would lose, or has lost, by their momenta."""
    most, size = max((_count_stopped(before, end) for end in ends), default=(0, 0.0))
    if not most:
        return
    names = [f"effects[{n}] ({_kind(effect)})" for n, effect in enumerate(effects)]
    warn(
        f"{most} of {before.particles} particles are left without momentum, not lost at apertures: "
        "their delta is -1 or less, or px and py are more than what is left of it, up to "
        f"{size:.3g} times the momentum of the reference; the next element cannot move them. What "
        f"kicks them: {', '.join(names)}; check charge, factors and units. Where they are lost, "
        "`loss_map` says, and whether the lattice does it by itself, a call without effects",
        AccuracyWarning,
    )


def _kind(effect: CollectiveEffect) -> str:
    at = getattr(effect, "at", None)
    return type(effect).__name__ if at is None else f"{type(effect).__name__} at {at!r}"


def _count_stopped(before: Beam, after: Beam) -> tuple[int, float]:
    """Count particles that had momentum and have none, and find their largest momentum."""
    rows = value_of(after.coordinates).detach()
    # not by `aminmax`, which takes three times as long
    ends = [end for i in (1, 3, 5) for end in (rows[..., i].amax(-1), -rows[..., i].amin(-1))]
    *_, size = layers(torch.stack(ends))
    if float(before.world.largest(size.max())) <= _FORWARD:
        return 0, 0.0
    start = lose_unphysical(State(value_of(before.coordinates).unbind(-1), before.alive)).alive
    stopped = start & ~lose_unphysical(State(rows.unbind(-1), start)).alive
    *_, count = layers(stopped.sum(-1))
    *_, size = layers(torch.where(stopped, rows[..., 1::2].abs().amax(-1), 0.0).amax(-1))
    return int(before.world.sum(count).max()), float(before.world.largest(size.max()))


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
