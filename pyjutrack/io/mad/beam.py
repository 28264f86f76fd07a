"""The reference particle of MAD's BEAM statement."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ...beam.reference import SPEED_OF_LIGHT, Reference, Species
from ...core.errors import InvalidValueError
from ..errors import wrong
from ..record import Notes

#: what pyAT needs to find in a BEAM, and what MAD takes where nothing is said
DEFAULT = {
    "particle": "positron",
    "energy": 1.0,
    "bcurrent": 0.0,
    "kbunch": 1,
    "radiate": False,
}
_NAMES = {
    "posmuon": "antimuon",
    "negmuon": "muon",
    **{n: n for n in ("electron", "positron", "proton", "antiproton")},
}
_GEV = 1e9


def beam_reference(path: Path, parser: Any, line: str, notes: Notes) -> Reference | None:
    """The reference of a line's BEAM, or of the BEAM for all lines; None if there is none.

    Of what a BEAM may say of its energy, MAD takes the first in the order energy, pc, gamma, beta,
    brho; energies are those of a whole particle [GeV].
    Source: MAD-X user's reference manual, BEAM.
    """
    beam = parser.get(f"beam%{line}", None) or parser.get("beam%", None)
    if not beam:
        return None
    if beam.get("radiate", False):
        notes.add("synchrotron radiation (RADIATE) is left out", kind="beam")
    try:
        species = _species(beam)
        number = {k: float(beam[k]) for k in ("energy", "pc", "gamma", "beta", "brho") if k in beam}
        if "energy" in number:
            return Reference.from_total(species, number["energy"] * _GEV)
        if "pc" in number:
            return Reference.from_p0c(species, number["pc"] * _GEV)
        if "gamma" in number:
            return Reference.from_total(species, number["gamma"] * species.mass)
        if "beta" in number:
            beta = number["beta"]
            return Reference.from_p0c(species, species.mass * beta / math.sqrt(1 - beta * beta))
        if "brho" in number:
            p0c = number["brho"] * abs(species.charge) * SPEED_OF_LIGHT
            return Reference.from_p0c(species, p0c)
    except (InvalidValueError, ValueError, TypeError, ZeroDivisionError) as error:
        raise wrong(path, f"BEAM: {error}") from error
    notes.add("BEAM gives no energy; MAD's 1 GeV is taken", kind="beam")
    return Reference.from_total(species, _GEV)


def _species(beam: Any) -> Species:
    name = str(beam.get("particle", DEFAULT["particle"])).lower()
    if name in _NAMES:
        return Species.from_name(_NAMES[name])
    if "mass" not in beam or "charge" not in beam:
        raise InvalidValueError(f"particle {name!r} is not known; give its mass and charge")
    return Species(name, float(beam["mass"]) * _GEV, float(beam["charge"]))
