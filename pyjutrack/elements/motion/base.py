"""What moves particles: their state, the part of an element to pass, and the map of a kind."""

from __future__ import annotations

import math
from functools import singledispatch
from typing import NamedTuple

from torch import Tensor

from ...beam.reference import Reference
from ...core.errors import InvalidValueError
from .. import Element

#: by how much of it a slice may be longer than its step
_TOLERANCE = 1e-3


class State(NamedTuple):
    """Particles while they are tracked: six columns, and which of them are alive."""

    coordinates: tuple[Tensor, ...]
    alive: Tensor


class Part(NamedTuple):
    """A part of an element, from `start` to `stop` in units of its length.

    Faces belong to the parts that begin at 0 or end at 1.
    """

    start: float = 0.0
    stop: float = 1.0

    @property
    def fraction(self) -> float:
        return self.stop - self.start


WHOLE = Part()


@singledispatch
def transport(element: Element, state: State, reference: Reference, part: Part) -> State:
    """Move particles through a part of an element that stands where it was designed to.

    Register a function for a new kind of element with `transport.register`. Particles that are not
    alive must keep their coordinates. Parameters of the element may be columns, one entry for each
    particle: that is how many elements of a kind are passed at once (`optics`).
    """
    raise InvalidValueError(f"no map is registered for elements of kind {type(element).__name__}")


def passable(state: State) -> State:
    """Particles that no element can move are lost: delta <= -1, or no momentum left forward."""
    _, px, _, py, _, delta = (c.detach() for c in state.coordinates)
    forward = 1 + delta
    possible = (forward > 0) & (px * px + py * py < forward * forward)
    return State(state.coordinates, state.alive & possible)


def slices(length: float, max_step: float) -> int:
    """Number of equal slices no longer than a step, by a thousandth; a length of zero has none.

    The thousandth keeps nominal lengths, whole multiples of the step, off the edge between two
    numbers: a small change of such a length, as for a difference, does not change the number.
    """
    if length == 0:
        return 0
    return max(1, math.ceil(length / max_step * (1 - _TOLERANCE)))
