"""Apertures with soft edges, which take part of a particle's weight instead of all or nothing.

Whether a particle is inside of an edge has no derivative; the part of a Gaussian cloud about it has
one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..collective.base import CollectiveEffect
from ..core.errors import InvalidValueError
from ..elements import Element
from ..elements.aperture import NEGLIGIBLE
from ..elements.part import WHOLE
from ..elements.soft_edges import transmission
from ..lattice.lattice import Lattice
from ..maps.state import State
from .particles import traverse


def apply_soft_aperture(
    aperture: Any, state: State, reference: Reference, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Apply a soft aperture: return the particles alive after it, and their weights.

    Coordinates stay as they were. A particle of which nothing worth counting is left is lost, with
    a weight of zero.
    """
    state, part = transmission(aperture, state, reference)
    weights = part if weights is None else weights * part
    gone = state.alive & (weights.detach() < NEGLIGIBLE)
    return state.alive & ~gone, torch.where(gone, 0.0, weights)


def mask_passing(aperture: Element, state: State, reference: Reference) -> Tensor:
    """Mask the test particles that are alive after it: any of whose cloud passes."""
    return traverse(aperture, WHOLE, state, reference).alive


def require_weighing(lattice: Lattice, beam: Beam, effects: Sequence[CollectiveEffect]) -> None:
    """Raise InvalidValueError for effects that would take all particles to be of equal weight."""
    if beam.weights is None and not lattice.soft:
        return
    for effect in effects:
        if not effect.weighted:
            raise InvalidValueError(
                f"{type(effect).__name__} does not say that its field counts the weights of a beam "
                "(`weighted = True`, see `CollectiveEffect`), and soft apertures give particles "
                "weights; take apertures with smoothing=0"
            )
