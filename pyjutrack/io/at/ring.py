"""What AT says of a machine as a whole: its particle, its energy, its periods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...beam.reference import Reference, Species
from ..record import Notes
from .classes import numbers
from .element import AtElement

#: AT's names of particles whose names differ from ours
_NAMES = {"posmuon": "antimuon", "negmuon": "muon"}
_KNOWN = ("electron", "positron", "proton", "antiproton", *_NAMES)


def reference_of(
    stated: Mapping[str, Any], elements: Sequence[AtElement], notes: Notes
) -> Reference:
    """The reference of a machine, by what is stated of it or by its cavities and magnets.

    Raises:
        ValueError: there is no energy, or it is none of such a particle.
    """
    return Reference.from_total(
        _species(stated.get("particle"), notes), _energy(stated, elements, notes)
    )


def count_periods(stated: Mapping[str, Any], elements: Sequence[AtElement]) -> int:
    """Count the periods that make a ring, as stated or by the angle of one; 1 if that is none.

    Raises:
        ValueError: what is stated is no number.
    """
    if stated.get("periodicity") is not None:
        count = numbers(stated, "periodicity", 1)[0]
        if count > 0 and math.isfinite(count):
            return round(count)
    angle = sum(e.number("BendingAngle") for e in elements if e.kind.name == "Dipole")
    periods = 2 * math.pi / angle if angle else 1.0
    return round(periods) if abs(periods - round(periods)) < 1e-4 and periods < 1e4 else 1


def _energy(stated: Mapping[str, Any], elements: Sequence[AtElement], notes: Notes) -> float:
    if stated.get("energy") is not None:
        energy = numbers(stated, "energy", 1)[0]
        if not math.isnan(energy):
            return energy
    having = [e for e in elements if e.has("Energy")]
    having = [e for e in having if e.kind.name == "RFCavity"] or having
    found = [e.number("Energy") for e in having]
    if not found:
        raise ValueError("it states no energy: read it with reference=")
    if min(found) < max(found):
        notes.add(f"elements state energies from {min(found):g} to {max(found):g} eV; the highest")
    return max(found)


def _species(stated: Any, notes: Notes) -> Species:
    """A particle, which files state by its name or by its name, mass and charge."""
    fields = {"name": stated} if isinstance(stated, str) else stated or {}
    if not isinstance(fields, Mapping):
        raise ValueError("its particle is no name, and no name with a mass and a charge")
    name = fields.get("name") or ("relativistic" if not fields else "unknown")
    if not isinstance(name, str):
        raise ValueError("the name of its particle is no word")
    if name == "relativistic":
        notes.add("the file names no particle; electrons are taken")
        name = "electron"
    if name in _KNOWN:
        return Species.from_name(_NAMES.get(name, name))
    mass, charge = (numbers(fields, key, 1)[0] for key in ("rest_energy", "charge"))
    return Species(name, mass, charge)
