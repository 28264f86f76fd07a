"""Apertures and patches."""

from __future__ import annotations

from torch import Tensor

from ..elements import Aperture, Patch
from ..reference import Reference
from .base import Part, State, transport


@transport.register
def _(element: Aperture, state: State, reference: Reference, part: Part) -> State:
    x, y = (state.coordinates[i].detach().abs() for i in (0, 2))
    return State(state.coordinates, state.alive & _inside(element, x, y))


@transport.register
def _(element: Patch, state: State, reference: Reference, part: Part) -> State:
    return state  # its displacement is all that it does, see `placed`


def _inside(element: Aperture, x: Tensor, y: Tensor) -> Tensor:
    """Whether (|x|, |y|) pass."""
    width, height = element.half_width, element.half_height
    if element.shape == "ellipse":
        return (x / width) ** 2 + (y / height) ** 2 <= 1
    inside = (x <= width) & (y <= height)
    a, b = element.corner_x, element.corner_y
    if element.shape == "racetrack" and a > 0 and b > 0:
        beyond_x, beyond_y = ((u - s).clamp(min=0) for u, s in ((x, width - a), (y, height - b)))
        inside = inside & ((beyond_x / a) ** 2 + (beyond_y / b) ** 2 <= 1)
    return inside
