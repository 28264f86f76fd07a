"""Synchrotron radiation: the switch `rad` of JuTrack's magnets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from ....beam.reference import Reference
from ....collective import Radiation
from ....collective.base import CollectiveEffect
from ....collective.emission import Piece, emission_of, faces_of, radiates
from ....core.errors import InvalidValueError
from ....core.names import label
from ....core.scalars import Number, is_zero
from ....elements import Element
from ....elements.part import Part
from ....elements.recordings import memoize
from ..twins import twins_of
from ..twins.base import Twin, Twins, rule_of
from ..twins.rows import series_of
from .base import refused

#: JuTrack's types that radiate; its linear ones have the switch, or none, and do not
_RADIATE = frozenset(("SBEND", "ESBEND", "KQUAD", "KSEXT", "KOCT"))
#: and those that have no field to radiate in, where they do not kick
_EMPTY = frozenset(("DRIFT", "CORRECTOR", "MARKER", "TRANSLATION", "YROTATION"))


def is_radiation(effect: CollectiveEffect) -> TypeGuard[Radiation]:
    """Whether an effect is that of the switch; what is derived from it may act elsewhere."""
    return type(effect) is Radiation


@dataclass(frozen=True)
class Radiating:
    """Whether magnets radiate in a tracking."""

    on: bool

    @classmethod
    def of(cls, effects: Sequence[CollectiveEffect]) -> Radiating:
        """What effects say of it.

        Raises:
            InvalidValueError: radiation that JuTrack has not.
        """
        found = [e for e in effects if is_radiation(e)]
        for effect in found:
            if effect.mode != "mean":
                raise refused(effect, "JuTrack has the mean loss alone", 'take mode="mean"')
            if not is_zero(effect.scale - 1.0):
                raise refused(effect, "JuTrack has no factor on it", "leave scale out")
        return cls(bool(found))

    def twins_of(self, e: Element, reference: Reference, part: Part) -> Twins:
        """The twins of a part of an element, with what radiates in it.

        Raises:
            InvalidValueError: JuTrack has none; or what is to radiate of the element cannot.
        """
        return memoize(_twins if self.on else twins_of, e, reference, part)


def _twins(e: Element, reference: Reference, part: Part) -> Twins:
    return twins_of(e, reference, part, _radiating if radiates(e) else None)


def _radiating(e: Element, part: Part, reference: Reference) -> Twins:
    """The twins of an element that radiates: the switch on where they do, and the wedges."""
    before, after = _wedges(e, part, reference)
    return (*before, *_body(e, rule_of(e)(e, part, reference)), *after)


def _body(e: Element, twins: Twins) -> Twins:
    if is_zero(e.arc_length):
        return twins  # a face by itself, of which the wedge alone radiates
    dark = sorted({t.kind for t in twins if not (_radiates(t) or _is_empty(t))})
    if not dark and any(map(_radiates, twins)):
        return tuple(_lit(t) if _radiates(t) else t for t in twins)
    kinds = ", ".join(dark or sorted({t.kind for t in twins}))
    raise InvalidValueError(
        f"{label(e)} radiates, and JuTrack's {kinds} does not, of which it is made here; "
        'take what is one magnet of JuTrack\'s, by steps, such as model="exact" with order=4, '
        "dk0=0 and multipoles up to the octupole, or the native engine"
    )


def _wedges(e: Element, part: Part, reference: Reference) -> tuple[Twins, Twins]:
    """What JuTrack leaves out: that the path in the field goes by turned faces, too."""
    entrance, exit_ = (() if is_zero(t) else _wedge(e, t, reference) for t in faces_of(e))
    if "length" not in e.knobs:
        return (), (*entrance, *exit_) if part.start < 0.5 <= part.stop else ()
    return entrance if part.start == 0 else (), exit_ if part.stop == 1 else ()


def _wedge(e: Element, tangent: Number, reference: Reference) -> Twins:
    loss, _, _, field = emission_of(e, reference, Piece(0.0, tangent))
    normal, skew = (series_of(field[n : n + 4], 4) for n in (3, 7))
    fields = {"loss": loss, "tangent": tangent, "PolynomA": skew, "PolynomB": normal}
    return (Twin("Wedge", fields, is_face=True),)


def _radiates(twin: Twin) -> bool:
    return twin.kind in _RADIATE and not twin.is_face


def _is_empty(twin: Twin) -> bool:
    kicks = (twin.fields.get(name, 0.0) for name in ("xkick", "ykick"))
    return twin.is_face or (twin.kind in _EMPTY and all(map(is_zero, kicks)))


def _lit(twin: Twin) -> Twin:
    """A twin with the switch on; JuTrack's arcs radiate in their steps, of which they need one."""
    steps = max(twin.fields.get("NumIntSteps", 1), 1)
    return replace(twin, fields={**twin.fields, "rad": 1, "NumIntSteps": steps})
