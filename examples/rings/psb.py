"""The Proton Synchrotron Booster of CERN at injection, 160 MeV.

Sixteen equal periods of two parallel-faced bends around a triplet, on a circumference of 50 pi m.
Magnetic lengths and centres are those of the machine's layout of 2020 (CERN optics repository,
sequence `psb`, in xtrack's test data); the strengths are those of its file `psb_fb_lhc`, matched to
a horizontal tune of 4.4. Finemet cavities stand in sections 5, 7 and 13; 8 kV in all at harmonic 1
is the voltage of the injection model there.
"""

from __future__ import annotations

import math

import pyjutrack as pj
from pyjutrack.beam.reference import SPEED_OF_LIGHT

PERIODS = 16
CIRCUMFERENCE = 157.08  # m
BEND, FOCUS, DEFOCUS = 1.617696, 0.50357, 0.87894  # magnetic lengths [m]
K1_FOCUS, K1_DEFOCUS = 0.7691427338, -0.7775055976  # 1/m^2
#: centres of the magnets in a period [m]
CENTRES = (3.462849, 4.889797, 6.234797, 7.580797, 9.008652)
CORRECTOR = 7.0018  # m: a corrector of both planes in most periods, here in all
#: centres of the two cavities of a section [m], their length, and the sections
CAVITIES, CAVITY, SECTIONS = (0.722761, 1.777261), 0.943, (5, 7, 13)
VOLTAGE = 8e3  # V, of all cavities together


def psb() -> tuple[pj.Lattice, pj.Reference]:
    """The ring from section 1 on, and protons of 160 MeV."""
    reference = pj.Reference.from_kinetic("proton", 160e6)
    frequency = reference.beta * SPEED_OF_LIGHT / CIRCUMFERENCE
    return pj.Lattice(_period(n + 1, frequency) for n in range(PERIODS)), reference


def _period(number: int, frequency: float) -> pj.Lattice:
    angle = math.pi / PERIODS
    magnets = [
        pj.RBend(BEND, angle, name=f"bhz{number}1"),
        pj.Quadrupole(FOCUS, k1=K1_FOCUS, name=f"qfo{number}1"),
        pj.Quadrupole(DEFOCUS, k1=K1_DEFOCUS, name=f"qde{number}"),
        pj.Quadrupole(FOCUS, k1=K1_FOCUS, name=f"qfo{number}2"),
        pj.RBend(BEND, angle, name=f"bhz{number}2"),
    ]
    places: list[tuple[float, pj.Element]] = list(zip(CENTRES, magnets, strict=True))
    places += [
        (CORRECTOR, pj.Kicker(name=f"d{number}l4")),
        (CORRECTOR, pj.Monitor(name=f"bpm{number}l3")),
    ]
    if number in SECTIONS:
        share = VOLTAGE / (len(SECTIONS) * len(CAVITIES))
        places += [
            (at, pj.RFCavity(CAVITY, share, frequency=frequency, name=f"c{number}.{i}"))
            for i, at in enumerate(CAVITIES, 1)
        ]
    return pj.Lattice(_space_apart(places, CIRCUMFERENCE / PERIODS, f"{number}"))


def _space_apart(
    places: list[tuple[float, pj.Element]], length: float, name: str
) -> list[pj.Element]:
    """Elements at their centres, with drifts between them."""
    elements: list[pj.Element] = []
    end = 0.0
    for centre, element in sorted(places, key=lambda place: place[0]):
        half = float(element.length) / 2
        if centre - half > end:
            elements.append(pj.Drift(centre - half - end, name=f"o{name}.{len(elements)}"))
        elements.append(element)
        end = centre + half
    elements.append(pj.Drift(length - end, name=f"o{name}.{len(elements)}"))
    return elements
