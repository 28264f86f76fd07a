"""How an effect depends on the intensity: all of it, or not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect
from ..engines.track import track
from ..lattice.lattice import Lattice
from .beams import take_particles
from .comparison import Array, require_close
from .effect_derivatives import count_turns, intensity_name


def track_turns(effect: CollectiveEffect, beam: Beam, lattice: Lattice) -> Any:
    """Coordinates after the turns that show all that an effect does."""
    turns = count_turns(effect, beam)
    return track(lattice, beam, effects=[effect], turns=turns).coordinates.detach().numpy()


def check_nothing(effect: CollectiveEffect, beam: Beam, lattice: Lattice, without: Array) -> None:
    """Check that there is no effect without intensity."""
    name = intensity_name(beam)
    found = track_turns(effect, beam.replace(**{name: 0.0}), lattice)
    tolerance = 1e-12 * (np.nanmax(np.abs(without)) + 1e-300)
    remedy = f"make the field proportional to beam.{name}"
    require_close(
        f"A beam without {name} must have no effect", found, without, tolerance, remedy, rows=True
    )


def check_individual(
    effect: CollectiveEffect, beam: Beam, lattice: Lattice, end: Array, tolerance: float
) -> None:
    """Check that neither intensity nor other particles matter."""
    name = intensity_name(beam)
    remedy = "do not state `individual` where the field depends on the other particles"
    for changed in (
        beam.replace(**{name: 0.0}),
        take_particles(beam, torch.arange(len(beam) // 2)),
    ):
        found = track_turns(effect, changed, lattice)
        require_close(
            f"beam.{name} and other particles must not matter to an effect on each by itself",
            found,
            end[: len(found)],
            tolerance,
            remedy,
            rows=True,
        )
