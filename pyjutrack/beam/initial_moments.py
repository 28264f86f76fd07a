"""The incoming beam by its moments: centroids, emittances and Twiss functions as knobs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core.errors import InvalidValueError
from ..core.scalars import Number, carries, tensor_like
from ..core.settings import along_particles, broadcast_batch, in_precision
from ..core.special import bool_or
from . import moments
from .beam import COORDINATES, Beam

_PLANES = {"x": 0, "y": 2}
_CENTROIDS = {f"beam.{name}": i for i, name in enumerate(COORDINATES)}
_SHAPES = tuple(f"beam.{f}_{p}" for p in _PLANES for f in ("emittance", "beta", "alpha"))

#: addresses: the centroid's six coordinates, and geometric rms emittance [m rad], beta [m] and
#: alpha of both planes
KNOBS: tuple[str, ...] = (*_CENTROIDS, *_SHAPES)


class Ellipse(NamedTuple):
    """rms ellipse of a plane: geometric emittance [m rad], beta [m], alpha."""

    emittance: Number
    beta: Number
    alpha: Number


def value(beam: Beam, address: str) -> Number:
    """Return the value of a beam at one of the `KNOBS`."""
    if address in _CENTROIDS:
        centre = moments.centroid(beam)[_CENTROIDS[address]]
        return centre if carries(centre) else float(centre)
    figure, _, plane = address.removeprefix("beam.").rpartition("_")
    number: Number = getattr(ellipse(beam, plane), figure)
    return number


def require_possible(address: str, number: float) -> None:
    """Raise InvalidValueError for a value that no beam has at one of the `KNOBS`."""
    sized = address.startswith(("beam.emittance", "beam.beta"))
    if not math.isfinite(number) or (sized and not number > 0):
        wanted = "positive" if sized else "finite"
        raise InvalidValueError(f"{address} must be {wanted}, got {number}")


def ellipse(beam: Beam, plane: str) -> Ellipse:
    """The rms ellipse of a plane, by the moments of the particles alive.

    Raises:
        InvalidValueError: the beam has no extent there.
    """
    i = _PLANES[plane]
    double = beam.to(torch.float64)
    emittance = moments.emittance(double, plane)
    if not bool_or(emittance > 0, default=True):
        raise InvalidValueError(
            f"the beam has no emittance in {plane}, so that its ellipse cannot be a knob"
        )
    uu, up = moments.covariance(double)[i, i : i + 2]
    found = (emittance, uu / emittance, -up / emittance)
    return Ellipse(*(u if carries(u) else float(u) for u in found))


def set_moments(beam: Beam, changes: Mapping[str, Tensor]) -> Beam:
    """Bring a beam to other moments by a linear map of each plane and a shift.

    Args:
        changes: address to value; what is not named stays as it is. Values of many settings, (B,),
            make a beam each.
    """
    rows = list(beam.coordinates.movedim(-1, 0).unbind(0))

    def spread(number: Any) -> Any:
        return in_precision(along_particles(number), beam.coordinates.dtype)

    centres = moments.centroid(beam)
    for plane, i in _PLANES.items():
        if not any(a.endswith(f"_{plane}") for a in changes):
            continue
        old = ellipse(beam, plane)
        new = Ellipse(*(changes.get(f"beam.{f}_{plane}", getattr(old, f)) for f in Ellipse._fields))
        # (u, p) -> M (u, p), M = N(new) N(old)^-1 with N the normalising matrix of an ellipse
        size = _root(new.emittance / old.emittance, rows[i])
        stretch = _root(new.beta / old.beta, rows[i])
        u, p = rows[i] - centres[i], rows[i + 1] - centres[i + 1]
        # in the order: take out the old slope, stretch, put in the new one
        p = p + (old.alpha / old.beta) * u
        u, p = spread(size * stretch) * u, spread(size) * p / spread(stretch)
        p = p - spread(new.alpha / new.beta) * u
        rows[i], rows[i + 1] = u + centres[i], p + centres[i + 1]
    for address, i in _CENTROIDS.items():
        if address in changes:
            rows[i] = rows[i] + spread(changes[address] - centres[i])
    parts = {"alive": beam.alive, "weights": beam.weights}
    if any(isinstance(number, Tensor) and number.dim() for number in changes.values()):
        shape = broadcast_batch("moments of the beam", rows)
        rows = [row.expand(shape) for row in rows]
        parts = {n: part if part is None else part.expand(shape) for n, part in parts.items()}
    return beam.replace(coordinates=torch.stack(rows, 0).movedim(0, -1), **parts)


def _root(ratio: Number, like: Tensor) -> Tensor:
    return tensor_like(ratio, like).sqrt()
