"""Bending magnets: faces, and a body between them."""

from __future__ import annotations

from ... import maps
from ...beam.reference import Reference
from ...core.scalars import Number, vanishes
from .. import Bend
from ..bends import faces
from .apply import kick, move
from .base import Part, State, transport
from .straight import is_zero, per_length, with_kicks, with_series


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
    length, angle = element.length * part.fraction, element.angle * part.fraction
    if element.model == "paraxial":
        return _drift_kick(element, state, reference, part, field)
    gradient, rest = _gradient(element)
    higher = per_length(element, 0.0, 0.0, element.k2)

    def linear(state: State, share: float, gradient: Number = gradient) -> State:
        parameters = length * share, angle * share, field, gradient
        return move(maps.bend_linear, state, reference, *parameters)

    def exact(state: State, share: float) -> State:
        return move(maps.bend, state, reference, length * share, angle * share, field)

    def focused(state: State, share: float) -> State:
        """What the gradient adds to the linear map of the dipole, at the middle of a step."""
        state = linear(state, -share / 2, 0.0)
        state = linear(state, share)
        return linear(state, -share / 2, 0.0)

    def curved(state: State, share: float) -> State:
        return kick(maps.curved_quadrupole_kick, state, element.k1 * angle * share)

    if element.model == "linear":
        return with_kicks(rest, linear, higher, (), state, part)
    extra = None if is_zero(element.k1) or is_zero(element.angle) else curved
    middle = None if is_zero(gradient) or is_zero(element.length) else focused
    return with_kicks(rest, exact, higher, (), state, part, extra, middle)


def _gradient(element: Bend) -> tuple[Number, Bend]:
    """All of the normal gradient [1/m^2], and the element without that of its series."""
    knl = element.knl
    if len(knl) < 2 or is_zero(knl[1]) or vanishes(element.length):
        return element.k1, element
    return element.k1 + knl[1] / element.length, with_series(element, knl=(knl[0], 0.0, *knl[2:]))


def _drift_kick(
    element: Bend, state: State, reference: Reference, part: Part, field: Number
) -> State:
    """All of the field between paraxial drifts."""
    length, angle = element.length * part.fraction, element.angle * part.fraction

    def drift(state: State, share: float) -> State:
        return move(maps.drift_paraxial, state, reference, length * share)

    def curvature(state: State, share: float) -> State:
        at = angle * share
        return kick(maps.bend_kick, state, at, field * length * share, at * field)

    own = per_length(element, 0.0, element.k1, element.k2)
    focusing = element.angle * field
    return with_kicks(element, drift, own, (), state, part, curvature, curvature=focusing)


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
        return kick(maps.edge_linear, state, face, field, fint, element.hgap)
    # into the plane of the face, its fringe, and back through the field to the plane of the orbit
    if entering:
        state = move(maps.bend, state, reference, 0.0, face, 0.0)
        state = kick(maps.edge_fringe, state, field, fint, element.hgap)
        return move(maps.bend, state, reference, 0.0, -face, field)
    state = move(maps.bend, state, reference, 0.0, -face, field)
    state = kick(maps.edge_fringe, state, -field, fint, element.hgap)
    return move(maps.bend, state, reference, 0.0, face, 0.0)
