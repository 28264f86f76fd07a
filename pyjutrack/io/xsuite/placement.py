"""Displacements: about an anchor in Xsuite, about the middle here.

Both move the hardware: first the translation, then rotations about y, x and s. Xsuite's rotation
about x turns s towards y, the one here y towards s.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ...elements import Marker, SBend, ThinBend
from ...elements.geometry import (
    Frame,
    compose,
    displacement,
    invert,
    middle_frame,
    orbit_frame,
    roll,
)
from ...lattice.expressions import Expression, Formula
from ..arithmetic import is_on
from ..builder import Fields
from .source import Source


class Body(NamedTuple):
    """The design of an element: length, angle, curvature where its orbit bends, and roll."""

    length: float
    angle: float
    curvature: float
    tilt: float


_SHIFTS = ("shift_x", "shift_y", "shift_s")
_TURNS = ("rot_y_rad", "rot_x_rad", "rot_s_rad_no_frame")
_NAMES = ("dx", "dy", "dz", "y_rot", "x_rot", "z_rot")


def read_placement(source: Source, length: Formula, angle: Formula, offset: float) -> Fields:
    """Where an element stands.

    Args:
        length, angle: of the element, or of the slice.
        offset: of the slice from the entrance of what it is cut from [m].
    """
    tilt = source.number("rot_s_rad")
    given = [source.number(name) for name in (*_SHIFTS, *_TURNS)]
    anchor = source.number("rot_shift_anchor")
    if not any(map(is_on, given)):
        return {"tilt": tilt} if is_on(tilt) else {}
    shifts, turns = given[:3], given[3:]
    if not any(map(is_on, (*turns, source.curvature, angle))):
        return {"tilt": tilt, **dict(zip(_NAMES, shifts, strict=False))}
    if is_on(angle) and not is_on(length):
        source.say("a displaced thin bend is a rigid body, whose exit is turned; there it is not")
    everything = (*given, anchor, length, source.curvature, angle, tilt)
    if any(isinstance(value, Expression) for value in everything):
        source.say("its displacement is about another point, and does not follow its variables")
    value = source.value
    moved = move_anchor(
        [value(v) for v in given],
        value(anchor) - offset,
        Body(value(length), value(angle), value(source.curvature), value(tilt)),
        to_middle=True,
    )
    return {"tilt": tilt, **dict(zip(_NAMES, moved, strict=True))}


def move_anchor(given: list[float], anchor: float, body: Body, *, to_middle: bool) -> list[float]:
    """The same displacement about another point, (dx, dy, dz, y, x, s), x as in Xsuite there.

    Args:
        given: about the anchor, or about the middle.
        anchor: distance from the entrance along the orbit [m].
        to_middle: from the anchor to the middle, or back.
    """
    orbit = SBend(1.0, body.curvature)
    at = orbit_frame(orbit, anchor)
    thick = SBend(body.length, body.angle) if body.length else ThinBend(body.angle)
    tilt = roll(body.tilt)
    at, middle = (
        compose(compose(tilt, frame), invert(tilt)) for frame in (at, middle_frame(thick))
    )
    there = compose(invert(at), middle) if to_middle else compose(invert(middle), at)
    dx, dy, dz, y, x, s = given
    own = displacement(Marker(dx=dx, dy=dy, dz=dz, y_rot=y, x_rot=-x if to_middle else x, z_rot=s))
    found = _decompose(compose(compose(invert(there), own), there))
    found[4] = found[4] if to_middle else -found[4]
    return found


def _decompose(frame: Frame) -> list[float]:
    """Translation and rotations about y, x and s, as elements have them."""
    x, y, s = frame.axes
    across = math.hypot(x[1], y[1])
    turns = math.atan2(s[0], s[2]), -math.atan2(s[1], across), math.atan2(x[1], y[1])
    return [*frame.origin, *turns]
