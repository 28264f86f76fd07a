"""Magnets by a free motion and kicks: how the multipoles of a magnet are integrated."""

from __future__ import annotations

from copy import copy
from typing import TypeVar

from .. import maps
from ..beam.reference import Reference
from ..core.scalars import Number, is_zero
from ..maps.state import State
from .integrators import Step, integrate
from .magnet import Magnet, Series, add_series
from .part import Part
from .steps import count_steps


def drift_and_kick(
    element: Magnet, normal: Series, skew: Series, state: State, reference: Reference, part: Part
) -> State:
    """Pass a part of a straight magnet by kicks between drifts.

    Args:
        normal, skew: integrated strengths of the magnet's own, beside its knl and ksl.
    """
    drift = maps.drift if element.model == "exact" else maps.drift_paraxial

    def free(state: State, share: float) -> State:
        if is_zero(element.length):
            return state
        return state.apply(drift, element.length * (part.fraction * share), reference.beta)

    return integrate_with_kicks(element, free, normal, skew, state, part)


def integrate_with_kicks(
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
    """Pass a part of a magnet by its free motion and kicks of all its multipoles.

    Args:
        free: what needs no kicks. normal, skew: integrated strengths of the magnet's own.
        extra: a kick beside the multipoles.
        middle: another motion; half of the kicks act before it, and half after.
        curvature: integrated gradient of the extra kick [1/m].
    """
    knl, ksl = add_series(normal, element.knl), add_series(skew, element.ksl)
    straight = all(map(is_zero, (*knl, *ksl)))
    if straight and extra is None and middle is None:
        return free(state, 1.0)

    def kicks(state: State, share: float) -> State:
        if extra is not None:
            state = extra(state, share)
        if straight:
            return state
        weight = part.fraction * share
        normal, skew = (tuple(k * weight for k in series) for series in (knl, ksl))
        return state.apply(maps.multipole_kick, normal, skew)

    def kicked(state: State, share: float) -> State:
        if middle is None:
            return kicks(state, share)
        return kicks(middle(kicks(state, share / 2), share), share / 2)

    if is_zero(element.length):
        return kicked(state, 1.0)
    steps = count_steps(element, (curvature, *knl[1:2], *ksl[1:2]), element.length, part)
    return integrate(state, element.order, steps, free, kicked)


def multiply_by_length(element: Magnet, *strengths: Number) -> Series:
    """Integrated strengths from those per length; a zero stays a plain zero."""
    return tuple(k if is_zero(k) else k * element.length for k in strengths)


M = TypeVar("M", bound=Magnet)


def replace_series(element: M, **series: Series) -> M:
    """A magnet with other multipoles; its parameters, which may be columns, are not checked."""
    made = copy(element)
    for name, values in series.items():
        object.__setattr__(made, name, values)
    return made
