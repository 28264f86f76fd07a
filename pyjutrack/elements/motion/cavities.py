"""Solenoids and cavities."""

from __future__ import annotations

import math

from ... import maps
from ...beam.reference import SPEED_OF_LIGHT, Reference
from ...core.scalars import Number
from ...maps.base import Map
from .. import CrabCavity, Element, RFCavity, Solenoid
from .apply import kick, move
from .base import Part, State, transport
from .geometry import cos_sin
from .straight import is_zero


@transport.register
def _(element: Solenoid, state: State, reference: Reference, part: Part) -> State:
    return move(maps.solenoid, state, reference, element.length * part.fraction, element.ks)


@transport.register
def _(element: RFCavity, state: State, reference: Reference, part: Part) -> State:
    state = _half(element, state, reference, part)
    state = _gap(maps.rf_kick, element, state, reference, part)
    after = behind(element, reference, part)
    if after is not reference:
        state = kick(maps.rescale, state, reference.p0c / after.p0c)
    return _half(element, state, after, part)


@transport.register
def _(element: CrabCavity, state: State, reference: Reference, part: Part) -> State:
    state = _half(element, state, reference, part)
    state = _gap(maps.crab_kick, element, state, reference, part)
    return _half(element, state, reference, part)


def behind(element: Element, reference: Reference, part: Part) -> Reference:
    """The reference particle behind a part of an element.

    Its momentum carries what derivatives the gain has.
    """
    if not (isinstance(element, RFCavity) and element.accelerate):
        return reference
    volts = element.voltage * cos_sin(element.phase)[1] * part.fraction
    return reference.accelerated(volts * abs(reference.species.charge))


def _half(element: RFCavity | CrabCavity, state: State, reference: Reference, part: Part) -> State:
    if is_zero(element.length):
        return state
    return move(maps.drift, state, reference, element.length * (part.fraction / 2))


def _gap(
    map: Map, element: RFCavity | CrabCavity, state: State, reference: Reference, part: Part
) -> State:
    if is_zero(element.voltage):
        return state
    strength: Number = element.voltage * (
        abs(reference.species.charge) * part.fraction / reference.p0c
    )
    wavenumber = element.frequency * (2 * math.pi / SPEED_OF_LIGHT)
    return kick(map, state, strength, wavenumber, element.phase, 1 / reference.beta_gamma)
