"""Drifts, straight magnets and places."""

from __future__ import annotations

from ..elements import (
    Drift,
    Kicker,
    Magnet,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Quadrupole,
    Sextupole,
)
from ..number import Number
from ..reference import Reference
from .apply import kick, move
from .base import Part, State, transport
from .integrate import Step, integrate

Series = tuple[Number, ...]


@transport.register
def _(element: Marker, state: State, reference: Reference, part: Part) -> State:
    return state


@transport.register
def _(element: Drift, state: State, reference: Reference, part: Part) -> State:
    name = "drift" if element.model == "exact" else "drift_paraxial"
    return move(name, state, reference, element.length * part.fraction)


@transport.register
def _(element: Monitor, state: State, reference: Reference, part: Part) -> State:
    if is_zero(element.length):
        return state
    return move("drift", state, reference, element.length * part.fraction)


@transport.register
def _(element: Quadrupole, state: State, reference: Reference, part: Part) -> State:
    skew = per_length(element, 0.0, element.k1s)
    if element.model != "linear":
        return _drift_kick(
            element, per_length(element, 0.0, element.k1), skew, state, reference, part
        )

    def free(state: State, share: float) -> State:
        length = element.length * (part.fraction * share)
        return move("quadrupole", state, reference, length, element.k1)

    return with_kicks(element, free, (), skew, state, part)


@transport.register
def _(element: Sextupole, state: State, reference: Reference, part: Part) -> State:
    normal, skew = (per_length(element, 0.0, 0.0, k) for k in (element.k2, element.k2s))
    return _drift_kick(element, normal, skew, state, reference, part)


@transport.register
def _(element: Octupole, state: State, reference: Reference, part: Part) -> State:
    normal, skew = (per_length(element, 0.0, 0.0, 0.0, k) for k in (element.k3, element.k3s))
    return _drift_kick(element, normal, skew, state, reference, part)


@transport.register
def _(element: Multipole, state: State, reference: Reference, part: Part) -> State:
    return _drift_kick(element, (), (), state, reference, part)


@transport.register
def _(element: Kicker, state: State, reference: Reference, part: Part) -> State:
    normal, skew = (-element.hkick,), (element.vkick,)
    return _drift_kick(element, normal, skew, state, reference, part)


def _drift_kick(
    element: Magnet, normal: Series, skew: Series, state: State, reference: Reference, part: Part
) -> State:
    """Integrated multipoles between drifts."""
    name = "drift" if element.model == "exact" else "drift_paraxial"

    def free(state: State, share: float) -> State:
        if is_zero(element.length):
            return state
        return move(name, state, reference, element.length * (part.fraction * share))

    return with_kicks(element, free, normal, skew, state, part)


def with_kicks(
    element: Magnet,
    free: Step,
    normal: Series,
    skew: Series,
    state: State,
    part: Part,
    extra: Step | None = None,
) -> State:
    """A part of a magnet: its free motion and all its multipoles, its own and the extra ones.

    Args:
        free: what needs no kicks. normal, skew: integrated strengths of the magnet's own.
        extra: a kick beside the multipoles.
    """
    knl, ksl = plus(normal, element.knl), plus(skew, element.ksl)
    straight = all(map(is_zero, (*knl, *ksl)))
    if straight and extra is None:
        return free(state, 1.0)

    def kicked(state: State, share: float) -> State:
        if extra is not None:
            state = extra(state, share)
        if straight:
            return state
        weight = part.fraction * share
        return kick(
            "multipole_kick", state, tuple(k * weight for k in knl), tuple(k * weight for k in ksl)
        )

    if is_zero(element.length):
        return kicked(state, 1.0)
    return integrate(state, element.order, element.steps, free, kicked)


def per_length(element: Magnet, *strengths: Number) -> Series:
    """Integrated strengths; a zero stays a plain zero."""
    return tuple(k if is_zero(k) else k * element.length for k in strengths)


def plus(a: Series, b: Series) -> Series:
    """The sum of two series, the shorter one continued by zeros."""
    if len(a) < len(b):
        a, b = b, a
    return (*(p + q for p, q in zip(a, b, strict=False)), *a[len(b) :])


def is_zero(number: Number) -> bool:
    """Whether a parameter is a plain zero, which no derivative can ask for."""
    return isinstance(number, float) and number == 0.0
