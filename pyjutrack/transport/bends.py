"""Bending magnets: faces, and a body between them."""

from __future__ import annotations

from ..elements import Bend
from ..elements.bends import faces
from ..number import Number
from ..reference import Reference
from .apply import kick, move
from .base import Part, State, transport
from .straight import is_zero, per_length, with_kicks


@transport.register
def _(element: Bend, state: State, reference: Reference, part: Part) -> State:
    entrance, exit_ = faces(element)
    # a straight magnet of no length is one of any length, and no quotient of zeros
    curvature = 0.0 if is_zero(element.angle) else element.angle / element.length
    field = curvature + element.dk0
    if part.start == 0:
        state = _edge(element, state, reference, entrance, field, entering=True)
    state = _body(element, state, reference, part, field)
    if part.stop == 1:
        state = _edge(element, state, reference, exit_, field, entering=False)
    return state


def _body(element: Bend, state: State, reference: Reference, part: Part, field: Number) -> State:
    higher = per_length(element, 0.0, 0.0, element.k2)
    gradient = per_length(element, 0.0, element.k1, element.k2)

    def exact(state: State, share: float) -> State:
        weight = part.fraction * share
        parameters = element.length * weight, element.angle * weight, field
        return move("bend", state, reference, *parameters)

    def linear(state: State, share: float) -> State:
        weight = part.fraction * share
        parameters = element.length * weight, element.angle * weight, field, element.k1
        return move("bend_linear", state, reference, *parameters)

    def drift(state: State, share: float) -> State:
        return move("drift_paraxial", state, reference, element.length * (part.fraction * share))

    def curvature(state: State, share: float) -> State:
        weight = part.fraction * share
        angle = element.angle * weight
        return kick("bend_kick", state, angle, field * element.length * weight, angle * field)

    def curved_gradient(state: State, share: float) -> State:
        weight = part.fraction * share
        return kick("curved_quadrupole_kick", state, element.k1 * element.angle * weight)

    if element.model == "linear":
        return with_kicks(element, linear, higher, (), state, part)
    if element.model == "paraxial":
        return with_kicks(element, drift, gradient, (), state, part, curvature)
    extra = None if is_zero(element.k1) or is_zero(element.angle) else curved_gradient
    return with_kicks(element, exact, gradient, (), state, part, extra)


def _edge(
    element: Bend,
    state: State,
    reference: Reference,
    face: Number,
    field: Number,
    *,
    entering: bool,
) -> State:
    model = element.edges
    if model == "auto":
        model = "exact" if element.model == "exact" else "linear"
    fint = element.fint if entering else element.fintx
    if model == "none":
        return state
    if model == "linear":
        if is_zero(face) and (is_zero(fint) or is_zero(element.hgap)):
            return state
        return kick("edge_linear", state, face, field, fint, element.hgap)
    # into the plane of the face, its fringe, and back through the field to the plane of the orbit
    if entering:
        state = move("bend", state, reference, 0.0, face, 0.0)
        state = kick("edge_fringe", state, field, fint, element.hgap)
        return move("bend", state, reference, 0.0, -face, field)
    state = move("bend", state, reference, 0.0, -face, field)
    state = kick("edge_fringe", state, -field, fint, element.hgap)
    return move("bend", state, reference, 0.0, face, 0.0)
