"""Classes of AT's elements: what files call them, and how one that is not stated is found.

Source: documentation of AT and pyAT; a class is told by its name, the element's, the pass method,
and what it holds, in this order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import clip
from ..record import Say


@dataclass(frozen=True)
class AtClass:
    """A class of AT.

    Attributes:
        name: of the class.
        first: what its constructor takes first, in this order.
        method: the pass method of an element that states none.
        optional: which of the first a file may leave out; they are 0.
        strength: the name that its own strength has beside PolynomB, and the order there.
    """

    name: str
    first: tuple[str, ...] = ()
    method: str = "IdentityPass"
    optional: tuple[str, ...] = ()
    strength: tuple[str, int] | None = None


_POLYNOMIALS = ("PolynomA", "PolynomB")
_STRAIGHT = "StrMPoleSymplectic4Pass"
_EVERY = (
    AtClass("Element"),
    AtClass("LongElement", ("Length",)),
    AtClass("Marker"),
    AtClass("Monitor"),
    AtClass("Drift", ("Length",), "DriftPass"),
    AtClass("Collimator", ("Length", "RApertures"), "DriftPass"),
    AtClass("Aperture", ("Limits",), "AperturePass"),
    AtClass("LongtAperture", ("Limits",), "LongtAperturePass"),
    AtClass("Corrector", ("Length", "KickAngle"), "CorrectorPass"),
    AtClass("ThinMultipole", _POLYNOMIALS, "ThinMPolePass"),
    AtClass("Multipole", ("Length", *_POLYNOMIALS), _STRAIGHT),
    AtClass("Octupole", ("Length", *_POLYNOMIALS), _STRAIGHT),
    AtClass("Quadrupole", ("Length", "K"), _STRAIGHT, ("K",), ("K", 1)),
    AtClass("Sextupole", ("Length", "H"), _STRAIGHT, ("H",), ("H", 2)),
    AtClass(
        "Dipole",
        ("Length", "BendingAngle", "K"),
        "BndMPoleSymplectic4Pass",
        ("BendingAngle", "K"),
        ("K", 1),
    ),
    AtClass(
        "RFCavity",
        ("Length", "Voltage", "Frequency", "HarmNumber", "Energy"),
        "RFCavityPass",
        ("HarmNumber", "Energy"),
    ),
    AtClass("CrabCavity", ("Length", "Voltages", "Frequency", "HarmNumber"), "CrabCavityPass"),
    AtClass("RingParam", ("Energy", "Periodicity"), optional=("Energy", "Periodicity")),
    AtClass("M66", ("M66",), "Matrix66Pass"),
    AtClass("M66Tijk", ("M66", "Tijk"), "MatrixTijkPass"),
    AtClass("Wiggler", ("Length", "Lw", "Bmax"), "GWigSymplecticPass"),
    AtClass(
        "InsertionDeviceKickMap",
        (
            *("PassMethod", "Filename_in", "Normalization_energy", "Nslice", "Length"),
            *("xkick", "ykick", "xkick1", "ykick1", "xtable", "ytable"),
        ),
        "IdTablePass",
    ),
    AtClass("EnergyLoss", ("EnergyLoss",)),
    AtClass("QuantumDiffusion", ("Lmatp",), "QuantDiffPass"),
    AtClass("SimpleQuantDiff", (), "SimpleQuantDiffPass"),
    AtClass("SimpleRadiation", (), "SimpleRadiationRadPass"),
    AtClass("VariableThinMultipole", (), "VariableThinMPolePass"),
    AtClass("BeamMoments", (), "BeamMomentsPass"),
    AtClass("SliceMoments", ("nslice",), "SliceMomentsPass"),
    AtClass("DeltaQ", (), "DeltaQPass"),
)
_NAMED = {kind.name: kind for kind in _EVERY}
_OTHER_NAMES = {
    **dict.fromkeys(("bend", "rbend", "sbend"), "Dipole"),
    **{"quad": "Quadrupole", "sext": "Sextupole", "rf": "RFCavity", "bpm": "Monitor"},
    **{"ap": "Aperture", "wig": "Wiggler", "matrix66": "M66", "quantdiff": "QuantumDiffusion"},
}
#: by the name that files give it, in lower case
CLASSES = {kind.name.lower(): kind for kind in _EVERY}
CLASSES |= {name: _NAMED[kind] for name, kind in _OTHER_NAMES.items()}

_BY_METHOD = {
    **{"BendLinearPass": "Dipole", "BndMPoleSymplectic4Pass": "Dipole"},
    **{"BndMPoleSymplectic4RadPass": "Dipole", "QuadLinearPass": "Quadrupole"},
    **{_STRAIGHT: "Multipole", "StrMPoleSymplectic4RadPass": "Multipole"},
    **{"CorrectorPass": "Corrector", "CavityPass": "RFCavity", "RFCavityPass": "RFCavity"},
    **{"ThinMPolePass": "ThinMultipole", "Matrix66Pass": "M66", "AperturePass": "Aperture"},
    **{"IdTablePass": "InsertionDeviceKickMap", "GWigSymplecticPass": "Wiggler"},
    "VariableThinMPolePass": "VariableThinMultipole",
}
#: the class that has any of these, in this order
_BY_CONTENT = (
    (("FullGap", "FringeInt1", "FringeInt2", "gK", "EntranceAngle", "ExitAngle"), "Dipole"),
    (("Voltage", "Frequency", "HarmNumber", "PhaseLag", "TimeLag"), "RFCavity"),
    (("Periodicity",), "RingParam"),
    (("Limits",), "Aperture"),
    (("M66",), "M66"),
    (("K",), "Quadrupole"),
)


def class_of(fields: Mapping[str, Any], say: Say) -> AtClass:
    """Find the class of an element by what the file holds of it; `say` takes what is in doubt.

    Raises:
        ValueError: what must be a word or a number is none.
    """
    named = word(fields, "Class")
    if named.lower() in CLASSES:
        return CLASSES[named.lower()]
    if named:
        say(f"there is no class {clip(named)}; its class is told by what it holds")
    known = CLASSES.get(word(fields, "FamName").lower())
    if known is not None:
        return known
    method = word(fields, "PassMethod")
    return _NAMED[_BY_METHOD.get(method) or _name_by_content(fields, method)]


def word(fields: Mapping[str, Any], name: str) -> str:
    """A word of an element; empty if it has none.

    Raises:
        ValueError: it is something else.
    """
    found = fields.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise ValueError(f"{name} = {clip(repr(found))} is no word")
    return found


def numbers(fields: Mapping[str, Any], name: str, count: int | None = None) -> list[float]:
    """Numbers of an element, those of a matrix column by column.

    Raises:
        ValueError: they are missing, something else, or not as many.
    """
    if fields.get(name) is None:
        raise ValueError(f"has no {name}")
    try:
        found = np.asarray(fields[name])
    except ValueError:  # rows of different lengths
        found = np.array(None)
    if found.dtype.kind not in "biuf" and found.size:
        raise ValueError(f"{name} = {clip(repr(fields[name]))} is not of numbers")
    if count is not None and found.size != count:
        raise ValueError(f"{name} has {found.size} numbers in place of {count}")
    return [float(number) for number in found.ravel(order="F")]


def _name_by_content(fields: Mapping[str, Any], method: str) -> str:
    for attributes, kind in _BY_CONTENT:
        if any(name in fields for name in attributes):
            return kind
    long = "Length" in fields and numbers(fields, "Length", 1)[0] > 0.0
    if "PolynomB" in fields or "PolynomA" in fields:
        lowest = next((n for n, b in enumerate(numbers(fields, "PolynomB")) if b), 0)
        straight = "Multipole" if long or method.startswith(_STRAIGHT[:-4]) else "ThinMultipole"
        return {1: "Quadrupole", 2: "Sextupole", 3: "Octupole"}.get(lowest, straight)
    if "KickAngle" in fields:
        return "Corrector"
    if long:
        return "Drift"
    return "Monitor" if "GCR" in fields else "Marker" if method == "IdentityPass" else "Element"
