"""Back through elements: every map has an inverse, told by its own parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...beam.reference import Reference
from ...maps.apply import apply_map
from ...maps.base import Map, Parameters
from ...maps.program import NotRecordedError, Recorder
from .. import Element
from .apply import kick
from .base import Part, State
from .placement import advance

#: a map and its parameters
Operation = tuple[Map, Parameters]


def retreat(element: Element, state: State, reference: Reference, part: Part) -> State:
    """Where particles were before `advance` brought them through a part of an element.

    Of those alive behind it; the others keep their coordinates. To rounding, and without
    derivatives.

    Args:
        reference: in front of the element.

    Raises:
        NotRecordedError: the element is moved by a function of a user's own, whose inverse nobody
            knows; see `has_inverse`.
    """
    return all_undone(taped(element, reference, part), state)


def has_inverse(element: Element, reference: Reference, part: Part) -> bool:
    """Whether `retreat` knows the way back through a part of an element."""
    try:
        tape = taped(element, reference, part)
    except NotRecordedError:
        return False
    return all(map.is_undone for map, _ in tape)


def is_kick(operations: Sequence[Operation]) -> bool:
    """Whether all that is done is one kick by what depends on places."""
    return len(operations) == 1 and operations[0][0].kick


class _Tape(Recorder):
    """Notes operations with their parameters as they are, tensors among them."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def record(self, map: Map, *parameters: Any) -> Any:
        self.operations.append((map, parameters))
        return self


def taped(element: Element, reference: Reference, part: Part) -> list[Operation]:
    """What is done to particles in a part of an element."""
    tape: Any = _Tape()
    advance(element, tape, reference, part)
    found: list[Operation] = tape.operations
    return found


def all_undone(operations: Sequence[Operation], state: State) -> State:
    """Particles in front of operations."""
    for map, parameters in reversed(operations):
        state = undone(map, parameters, state)
    return state


def undone(map: Map, parameters: Parameters, state: State) -> State:
    """Particles in front of an operation."""
    if map.opening:
        return state
    if map.near_identity:
        return _iterated(map, parameters, state)
    back = way_back(map, parameters)
    if map.array_kernels:
        own = len(back) - len(map.constants)
        return State(
            apply_map(map, state.coordinates, state.alive, back[:own], back[own:]), state.alive
        )
    return kick(map, state, *back)


def way_back(map: Map, parameters: Parameters) -> Parameters:
    """The parameters with which a map undoes itself.

    Raises:
        NotRecordedError: the record of the map states no inverse.
    """
    if map.inverse is None:
        raise NotRecordedError(f"the map {map.name} states no inverse")
    return map.inverse(*parameters)


#: each gains three digits and more
_ITERATIONS = 8


def _iterated(map: Map, parameters: Parameters, end: State) -> State:
    """The inverse of a map close to the identity, by fixed-point iteration."""
    guess = end
    for _ in range(_ITERATIONS):
        reached = kick(map, guess, *parameters)
        columns = zip(guess.coordinates, end.coordinates, reached.coordinates, strict=True)
        guess = State(tuple(g + (e - r) for g, e, r in columns), end.alive)
    return guess
