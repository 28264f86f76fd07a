"""Backward through elements: their maps have inverses, by other values of their own parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..beam.reference import Reference
from ..maps.base import Map, Parameters
from ..maps.program import NotRecordedError, Recorder, require_map
from ..maps.state import State
from .base import Element
from .part import Part
from .placement import advance

#: a map and its parameters
Operation = tuple[Map, Parameters]


def track_inverse(element: Element, state: State, reference: Reference, part: Part) -> State:
    """Particles before a part of an element, from those after it; the inverse of `advance`.

    Particles that are not alive keep their coordinates. To rounding, and without derivatives.

    Args:
        reference: before the element.

    Raises:
        NotRecordedError: the inverse of the element is not known; see `has_inverse`.
    """
    return apply_inverse(record(element, reference, part), state)


def has_inverse(element: Element, reference: Reference, part: Part) -> bool:
    """Return whether `track_inverse` can invert a part of an element."""
    try:
        operations = record(element, reference, part)
    except NotRecordedError:
        return False
    return all(map.inverse or map.near_identity or map.opening for map, _ in operations)


def is_kick(operations: Sequence[Operation]) -> bool:
    """Return whether operations are a single kick that depends on positions alone."""
    return len(operations) == 1 and operations[0][0].kick


class _Tape(Recorder):
    """Records maps with their parameters as they are, tensors among them."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def apply(self, map: Map | Callable[..., Any], *parameters: Any) -> Any:
        self.operations.append((require_map(map), parameters))
        return self


def record(element: Element, reference: Reference, part: Part) -> list[Operation]:
    """Record the maps that a part of an element applies to particles, in order.

    Raises:
        NotRecordedError: it does more than to apply registered maps.
    """
    tape: Any = _Tape()
    advance(element, tape, reference, part)
    found: list[Operation] = tape.operations
    return found


def apply_inverse(operations: Sequence[Operation], state: State) -> State:
    """Particles before operations, from those after them."""
    for map, parameters in reversed(operations):
        if map.near_identity:
            state = _iterate_inverse(map, parameters, state)
        elif not map.opening:
            state = state.apply(map, *inverse_parameters(map, parameters))
    return state


def inverse_parameters(map: Map, parameters: Parameters) -> Parameters:
    """The parameters with which a map undoes itself.

    Raises:
        NotRecordedError: the record of the map states no inverse.
    """
    if map.inverse is None:
        raise NotRecordedError(f"the map {map.name} states no inverse")
    return map.inverse(*parameters)


#: each gains three digits and more
_ITERATIONS = 8


def _iterate_inverse(map: Map, parameters: Parameters, end: State) -> State:
    """The inverse of a map close to the identity, by fixed-point iteration."""
    guess = end
    for _ in range(_ITERATIONS):
        reached = guess.apply(map, *parameters)
        columns = zip(guess.coordinates, end.coordinates, reached.coordinates, strict=True)
        guess = State(tuple(g + (e - r) for g, e, r in columns), end.alive)
    return guess
