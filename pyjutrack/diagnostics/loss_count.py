"""Counts of lost particles: as they are, or smooth, so that they have slopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..beam.beam import Beam
from ..beam.moments import survivors
from ..core.errors import InvalidValueError
from ..core.scalars import cos_sin
from ..core.storage import storable
from ..elements import Aperture
from .instrument import Instrument


@storable
@dataclass(frozen=True, kw_only=True)
class LossCount(Instrument):
    """The fraction of all particles of the beam that are lost, ().

    Without an opening: the fraction lost so far, by `alive`. It is a count, and has no derivative.

    With an opening and a smoothing: the fraction lost so far, and the part of the rest that the
    opening will take, as an expectation. Each particle alive stands for a Gaussian cloud with an
    rms of `smoothing` in x and in y, and counts as the part of its cloud that lies outside.
    Beside a slit of half width w that part is
    q = (erfc((w - x)/(s sqrt 2)) + erfc((w + x)/(s sqrt 2)))/2, outside of a rectangle
    q_x + q_y - q_x q_y, both exact. At round edges it is erfc(-d/(s sqrt 2))/2, with d the distance
    outside of the edge to first order, (r - 1)/|grad r| where r = 1 is the edge: right while the
    smoothing is small beside the half axes. Read at the entrance of the opening, the reading tends
    to what tracking through it counts as the smoothing goes to zero.

    Attributes:
        opening: the aperture, where it stands: dx, dy, tilt and z_rot are taken into account. It
            is data of the diagnostic: knobs of an element of the lattice do not reach it.
        smoothing: rms [m], positive if there is an opening.

    Raises:
        InvalidValueError: an opening without smoothing, or the other way round; an opening that
            is turned out of its plane or shifted along s.
    """

    opening: Aperture | None = None
    smoothing: float = 0.0
    kind: ClassVar[str] = "loss"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._finite("smoothing", minimum=0.0)
        here = f"LossCount at {self.at!r}"
        if self.opening is not None and not hasattr(self.opening, "fraction_outside"):
            raise InvalidValueError(f"{here}: opening must be an Aperture, got {self.opening!r}")
        if (self.opening is None) != (self.smoothing == 0):
            raise InvalidValueError(
                f"{here}: an expectation needs an opening and a smoothing > 0 [m], a plain count "
                f"neither; got opening={self.opening!r}, smoothing={self.smoothing!r}"
            )
        for name in ("dz", "x_rot", "y_rot"):
            if self.opening is not None and float(getattr(self.opening, name)) != 0:
                raise InvalidValueError(
                    f"{here}: {name} of the opening must be 0; only dx, dy, tilt and z_rot are "
                    "taken into account"
                )

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def read(self, beam: Beam) -> Tensor:
        """The share of a beam that is lost."""
        if self.opening is None:
            return 1 - survivors(beam).to(beam.coordinates.dtype) / beam.particles
        x, y = (torch.where(beam.alive, beam.coordinates[..., k], 0.0) for k in (0, 2))
        gone = _outside(self.opening, x, y, self.smoothing)
        if beam.weights is not None:
            gone = 1 - beam.weights * (1 - gone)
        return beam.world.sum(torch.where(beam.alive, gone, 1.0).sum(-1)) / beam.particles


def _outside(opening: Aperture, x: Tensor, y: Tensor, smoothing: float) -> Tensor:
    """The part of a cloud about (x, y) that lies outside of an opening, where it stands."""
    x, y = x - opening.dx, y - opening.dy
    roll = opening.tilt + opening.z_rot
    if isinstance(roll, Tensor) or roll != 0:
        cosine, sine = cos_sin(roll)
        x, y = cosine * x + sine * y, cosine * y - sine * x
    return opening.fraction_outside(x, y, smoothing)
