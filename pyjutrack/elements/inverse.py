"""Backward through elements: their maps have inverses, by other values of their own parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..beam.reference import Reference
from ..core.checks import format_value
from ..core.errors import InvalidValueError
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
        InvalidValueError: it cannot be found where particles are.
    """
    return apply_inverse(record(element, reference, part), state)


def has_inverse(element: Element, reference: Reference, part: Part) -> bool:
    """Return whether `track_inverse` can invert a part of an element."""
    try:
        operations = record(element, reference, part)
    except NotRecordedError:
        return False
    return all(map.is_undone for map, _ in operations)


def is_kick(operations: Sequence[Operation]) -> bool:
    """Return whether operations are a single kick that depends on positions alone."""
    return len(operations) == 1 and operations[0][0].kick


class _Tape(Recorder):
    """Records maps with their parameters as they are, tensors among them."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def apply(self, map: Map | Callable[..., Any], *parameters: Any) -> Any:
        self.operations.append((require_map(map), parameters))
        return self.next()


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
    """Particles before operations, from those after them.

    Raises:
        InvalidValueError: a map cannot be undone where particles are.
    """
    for map, parameters in reversed(operations):
        if map.undo is not None:
            state = _undo(map, parameters, state)
        elif not map.opening:
            state = state.apply(map, *inverse_parameters(map, parameters))
    return state


def inverse_parameters(map: Map, parameters: Parameters) -> Parameters:
    """The parameters with which a map undoes itself.

    Raises:
        NotRecordedError: the record of the map states no inverse.
        InvalidValueError: it returns no parameters, or another number of them.
    """
    if map.inverse is None:
        raise NotRecordedError(f"the map {map.name} states no inverse")
    found: Any = map.inverse(*parameters)
    if not isinstance(found, (tuple, list)) or len(found) != len(parameters):
        raise InvalidValueError(
            f"inverse of the map {map.name} must return {len(parameters)} parameters in a tuple, "
            f"as it takes, got {format_value(found)}"
        )
    return tuple(found)


#: of the map, before its own way of being undone is taken
_ITERATIONS = 8
#: how far from the wanted place the map may take a particle that was found before it: so many
#: roundings by iteration, and the rounding to this power by the map's own `undo`
_FOUND, _MISSED = 16, 0.5


def _undo(map: Map, parameters: Parameters, end: State) -> State:
    """Particles before a map, from those after it; see that it takes them there.

    By fixed-point iteration, which takes a few applications of a map close to the identity, and
    where that does not settle by the map's own `undo`.
    """
    assert map.undo is not None
    rounding = torch.finfo(end.coordinates[0].dtype).eps
    guess = end
    for _ in range(_ITERATIONS):
        reached = guess.apply(map, *parameters)
        if not count_astray(reached.coordinates, end.coordinates, end.alive, _FOUND * rounding):
            return guess
        columns = zip(guess.coordinates, end.coordinates, reached.coordinates, strict=True)
        guess = State(tuple(g if r is g else g + (e - r) for g, e, r in columns), end.alive)
    guess = end.apply(map.undo, *parameters)
    again = guess.apply(map, *parameters)
    missed = count_astray(again.coordinates, end.coordinates, end.alive, rounding**_MISSED)
    if missed:
        raise InvalidValueError(
            f"backward pass: {missed} particles could not be reconstructed before the map "
            f"{map.name!r}, which has no inverse so far off the axis; use adjoint='checkpoint'"
        )
    return guess


def count_astray(
    found: Sequence[Tensor],
    wanted: Sequence[Tensor],
    alive: Tensor,
    part: float,
    elsewhere: State | None = None,
) -> int:
    """Count the live particles that are not where they should be.

    Args:
        part: of their place, and of the mean distance of the live from the axis, that they may be
            off.
        elsewhere: the same particles at another place of their way, whose mean distance counts
            where it is larger; of those that live there.
    """
    other = State(tuple(wanted), alive) if elsewhere is None else elsewhere
    # a scale is wanted, and a whole pass takes longer
    some = alive[..., ::8]
    share = _share(some)
    astray = torch.zeros_like(alive)
    for ours, theirs, others in zip(found, wanted, other.coordinates, strict=True):
        if ours is theirs:
            continue
        mean = _mean_size(theirs[..., ::8], some, share)
        if bool((ours - theirs).abs_().max() <= part * mean):
            continue  # all of them, the lost too, as usual
        here = _mean_size(theirs, alive, _share(alive))
        there = _mean_size(others, other.alive, _share(other.alive))
        mean = torch.maximum(here, there) + part
        astray |= ~((ours - theirs).abs() <= part * (mean + theirs.abs()))
    return int((astray & alive).sum())


def _share(alive: Tensor) -> float:
    """The part of particles that live; one where none does."""
    return int(alive.count_nonzero()) / max(alive.numel(), 1) or 1.0


def _mean_size(column: Tensor, alive: Tensor, share: float) -> Tensor:
    """The mean distance of live particles from the axis, by their share; zero where none lives."""
    sizes = torch.where(alive, column, 0.0)
    return torch.linalg.vector_norm(sizes, 1) / (share * sizes.numel())
