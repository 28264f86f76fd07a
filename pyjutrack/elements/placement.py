"""An element where it stands: as designed, rolled, displaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .. import maps
from ..beam.reference import Reference
from ..core.scalars import cos_sin, is_zero
from ..core.settings import in_precision
from ..core.special import bool_or, on_host
from ..maps.program import Recorder
from ..maps.returned import is_like, no_state
from ..maps.state import State
from .base import Element
from .geometry import (
    Frame,
    compose,
    displacement,
    enter_frame,
    invert,
    middle_frame,
    orbit_frame,
    roll,
)
from .part import Part

Action = Callable[[State], State]


def advance(element: Element, state: State, reference: Reference, part: Part) -> State:
    """Move particles through a part of an element, wherever it stands.

    Particles that the element cannot bring to its end, or that it stops, are lost where they
    entered it.
    """
    element = element.along_particles
    if element.batch and not isinstance(state, Recorder):
        element = _in_precision(element, state.coordinates[0].dtype)
    if isinstance(state, Recorder) or element.transmits_all:
        return _transport_placed(element, state, reference, part)
    if on_host(state.alive):
        moved = _transport_placed(element, state, reference, part)
        arrived = _finite(moved)
        again = not bool_or((arrived | ~state.alive).all(), default=False)
    else:
        with torch.no_grad():
            arrived, again = _finite(_transport_placed(element, state, reference, part)), True
    if again:
        # once more without them: what they became must not reach a derivative
        moved = _transport_placed(
            element, State(state.coordinates, state.alive & arrived), reference, part
        )
    if moved.alive is state.alive:
        return moved
    kept = moved.alive | ~state.alive
    columns = [
        torch.where(kept, new, old)
        for new, old in zip(moved.coordinates, state.coordinates, strict=True)
    ]
    return State(tuple(columns), moved.alive)


def _in_precision(element: Element, dtype: torch.dtype) -> Element:
    """An element of many settings in the precision of the particles, which one number keeps."""
    if dtype == torch.float64:
        return element
    names = [n for n in (*element.knobs, *element.placement) if n not in element.vectors]
    return replace(element, **{n: in_precision(getattr(element, n), dtype) for n in names})


def _finite(state: State) -> Tensor:
    total: Tensor = sum(c.detach() for c in state.coordinates)  # type: ignore[assignment]
    return torch.isfinite(total)


def note(element: Element, recorder: Any, reference: Reference, part: Part) -> None:
    """Record what a part of an element does, and where particles are lost in it."""
    if element.transmits_all:
        recorder.check()
        advance(element, recorder, reference, part)
    else:
        recorder.enter()
        advance(element, recorder, reference, part)
        recorder.leave()


def _transport_placed(element: Element, state: State, reference: Reference, part: Part) -> State:
    if element.is_frame_change:
        return _transport(element, state, reference, part)
    if not element.is_displaced:
        return _transport_rolled(element, state, reference, part)
    state = enter_frame(state, reference, offset_frame(element, part.start), 0.0)
    state = _transport_rolled(element, state, reference, part)
    out = invert(offset_frame(element, part.stop))
    return enter_frame(state, element.exit_reference(reference, part), out, 0.0)


def enter_element(element: Element, state: State, reference: Reference) -> State:
    """Particles at the entrance of an element, in the frame of where it really stands."""
    element = element.along_particles
    if element.is_displaced:
        state = enter_frame(state, reference, offset_frame(element, 0.0), 0.0)
    if is_zero(element.tilt):
        return state
    return state.apply(maps.roll, *cos_sin(element.tilt))


def apply_within(
    element: Element, state: State, reference: Reference, place: float, act: Action
) -> State:
    """Apply something in the frame in which an element stands at a place of it, from 0 to 1."""
    displaced, tilted = element.is_displaced, not is_zero(element.tilt)
    if displaced:
        state = enter_frame(state, reference, offset_frame(element, place), 0.0)
    cosine, sine = cos_sin(element.tilt)
    if tilted:
        state = state.apply(maps.roll, cosine, sine)
    state = act(state)
    if tilted:
        state = state.apply(maps.roll, cosine, -sine)
    if displaced:
        state = enter_frame(state, reference, invert(offset_frame(element, place)), 0.0)
    return state


def offset_frame(element: Element, place: float) -> Frame:
    """The frame at a place of a displaced element, as seen from where it was designed to be."""
    tilt = roll(element.tilt)
    at, centre = (
        compose(compose(tilt, frame), invert(tilt))
        for frame in (orbit_frame(element, place), middle_frame(element))
    )
    moved = compose(compose(centre, displacement(element)), invert(centre))
    return compose(compose(invert(at), moved), at)


def _transport_rolled(element: Element, state: State, reference: Reference, part: Part) -> State:
    if is_zero(element.tilt):
        return _transport(element, state, reference, part)
    cosine, sine = cos_sin(element.tilt)
    state = state.apply(maps.roll, cosine, sine)
    state = _transport(element, state, reference, part)
    return state.apply(maps.roll, cosine, -sine)


def _transport(element: Element, state: State, reference: Reference, part: Part) -> State:
    """Ask an element for the particles after a part of it, and see that it returns them."""
    end = element.transport(state, reference, part)
    if isinstance(state, Recorder):
        good = type(end) is type(state)
        if isinstance(end, Recorder):
            end.require_latest()
    elif element.transmits_all:
        good = isinstance(end, State) and len(end.coordinates) == len(state.coordinates)
    else:
        good = is_like(end, state)
    if not good:
        kind = type(element).__name__
        raise no_state(f"{kind}.transport", "state.apply(map, ...)", end, state)
    return end
