"""Openings with soft edges: how much of the weight of each particle they transmit."""

from __future__ import annotations

import torch
from torch import Tensor

from ..beam.reference import Reference
from ..core.special import bool_or
from ..maps.state import State, lose_unphysical
from .aperture import Aperture
from .placement import enter_element


def transmission(aperture: Aperture, state: State, reference: Reference) -> tuple[State, Tensor]:
    """Find the particles that reach an aperture, wherever it stands, and the parts it passes.

    Args:
        state: at the aperture, with derivatives.

    Returns:
        The state without the particles that do not reach the plane of the aperture, and the part
        of each of the others' clouds inside of the opening, (N,), from 0 to 1; 1 for the lost.
    """
    state = lose_unphysical(state)
    plain = State(tuple(c.detach() for c in state.coordinates), state.alive)
    x, _, y, *_ = enter_element(aperture, plain, reference).coordinates
    arrived = torch.isfinite(x.detach() + y.detach())
    if not bool_or(arrived.all(), default=False):
        state = State(state.coordinates, state.alive & arrived)
    x, _, y, *_ = enter_element(aperture, state, reference).coordinates
    x, y = (torch.where(state.alive, u, 0.0) for u in (x, y))
    inside = 1 - aperture.fraction_outside(x, y, aperture.smoothing)
    return state, torch.where(state.alive, inside, 1.0)
