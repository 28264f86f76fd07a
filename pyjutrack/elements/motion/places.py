"""Apertures and patches."""

from __future__ import annotations

from ... import maps
from ...beam.reference import Reference
from .. import Aperture, Patch
from .apply import stop
from .base import Part, State, transport
from .soft import NEGLIGIBLE, outside


@transport.register
def _(element: Aperture, state: State, reference: Reference, part: Part) -> State:
    if element.smoothing:
        return _touched(element, state)
    sizes = element.half_width, element.half_height
    if element.shape == "ellipse":
        return stop(maps.in_ellipse, state, *sizes)
    corners = (element.corner_x, element.corner_y) if element.shape == "racetrack" else (0.0, 0.0)
    return stop(maps.in_racetrack, state, *sizes, *corners)


def _touched(element: Aperture, state: State) -> State:
    """A test particle passes a soft aperture as long as any of its cloud does.

    A beam does not come here: `soft_apertures` gives its particles weights.
    """
    x, y = (state.coordinates[i].detach() for i in (0, 2))
    passes = 1 - outside(element, x, y, element.smoothing)
    return State(state.coordinates, state.alive & (passes >= NEGLIGIBLE))


@transport.register
def _(element: Patch, state: State, reference: Reference, part: Part) -> State:
    return state  # its displacement is all that it does, see `placed`
