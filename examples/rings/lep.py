"""LEP, the Large Electron-Positron collider at CERN, with its physics optics of 1998.

Eight arcs of FODO cells, dispersion suppressors, four low-beta insertions (even points) and four
high-beta ones (odd points), 272 superconducting and 48 copper cavities. The magnets stand where
the machine's sequence of 1998 has them, with the strengths of the optics "F1020B98v1", whose cells
advance the phases by 102 and 90 degrees. The facts (names, families, positions of the centres,
strengths) are those of the sequence `lep98_cv20` of CERN, as found in xtrack's test data. Left out
is what is off in that optics: wigglers, separators, skew quadrupoles, injection and dump magnets.
The sequence has no voltages and no energy: those here are round values of the time, 10.2 MV for
each superconducting cavity, four to a module, and 2.5 MV for each copper one.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pyjutrack as pj
from pyjutrack.beam.reference import SPEED_OF_LIGHT

CIRCUMFERENCE = 26658.872082  # m
HARMONIC = 31320
ENERGY = 94.5e9  # eV
#: volts of a module, by its length [m]
VOLTAGES = {10.898: 4 * 10.2e6, 2.127944: 2.5e6, 1.2: 0.0}
_HERE = Path(__file__).parent


def lep() -> tuple[pj.Lattice, pj.Reference]:
    """The ring from IP1 on, and positrons of 94.5 GeV.

    Every element has the name that it had in the tunnel; the drift before it is "d." and that.
    """
    reference = pj.Reference.from_total("positron", ENERGY)
    frequency = HARMONIC * reference.beta * SPEED_OF_LIGHT / CIRCUMFERENCE
    families: dict[str, dict[str, Any]] = {
        row["family"]: {k: float(v or 0) for k, v in row.items() if k not in ("family", "kind")}
        | {"kind": row["kind"]}
        for row in _table("lep_families.csv")
    }
    elements: list[pj.Element] = []
    end = 0.0
    for row in _table("lep_elements.csv"):
        element = _element(row["name"], families[row["family"]], frequency)
        start = float(row["position"]) - float(element.length) / 2
        if start > end:
            elements.append(pj.Drift(start - end, name=f"d.{element.name}"))
        elements.append(element)
        end = start + float(element.length)
    elements.append(pj.Drift(CIRCUMFERENCE - end, name="d.end"))
    return pj.Lattice(elements), reference


def _table(name: str) -> list[dict[str, str]]:
    with open(_HERE / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _element(name: str, family: dict[str, Any], frequency: float) -> pj.Element:
    kind, length = family["kind"], family["length"]
    if kind == "Quadrupole":
        return pj.Quadrupole(length, k1=family["k1"], name=name)
    if kind == "Sextupole":
        return pj.Sextupole(length, k2=family["k2"], name=name)
    if kind == "RBend":  # its faces make half the angle of parallel ones
        angle = family["angle"]
        gradients = {"k1": family["k1"], "k2": family["k2"]}
        return pj.RBend(length, angle, e1=-angle / 4, e2=-angle / 4, name=name, **gradients)
    if kind == "RFCavity":  # above transition
        return pj.RFCavity(length, VOLTAGES[length], frequency=frequency, phase=math.pi, name=name)
    if kind == "Kicker":
        return pj.Kicker(length, name=name)
    return pj.Monitor(name=name) if kind == "Monitor" else pj.Marker(name=name)
