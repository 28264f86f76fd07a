"""Elements whose field is learned."""

from __future__ import annotations

from ... import maps
from ...beam.reference import Reference
from .. import HamiltonianKick
from .apply import kick
from .base import Part, State, transport


@transport.register
def _(element: HamiltonianKick, state: State, reference: Reference, part: Part) -> State:
    return kick(maps.potential_kick, state, element.potential, element.weights, element.strength)
