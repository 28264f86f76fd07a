"""Synchrotron radiation: the switch `rad` of JuTrack's magnets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from ....collective import Radiation
from ....collective.base import CollectiveEffect
from ....collective.emission import radiates
from ....core.errors import InvalidValueError
from ....core.names import label
from ....core.scalars import is_zero
from ....elements import Element
from ..twins.base import Twin, Twins
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

    def __call__(self, e: Element, twins: Twins) -> Twins:
        """The twins of a part of an element, with the switch on where they radiate.

        Raises:
            InvalidValueError: the element radiates, and what is to radiate of it cannot.
        """
        if not self.on or not radiates(e):
            return twins
        dark = sorted({t.kind for t in twins if not (_radiates(t) or _is_empty(t))})
        if not dark and any(map(_radiates, twins)):
            return tuple(_lit(t) if _radiates(t) else t for t in twins)
        kinds = ", ".join(dark or sorted({t.kind for t in twins}))
        raise InvalidValueError(
            f"{label(e)} radiates, and JuTrack's {kinds} does not, of which it is made here; "
            'take what is one magnet of JuTrack\'s, by steps, such as model="exact" with order=4, '
            "dk0=0 and multipoles up to the octupole, or the native engine"
        )


def _radiates(twin: Twin) -> bool:
    return twin.kind in _RADIATE and not twin.is_face


def _is_empty(twin: Twin) -> bool:
    kicks = (twin.fields.get(name, 0.0) for name in ("xkick", "ykick"))
    return twin.is_face or (twin.kind in _EMPTY and all(map(is_zero, kicks)))


def _lit(twin: Twin) -> Twin:
    """A twin with the switch on; JuTrack's arcs radiate in their steps, of which they need one."""
    steps = max(twin.fields.get("NumIntSteps", 1), 1)
    return replace(twin, fields={**twin.fields, "rad": 1, "NumIntSteps": steps})
