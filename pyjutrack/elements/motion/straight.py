"""Drifts, straight magnets and places."""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any, TypeVar

from ... import maps
from ...beam.reference import Reference
from ...core.scalars import Number, vanishes
from .. import Drift, Kicker, Magnet, Marker, Monitor, Multipole, Octupole, Quadrupole, Sextupole
from .apply import kick, move
from .base import Part, State, transport
from .integrators import Step, integrate
from .steps import pieces_of, steps_of

Series = tuple[Number, ...]


@transport.register
def _(element: Marker, state: State, reference: Reference, part: Part) -> State:
    return state


@transport.register
def _(element: Drift, state: State, reference: Reference, part: Part) -> State:
    name = maps.drift if element.model == "exact" else maps.drift_paraxial
    return move(name, state, reference, element.length * part.fraction)


@transport.register
def _(element: Monitor, state: State, reference: Reference, part: Part) -> State:
    if is_zero(element.length):
        return state
    return move(maps.drift, state, reference, element.length * part.fraction)


@transport.register
def _(element: Quadrupole, state: State, reference: Reference, part: Part) -> State:
    if element.model != "linear":
        upright_kicks = per_length(element, 0.0, element.k1)
        skew_kicks = per_length(element, 0.0, element.k1s)
        return _drift_kick(element, upright_kicks, skew_kicks, state, reference, part)
    normal, skew, rest = _gradients(element)

    def upright(state: State, share: float, gradient: Number) -> State:
        length = element.length * (part.fraction * share)
        return move(maps.quadrupole, state, reference, length, gradient)

    if is_zero(skew):
        return with_kicks(rest, partial(upright, gradient=normal), (), (), state, part)

    def coupled(state: State, share: float) -> State:
        length = element.length * (part.fraction * share)
        pieces = pieces_of(element, (normal, skew), length)
        for _ in range(pieces):
            state = move(maps.skew_quadrupole, state, reference, length / pieces, normal, skew)
        return state

    return with_kicks(rest, coupled, (), (), state, part)


def _gradients(element: Quadrupole) -> tuple[Number, Number, Quadrupole]:
    """All of the normal and the skew gradient, and the element with the other multipoles alone."""
    if vanishes(element.length):  # kicks, whose slope by the length the integrator has
        return element.k1, element.k1s, element
    taken: dict[str, Any] = {}
    found = []
    for own, name in ((element.k1, "knl"), (element.k1s, "ksl")):
        series = getattr(element, name)
        if len(series) > 1 and not is_zero(series[1]):
            own = own + series[1] / element.length
            taken[name] = (series[0], 0.0, *series[2:])
        found.append(own)
    return found[0], found[1], with_series(element, **taken) if taken else element


M = TypeVar("M", bound=Magnet)


def with_series(element: M, **series: Series) -> M:
    """A magnet with other multipoles; its parameters, which may be columns, are not checked."""
    made = copy(element)
    for name, values in series.items():
        object.__setattr__(made, name, values)
    return made


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
    name = maps.drift if element.model == "exact" else maps.drift_paraxial

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
    middle: Step | None = None,
    curvature: Number = 0.0,
) -> State:
    """A part of a magnet: its free motion and all its multipoles, its own and the extra ones.

    Args:
        free: what needs no kicks. normal, skew: integrated strengths of the magnet's own.
        extra: a kick beside the multipoles.
        middle: another motion; half of the kicks stand before it, and half after.
        curvature: integrated gradient of the extra kick [1/m].
    """
    knl, ksl = plus(normal, element.knl), plus(skew, element.ksl)
    straight = all(map(is_zero, (*knl, *ksl)))
    if straight and extra is None and middle is None:
        return free(state, 1.0)

    def kicks(state: State, share: float) -> State:
        if extra is not None:
            state = extra(state, share)
        if straight:
            return state
        weight = part.fraction * share
        return kick(
            maps.multipole_kick,
            state,
            tuple(k * weight for k in knl),
            tuple(k * weight for k in ksl),
        )

    def kicked(state: State, share: float) -> State:
        if middle is None:
            return kicks(state, share)
        return kicks(middle(kicks(state, share / 2), share), share / 2)

    if is_zero(element.length):
        return kicked(state, 1.0)
    steps = steps_of(element, (curvature, *knl[1:2], *ksl[1:2]), element.length, part)
    return integrate(state, element.order, steps, free, kicked)


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
