"""Apertures and patches."""

from __future__ import annotations

from ..elements import Aperture, Patch
from ..reference import Reference
from .apply import stop
from .base import Part, State, transport


@transport.register
def _(element: Aperture, state: State, reference: Reference, part: Part) -> State:
    sizes = element.half_width, element.half_height
    if element.shape == "ellipse":
        return stop("in_ellipse", state, *sizes)
    corners = (element.corner_x, element.corner_y) if element.shape == "racetrack" else (0.0, 0.0)
    return stop("in_racetrack", state, *sizes, *corners)


@transport.register
def _(element: Patch, state: State, reference: Reference, part: Part) -> State:
    return state  # its displacement is all that it does, see `placed`
