"""The reference particle of MAD's BEAM statement."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...beam.reference import SPEED_OF_LIGHT, Reference, Species
from ...core.errors import InvalidValueError
from ...core.scalars import to_float
from ..errors import clip, placed_errors
from ..record import Notes

_NAMES = {
    "posmuon": "antimuon",
    "negmuon": "muon",
    **{n: n for n in ("electron", "positron", "proton", "antiproton")},
}
_GEV = 1e9
#: what says the momentum; MAD takes the first that is given
_ENERGIES = ("energy", "pc", "gamma", "beta", "brho")


class Beams:
    """BEAM statements: for all sequences, and for one.

    Args:
        notes: of what is left out.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._stated: dict[str, dict[str, Any]] = {}
        self._rows: dict[str, tuple[Path, int | None]] = {}

    def update(
        self, sequence: str, told: Mapping[str, Any], machine: Any, place: tuple[Path, int]
    ) -> None:
        """Take what a statement says; what it says of the energy replaces what was said before.

        Args:
            sequence: of which it speaks; empty for all.
            told: its attributes.
            machine: whose variables it may name.
            place: file and row, for messages.

        Raises:
            ValueError: an energy, a mass or a charge that is no number.
        """
        for name in (*_ENERGIES, "mass", "charge", "bv"):
            if isinstance(told.get(name), (str, tuple)):
                raise InvalidValueError(f"{name} = {clip(str(told[name]))} is no number")
        self._rows[sequence] = place
        found = self._stated.setdefault(
            sequence, dict(self._stated.get("", {})) if sequence else {}
        )
        if any(name in told for name in _ENERGIES):
            for name in _ENERGIES:
                found.pop(name, None)
        numbers = {
            k: v if isinstance(v, str) else machine.variables.evaluate(v)
            for k, v in told.items()
            if not isinstance(v, tuple)
        }
        found.update(numbers)

    def reset(self, sequence: str) -> None:
        """Take the values of MAD's RESBEAM, its defaults."""
        self._stated[sequence] = {}

    def sign(self, sequence: str) -> float:
        """The direction of the beam, BV: -1 turns the sign of all fields."""
        return -1.0 if float((self._of(sequence) or {}).get("bv", 1.0)) < 0 else 1.0

    def reference(self, path: Path, sequence: str, *, noting: bool = True) -> Reference | None:
        """The reference of a sequence, or None if no BEAM was stated.

        Energies are those of a whole particle [GeV]. Source: MAD-X user's reference manual, BEAM.

        Raises:
            LatticeFileError: a particle that is not known, or no energy that it can have.
        """
        beam = self._of(sequence)
        if beam is None:
            return None
        if noting and float(beam.get("radiate", 0.0)):
            self._notes.add("synchrotron radiation (RADIATE) is left out", kind="beam")
        file, row = self._rows.get(sequence, self._rows.get("", (path, None)))
        with placed_errors(file, row, "BEAM"):
            species = _species(beam)
            number = {k: float(beam[k]) for k in _ENERGIES if k in beam}
            if "energy" in number:
                return Reference.from_total(species, number["energy"] * _GEV)
            if "pc" in number:
                return Reference.from_p0c(species, number["pc"] * _GEV)
            if "gamma" in number:
                return Reference.from_total(species, number["gamma"] * species.mass)
            if "beta" in number:
                beta = number["beta"]
                if not 0 < beta < 1:
                    raise InvalidValueError(f"beta = {beta:.17g} is not between 0 and 1")
                return Reference.from_p0c(species, species.mass * beta / math.sqrt(1 - beta * beta))
            if "brho" in number and number["brho"] <= 0:
                raise InvalidValueError(f"brho = {number['brho']:g} is not positive")
            if "brho" in number:
                p0c = number["brho"] * abs(species.charge) * SPEED_OF_LIGHT
                return Reference.from_p0c(species, p0c)
        if noting:
            self._notes.add("BEAM gives no energy; MAD's 1 GeV is taken", kind="beam")
        return Reference.from_total(species, _GEV)

    def attribute(self, beam: str, name: str) -> float:
        """What `beam->pc` and its like are worth in an expression.

        Raises:
            ValueError: nothing is known of it.
        """
        sequence = beam.partition("%")[2]
        stated = self._of(sequence) or {}
        if name in stated and not isinstance(stated[name], str):
            return float(stated[name])
        reference = self.reference(Path("BEAM"), sequence, noting=False)
        if reference is None:
            raise InvalidValueError(f"beam->{clip(name)} is asked before a BEAM statement")
        species, p0c = reference.species, to_float(reference.p0c)
        known = {
            "mass": species.mass / _GEV,
            "charge": species.charge,
            "pc": p0c / _GEV,
            "energy": species.mass * to_float(reference.gamma) / _GEV,
            "gamma": to_float(reference.gamma),
            "beta": to_float(reference.beta),
            "brho": p0c / (SPEED_OF_LIGHT * abs(species.charge)),
            "bv": 1.0,
        }
        if name not in known:
            raise InvalidValueError(f"beam->{clip(name)} is not known")
        return known[name]

    def _of(self, sequence: str) -> dict[str, Any] | None:
        return self._stated.get(sequence, self._stated.get(""))


def _species(beam: Mapping[str, Any]) -> Species:
    """MAD's particle; a mass or a charge that is given counts."""
    name = str(beam.get("particle", "positron"))
    if name in _NAMES and not ("mass" in beam or "charge" in beam):
        return Species.from_name(_NAMES[name])
    if name in _NAMES:
        plain = Species.from_name(_NAMES[name])
        mass = float(beam["mass"]) * _GEV if "mass" in beam else plain.mass
        charge = float(beam.get("charge", plain.charge))
        if (mass, charge) == (plain.mass, plain.charge):
            return plain
        return Species("particle" if "particle" not in beam else name, mass, charge)
    if name == "ion" and "mass" not in beam:  # MAD's default is a proton's
        beam = {"mass": Species.from_name("proton").mass / _GEV, **beam}
    if "mass" not in beam:
        raise InvalidValueError(f"particle {clip(name)!r} is not known; give its mass and charge")
    return Species(name, float(beam["mass"]) * _GEV, float(beam.get("charge", 1.0)))
