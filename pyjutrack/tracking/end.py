"""Beams as columns of coordinates, and what a tracking ends with."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..core.settings import broadcast_batch
from ..kernels.columns import stack_columns
from ..maps.state import State
from .particles import expand, is_plain


class End(NamedTuple):
    """The end of a tracking; weights are those of the beam.

    `stack` has the columns of the state, (6, N), where they lie in one.
    """

    state: State
    probe: State | None
    reference: Reference
    weights: Tensor | None = None
    stack: Tensor | None = None

    def beam(self, like: Beam) -> Beam:
        """The beam, with the rest of the one that was tracked; no copy of a `stack`."""
        if self.stack is None:
            return beam_of(self.state, self.reference, like, self.weights)
        return _replace(like, self.stack, self.state.alive, self.reference, self.weights)


def state_of(coordinates: Tensor, alive: Tensor) -> State:
    """Columns, each contiguous, from coordinates (..., 6)."""
    return State(tuple(coordinates.movedim(-1, 0).contiguous().unbind(0)), alive)


def beam_of(state: State, reference: Reference, like: Beam, weights: Tensor | None) -> Beam:
    """A beam from columns, their reference and weights, with the rest of another beam."""
    join = stack_columns if is_plain(state) and state.alive.dim() == 1 else torch.stack
    return _replace(like, join(state.coordinates), state.alive, reference, weights)


def expand_beam(beam: Beam, batch: torch.Size) -> Beam:
    """A beam for each of some settings, in views; itself where they are alike.

    Raises:
        InvalidValueError: a batch of beams that does not go with the settings.
    """
    require_beams(beam, batch)
    state = State(beam.coordinates.unbind(-1), beam.alive)
    wide = expand(state, batch)
    if wide is state:
        return beam
    return beam_of(wide, beam.reference, beam, beam.weights)


def require_beams(beam: Beam, *settings: torch.Size) -> None:
    """Raise InvalidValueError unless there may be a beam for each of many settings."""
    if beams := beam.coordinates.shape[:-2]:
        what = "the beams of a batch, and settings of lattice, beam and effects"
        broadcast_batch(what, [beams, *settings])


def _replace(
    beam: Beam, stack: Tensor, alive: Tensor, reference: Reference, weights: Tensor | None
) -> Beam:
    coordinates = stack.movedim(0, -1)
    if weights is not None:  # of settings where none has been lost in part
        weights = weights.expand(alive.shape)
    return beam.replace(reference=reference, coordinates=coordinates, alive=alive, weights=weights)
