"""Reference particles of Xsuite, and back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ...beam.reference import Reference, Species
from ..errors import clip, placed_errors, wrong
from ..record import Notes
from .layout import Record

_KNOWN = (
    *("electron", "positron", "proton", "antiproton", "muon", "antimuon", "deuteron", "alpha"),
)
#: how far masses of one particle may be apart in tables of some years
_SAME_MASS = 1e-4
#: numbers of the Particle Data Group
_NUMBERS = {
    **{"electron": 11, "positron": -11, "muon": 13, "antimuon": -13, "proton": 2212},
    **{"antiproton": -2212, "deuteron": 1000010020, "alpha": 1000020040},
}


def read_particle(path: Path, found: Record | None, notes: Notes) -> Reference | None:
    """The reference particle of a file, with the mass that it states.

    Raises:
        LatticeFileError: it has no mass, charge or momentum.
    """
    if found is None:
        return None
    mass, charge, p0c = (_number(path, found, name) for name in ("mass0", "q0", "p0c"))
    momenta = found["p0c"]
    if isinstance(momenta, list) and any(p != momenta[0] for p in momenta):
        notes.add(f"the particles have several momenta; the first is taken, {p0c:g} eV")
    with placed_errors(path, None, "particle_ref"):
        return Reference(_species(mass, charge, found.get("pdg_id")), p0c)


def _species(mass: float, charge: float, number: Any) -> Species:
    """The species of a mass and a charge, by its name if it is a common one."""
    for name in _KNOWN:
        known = Species.from_name(name)
        if charge == known.charge and math.isclose(mass, known.mass, rel_tol=_SAME_MASS):
            return Species(name, mass, charge)
    number = number[0] if isinstance(number, list) and number else number
    return Species(f"PDG {number}" if isinstance(number, int) and number else "ion", mass, charge)


def _number(path: Path, found: Record, name: str) -> float:
    value = found.get(name)
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(path, f"particle_ref: {name} = {clip(repr(value))} is no number")
    return float(value)


def write_particle(reference: Reference) -> Record:
    """A reference particle as Xsuite has it."""
    species = reference.species
    number = _NUMBERS.get(species.name, 0)
    found: Record = {"mass0": species.mass, "q0": species.charge, "p0c": [float(reference.p0c)]}
    return {**found, "pdg_id": [number]} if number else found
