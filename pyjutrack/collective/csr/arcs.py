"""The arcs of a reference orbit: which bends are one, and what is upstream of a place.

Bends that touch and turn to the same side, in one plane but for errors of roll, are one arc,
whatever of no length is between them: halves of a magnet, and magnets in a row, with the mean
curvature of all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ...core.errors import AccuracyWarning, InvalidValueError, warn
from ...core.names import label
from ...core.scalars import Number, to_float, vanishes
from ...elements import Element
from ...lattice.positions import path_of
from ..base import Place

#: curvatures in an arc may differ by this share without a warning
_ALIKE = 0.01
#: bends whose planes differ by more are two arcs [rad]
_ROLL = 0.1


class Arc(NamedTuple):
    """The arc of the reference orbit in which a place is, or after which it is.

    Attributes:
        length: of the arc, from its entrance to the place or to its exit [m].
        angle: by which it turns over that length, to either side [rad], positive.
        distance: of the place from the exit [m]; 0 in the arc, and where the orbit steps back into
            it.
    """

    length: Number
    angle: Number
    distance: Number = 0.0

    @property
    def radius(self) -> Number:
        """The radius of curvature, the mean of the arc [m]."""
        return self.length / self.angle


def is_bend(element: Element) -> bool:
    """Return whether the reference orbit turns in an element."""
    return not vanishes(element.bend_angle)


def upstream_of(elements: Sequence[Element], number: int) -> Sequence[Element]:
    """Select the elements from the entrance of an arc on, before one that is in it or after it.

    None where the orbit has been straight.
    """
    first = number
    while first >= 0 and not is_bend(elements[first]):
        first -= 1
    if first < 0:
        return ()
    while (before := _joined(elements, first)) is not None:
        first = before
    return elements[first:number]


def arc_at(place: Place) -> Arc | None:
    """The arc in which a place is, or after which it is, if there is one."""
    length: Number = 0.0
    angle: Number = 0.0
    distance: Number = 0.0
    for element in place.upstream:
        if is_bend(element):
            length, angle = length + element.length, angle + _turn(element)
        else:
            distance = distance + path_of([element])
    here, centre = place.element, place.centre
    if is_bend(here):
        length, angle = length + centre * here.length, angle + centre * _turn(here)
        distance = 0.0
    else:
        distance = distance + centre * here.length
    if vanishes(angle):
        return None
    if to_float(distance) < 0:
        distance = 0.0
    return Arc(length, angle, distance)


def reached(elements: Sequence[Element], reach: float | None) -> list[bool]:
    """Select the elements in arcs, and those whose entrance is within a distance after one.

    Args:
        reach: [m]; 0 for the arcs alone, None for all that is after one.

    Raises:
        InvalidValueError: a bend without a length, or no bend at all.

    Warns:
        AccuracyWarning: bends of other curvature in one arc.
    """
    found, distance = [], None
    for number, element in enumerate(elements):
        if not is_bend(element):
            found.append(distance is not None and (reach is None or distance < reach))
            distance = None if distance is None else distance + to_float(path_of([element]))
            continue
        _check_bend(elements, number)
        found.append(True)
        distance = 0.0
    if distance is None:
        raise InvalidValueError(
            "CSR is made in bends, and this lattice has none: no element of it turns the reference "
            "orbit over a length, as SBend and RBend do"
        )
    return found


def _joined(elements: Sequence[Element], number: int) -> int | None:
    """The bend before a bend that is part of the same arc."""
    here = elements[number]
    for before in range(number - 1, -1, -1):
        other = elements[before]
        if is_bend(other):
            roll = to_float(other.tilt) - to_float(here.tilt)
            side = math.copysign(1.0, to_float(other.bend_angle) * to_float(here.bend_angle))
            return before if side * math.cos(roll) > math.cos(_ROLL) else None
        if to_float(path_of([other])) != 0:
            return None
    return None


def _turn(bend: Element) -> Number:
    """The angle of a bend, to either side [rad], positive."""
    angle = bend.bend_angle
    return angle if to_float(angle) > 0 else -angle


def _check_bend(elements: Sequence[Element], number: int) -> None:
    here = elements[number]
    if vanishes(here.length):
        raise InvalidValueError(
            f"CSR needs the arc of a bend, and {label(here)} turns the orbit by "
            f"{to_float(here.bend_angle):.3g} rad over no length; take an SBend, which has one"
        )
    before = _joined(elements, number)
    if before is None:
        return
    ratio = abs(to_float(elements[before].curvature) / to_float(here.curvature))
    if abs(ratio - 1) > _ALIKE:
        warn(
            f"{label(elements[before])} and {label(here)} touch, and CSR takes them as one arc "
            f"of their mean curvature, but that of the first is {ratio:.3g} times the other's",
            AccuracyWarning,
        )
