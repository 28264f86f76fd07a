"""Beams made of a beam, whose result is known from that of the beam itself."""

from __future__ import annotations

import torch
from torch import Tensor

from ..beam.beam import Beam


def take_particles(beam: Beam, rows: Tensor) -> Beam:
    """The particles of some numbers, in their order; a number may stand twice."""
    return beam.replace(
        coordinates=beam.coordinates[rows],
        alive=beam.alive[rows],
        weights=None if beam.weights is None else beam.weights[rows],
    )


def shuffle(beam: Beam) -> tuple[Beam, Tensor]:
    """The same particles in another order, and their numbers in the beam."""
    order = torch.randperm(len(beam), generator=torch.Generator().manual_seed(1))
    return take_particles(beam, order), order


def stack_twice(beam: Beam) -> Beam:
    """A batch of the beam and itself."""
    weights = beam.weights
    return beam.replace(
        coordinates=torch.stack([beam.coordinates, beam.coordinates]),
        alive=beam.alive.expand(2, -1).clone(),
        weights=None if weights is None else weights.expand(2, -1).clone(),
    )
