"""Beam position monitors, and rms beam sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..beam.beam import Beam
from ..beam.moments import mean, rms
from ..core.storage import storable
from .instrument import Instrument


@storable
@dataclass(frozen=True, kw_only=True)
class BeamPosition(Instrument):
    """The mean of x and y of the particles alive, (2,) [m]; NaN if there are none."""

    kind: ClassVar[str] = "position"

    @property
    def shape(self) -> tuple[int, ...]:
        return (2,)

    def read(self, beam: Beam) -> Tensor:
        """The centroid of a beam in x and y [m]."""
        return mean(beam, _places(beam)).movedim(0, -1)


@storable
@dataclass(frozen=True, kw_only=True)
class BeamSize(Instrument):
    """rms of x and y of the particles alive about their mean, (2,) [m]; NaN if there are none.

    A size that is zero has slope zero.
    """

    kind: ClassVar[str] = "size"

    @property
    def shape(self) -> tuple[int, ...]:
        return (2,)

    def read(self, beam: Beam) -> Tensor:
        """The rms sizes of a beam in x and y [m]."""
        return rms(beam, _places(beam)).movedim(0, -1)


def _places(beam: Beam) -> Tensor:
    """x and y of all particles, (2, ..., N)."""
    return torch.stack([beam.coordinates[..., 0], beam.coordinates[..., 2]])
