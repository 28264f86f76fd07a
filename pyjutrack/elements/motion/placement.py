"""An element where it stands: as designed, rolled, displaced."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ... import maps
from ...beam.reference import Reference
from ...core.scalars import Number
from ...core.special import bool_or, on_host
from ...maps.program import Recorder
from .. import Drift, Element, Marker, Monitor, Patch, Quadrupole
from .apply import kick
from .base import Part, State, transport
from .cavities import behind
from .geometry import Frame, along, cos_sin, displacement, inverse, middle, rolled, then
from .straight import is_zero


def advance(element: Element, state: State, reference: Reference, part: Part) -> State:
    """Move particles through a part of an element, wherever it stands.

    Particles that the element cannot bring to its end, or that it stops, are lost where they
    entered it.
    """
    if isinstance(state, Recorder) or always_passes(element):
        return _placed(element, state, reference, part)
    if on_host(state.alive):
        moved = _placed(element, state, reference, part)
        arrived = _finite(moved)
        again = not bool_or((arrived | ~state.alive).all(), default=True)
    else:
        with torch.no_grad():
            arrived, again = _finite(_placed(element, state, reference, part)), True
    if again:
        # once more without them: what they became must not reach a derivative
        moved = _placed(element, State(state.coordinates, state.alive & arrived), reference, part)
    if moved.alive is state.alive:
        return moved
    kept = moved.alive | ~state.alive
    columns = [
        torch.where(kept, new, old)
        for new, old in zip(moved.coordinates, state.coordinates, strict=True)
    ]
    return State(tuple(columns), moved.alive)


def _finite(state: State) -> Tensor:
    total: Tensor = sum(c.detach() for c in state.coordinates)  # type: ignore[assignment]
    return torch.isfinite(total)


def note(element: Element, recorder: Any, reference: Reference, part: Part) -> None:
    """Write down what a part of an element does, and where particles are lost in it."""
    if always_passes(element):
        recorder.check()
        advance(element, recorder, reference, part)
    else:
        recorder.enter()
        advance(element, recorder, reference, part)
        recorder.leave()


def always_passes(element: Element) -> bool:
    """Whether whoever may enter comes out."""
    plain = isinstance(element, (Drift, Marker, Monitor)) or (
        type(element) is Quadrupole and element.model == "linear" and not element.ksl + element.knl
    )
    return plain and not element.is_displaced


def _placed(element: Element, state: State, reference: Reference, part: Part) -> State:
    if isinstance(element, Patch):
        if is_zero(element.tilt) and not element.is_displaced:
            return state
        frame = then(displacement(element), rolled(element.tilt))
        return _patched(state, reference, frame, element.dz)
    if not element.is_displaced:
        return _rolled(element, state, reference, part)
    state = _patched(state, reference, _offset(element, part.start), 0.0)
    state = _rolled(element, state, reference, part)
    out = inverse(_offset(element, part.stop))
    return _patched(state, behind(element, reference, part), out, 0.0)


def in_frame(element: Element, state: State, reference: Reference) -> State:
    """Particles at the entrance of an element, in the frame of where it really stands."""
    if element.is_displaced:
        state = _patched(state, reference, _offset(element, 0.0), 0.0)
    if is_zero(element.tilt):
        return state
    return kick(maps.roll, state, *cos_sin(element.tilt))


def _offset(element: Element, place: float) -> Frame:
    """The frame at a place of a displaced element, as seen from where it was designed to be."""
    roll = rolled(element.tilt)
    at, centre = (
        then(then(roll, frame), inverse(roll)) for frame in (along(element, place), middle(element))
    )
    moved = then(then(centre, displacement(element)), inverse(centre))
    return then(then(inverse(at), moved), at)


def _rolled(element: Element, state: State, reference: Reference, part: Part) -> State:
    if is_zero(element.tilt):
        return transport(element, state, reference, part)
    cosine, sine = cos_sin(element.tilt)
    state = kick(maps.roll, state, cosine, sine)
    state = transport(element, state, reference, part)
    return kick(maps.roll, state, cosine, -sine)


def _patched(state: State, reference: Reference, frame: Frame, path: Number) -> State:
    parameters: tuple[Any, ...] = (frame.origin, frame.axes, path, reference.beta)
    return kick(maps.patch, state, *parameters)
