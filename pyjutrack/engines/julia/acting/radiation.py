"""Synchrotron radiation: the switch `rad` of JuTrack's magnets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ....beam.beam import Beam
from ....collective import Radiation
from ....collective.base import CollectiveEffect
from ....collective.emission import radiates
from ....core.errors import InvalidValueError
from ....core.names import label
from ....core.scalars import is_zero, to_float
from ....elements import Element
from ..twins.base import Twin, Twins
from .base import refused

#: JuTrack's types that radiate; its linear ones have the switch, or none, and do not
_RADIATE = frozenset(("SBEND", "ESBEND", "KQUAD", "KSEXT", "KOCT"))
#: of JuTrack, which knows electrons by this number [eV]
_ELECTRON = 0.51099895069e6


@dataclass(frozen=True)
class Radiating:
    """Whether magnets radiate in a tracking."""

    on: bool

    @classmethod
    def of(cls, effects: Sequence[CollectiveEffect], beam: Beam) -> Radiating:
        """What effects say of it.

        Raises:
            InvalidValueError: radiation that JuTrack has not.
        """
        found = [e for e in effects if isinstance(e, Radiation)]
        for effect in found:
            if effect.mode != "mean":
                raise refused(effect, "JuTrack has the mean loss alone", 'take mode="mean"')
            if not is_zero(effect.scale - 1.0):
                raise refused(effect, "JuTrack has no factor on it", "leave scale out")
            mass = to_float(beam.reference.species.mass)
            if abs(mass / _ELECTRON - 1) > 1e-8 or abs(beam.reference.species.charge) != 1:
                raise refused(effect, "JuTrack's is that of electrons and positrons")
        return cls(bool(found))

    def __call__(self, e: Element, twins: Twins) -> Twins:
        """The twins of a part of an element, with the switch on where they radiate.

        Raises:
            InvalidValueError: the element radiates, and none of them can.
        """
        if not self.on or not radiates(e):
            return twins
        if not any(twin.kind in _RADIATE for twin in twins):
            kinds = ", ".join(sorted({twin.kind for twin in twins}))
            raise InvalidValueError(
                f"{label(e)} radiates, and JuTrack's {kinds} does not; take a model that is "
                'integrated by steps, such as model="exact", or the native engine'
            )
        return tuple(_lit(t) if t.kind in _RADIATE else t for t in twins)


def _lit(twin: Twin) -> Twin:
    """A twin with the switch on; JuTrack's arcs radiate in their steps, of which they need one."""
    steps = max(twin.fields.get("NumIntSteps", 1), 1)
    return replace(twin, fields={**twin.fields, "rad": 1, "NumIntSteps": steps})
