"""The twins of an element where it stands: as designed, rolled, displaced."""

from __future__ import annotations

from dataclasses import replace

from ....beam.reference import Reference
from ....core.scalars import Number, is_zero, to_float
from ....elements import Element
from ....elements.geometry import Frame, invert
from ....elements.part import WHOLE, Part
from ....elements.placement import offset_frame
from .base import Rule, Twin, Twins, rule_of
from .frames import entered, is_in_plane, roll_matrix, roll_of, rolled

#: JuTrack's types that roll and shift by themselves, and ask what is lost after that
_ROLL = frozenset(
    (
        *("DRIFT", "QUAD", "KQUAD", "KSEXT", "KOCT", "thinMULTIPOLE", "CORRECTOR", "SOLENOID"),
        *("SBEND", "LBEND", "ESBEND"),
    )
)


def twins_of(
    e: Element, reference: Reference, part: Part = WHOLE, rule: Rule | None = None
) -> Twins:
    """The JuTrack elements that are a part of one of ours, in their order.

    Args:
        rule: what makes them where the element was designed to stand; that of its kind if none.

    Raises:
        InvalidValueError: JuTrack has none that does the same; why is said.
    """
    body = (rule or rule_of(e))(e, part, reference)
    if e.is_frame_change or not body or not (e.is_displaced or not is_zero(e.tilt)):
        return body
    if not e.is_displaced:
        if _rolls(body):
            return (_rolled(body[0], e.tilt),)
        return (*rolled(e.tilt), *body, *rolled(-e.tilt))
    entrance, exit_ = (offset_frame(e, place) for place in (part.start, part.stop))
    if _rolls(body) and is_in_plane(entrance) and is_in_plane(exit_):
        return (_shifted(body[0], entrance, exit_, roll_of(entrance) + e.tilt),)
    around = entered(entrance), entered(invert(exit_))
    return (*around[0], *rolled(e.tilt), *body, *rolled(-e.tilt), *around[1])


def _rolls(body: Twins) -> bool:
    """Whether twins are a single one that can take a roll and a shift in its own fields."""
    only = body[0]
    if len(body) > 1 or only.kind not in _ROLL:
        return False
    if only.kind == "QUAD" and to_float(only.fields["k1"]) <= 0:
        return False  # passed with the planes exchanged
    if only.kind == "LBEND" and "K" in only.fields:
        return False  # its path is mended with what particles are at its entrance
    return not {"T1", "R1", "T2", "R2", "RApertures", "EApertures"} & set(only.fields)


def _rolled(twin: Twin, angle: Number) -> Twin:
    turn = {"R1": roll_matrix(angle), "R2": roll_matrix(-angle)}
    return replace(twin, fields={**twin.fields, **turn})


def _shifted(twin: Twin, entrance: Frame, exit_: Frame, angle: Number) -> Twin:
    found = twin if is_zero(angle) else _rolled(twin, angle)
    if all(is_zero(u) for frame in (entrance, exit_) for u in frame.origin[:2]):
        return found
    (x_in, y_in, _), (x_out, y_out, _) = entrance.origin, exit_.origin
    shift = {
        "T1": (-x_in, 0.0, -y_in, 0.0, 0.0, 0.0),
        "T2": (x_out, 0.0, y_out, 0.0, 0.0, 0.0),
    }
    return replace(found, fields={**found.fields, **shift})
