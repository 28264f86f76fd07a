"""Openings with soft edges: which part of a cloud about a particle passes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...beam.reference import Reference
from ...core.special import bool_or
from .. import Aperture
from .base import State, passable
from .placement import in_frame

#: a particle of less weight than this cannot matter, and is lost
NEGLIGIBLE = 1e-12


def passing(aperture: Aperture, state: State, reference: Reference) -> tuple[State, Tensor]:
    """Which particles reach an aperture, wherever it stands, and the part of each that it passes.

    Args:
        state: at the aperture, with derivatives.

    Returns:
        The state without the particles that do not reach the plane of the aperture, and the part
        of each of the others' clouds inside of the opening, (N,), from 0 to 1; 1 for the lost.
    """
    state = passable(state)
    plain = State(tuple(c.detach() for c in state.coordinates), state.alive)
    x, _, y, *_ = in_frame(aperture, plain, reference).coordinates
    arrived = torch.isfinite(x.detach() + y.detach())
    if not bool_or(arrived.all(), default=False):
        state = State(state.coordinates, state.alive & arrived)
    x, _, y, *_ = in_frame(aperture, state, reference).coordinates
    x, y = (torch.where(state.alive, u, 0.0) for u in (x, y))
    inside = 1 - outside(aperture, x, y, aperture.smoothing)
    return state, torch.where(state.alive, inside, 1.0)


def outside(opening: Aperture, x: Tensor, y: Tensor, smoothing: float) -> Tensor:
    """The part of a Gaussian cloud about (x, y) that lies outside of an opening.

    Exact beside a slit of half width w, (erfc((w - x)/(s sqrt 2)) + erfc((w + x)/(s sqrt 2)))/2,
    and outside of a rectangle, q_x + q_y - q_x q_y. At round edges erfc(-d/(s sqrt 2))/2, with d
    the distance outside of the edge to first order, (r - 1)/|grad r| where r = 1 is the edge.

    Args:
        x, y: in the frame of the opening [m].
        smoothing: rms s of the cloud in x and in y [m].
    """
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
