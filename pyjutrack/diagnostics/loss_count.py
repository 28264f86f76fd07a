"""Counts of lost particles: as they are, or smooth, so that they have slopes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..beam import Beam
from ..elements import Aperture
from ..errors import InvalidValueError
from ..moments import survivors
from ..transport.frames import cos_sin
from .instrument import Instrument


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
        if self.opening is not None and not isinstance(self.opening, Aperture):
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
        if self.opening is None:
            return 1 - survivors(beam).to(beam.coordinates.dtype) / beam.particles
        x, y = (torch.where(beam.alive, beam.coordinates[..., k], 0.0) for k in (0, 2))
        outside = torch.where(beam.alive, _outside(self.opening, x, y, self.smoothing), 1.0)
        return beam.world.sum(outside.sum(-1)) / beam.particles


def _outside(opening: Aperture, x: Tensor, y: Tensor, smoothing: float) -> Tensor:
    """The part of a cloud about (x, y) that lies outside of an opening."""
    x, y = x - opening.dx, y - opening.dy
    roll = opening.tilt + opening.z_rot
    if isinstance(roll, Tensor) or roll != 0:
        cosine, sine = cos_sin(roll)
        x, y = cosine * x + sine * y, cosine * y - sine * x
    wide, high = opening.half_width, opening.half_height
    scale = 1 / (math.sqrt(2) * smoothing)
    if opening.shape == "ellipse":
        return _beyond(_from_ellipse(x, y, wide, high), scale)
    qx, qy = _beside(x, wide, scale), _beside(y, high, scale)
    straight = qx + qy - qx * qy
    corner_x, corner_y = opening.corner_x, opening.corner_y
    if opening.shape != "racetrack" or corner_x == 0 or corner_y == 0:
        return straight
    across, up = x.abs() - (wide - corner_x), y.abs() - (high - corner_y)
    in_corner = (across > 0) & (up > 0)
    across, up = (torch.where(in_corner, u, 1.0) for u in (across, up))
    return torch.where(
        in_corner, _beyond(_from_ellipse(across, up, corner_x, corner_y), scale), straight
    )


def _beyond(distance: Tensor, scale: float) -> Tensor:
    """The part of a cloud beyond a straight edge; its middle is so far outside."""
    return 0.5 * torch.erfc(-scale * distance)


def _beside(x: Tensor, half: float, scale: float) -> Tensor:
    """The part of a cloud beside a slit; none beside one that is infinite."""
    if math.isinf(half):
        return torch.zeros_like(x)
    return _beyond(x - half, scale) + _beyond(-half - x, scale)


def _from_ellipse(x: Tensor, y: Tensor, half_width: float, half_height: float) -> Tensor:
    """Distance outside of an ellipse to first order, negative inside."""
    across, up = x / half_width, y / half_height
    square = across * across + up * up
    # at the middle the edge is far away, and the first order has no direction
    middle = square < 1e-6
    safe = torch.where(middle, 1.0, square)
    steep_x, steep_y = across / half_width, up / half_height
    steepness = torch.where(middle, 1.0, steep_x * steep_x + steep_y * steep_y).sqrt()
    distance = (safe - safe.sqrt()) / steepness
    return torch.where(middle, -min(half_width, half_height), distance)
