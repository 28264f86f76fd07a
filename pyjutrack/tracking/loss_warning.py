"""What is said of lost particles: derivatives hold fixed which, and windows may be too short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch.autograd import forward_ad

from ..autodiff import Pushed
from ..beam.beam import Beam
from ..collective.base import CollectiveEffect
from ..core.checks import wrong
from ..core.errors import LossWarning, ResolutionWarning, warn
from ..core.scalars import is_tracked, layers
from ..maps.state import State


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


def warn_of_windows(
    effects: Sequence[CollectiveEffect], before: Beam, beams: Iterable[Beam]
) -> None:
    """Warn of particles that have left the window of an effect, with how many there are.

    Lost particles keep the coordinates at which they were lost, also those that were outside at
    the start.

    Args:
        beams: tracked, at one place or several; the most that are lost in one counts.
    """
    ends = list(beams)
    for number, effect in enumerate(effects):
        counts = [_count_left(effect, before, end) for end in ends]
        most, window = max(counts, default=(0, ""))
        if most:
            warn(
                f"{most} of {before.particles} particles are lost, and outside of {window} "
                f"(effects[{number}]): their charge is missing from there on; take a longer one, "
                "or cut them off before; what lost them, `loss_map` says",
                ResolutionWarning,
            )


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
