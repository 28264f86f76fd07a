"""SPEAR3, the light source at SLAC: 3 GeV electrons on 234 m, in 18 cells of two bends.

Seven cells and two matching cells on either side of the ring, correctors beside most quadrupoles,
and three kickers for injection. The facts (lengths, strengths, the sequence of 824 elements) are
those of the demonstration `src/demo/SPEAR3/spear3.jl` of JuTrack 1.5; the cavity is off there, as
here. What JuTrack does by default is kept as well: integrators of fourth order with ten steps in
every quadrupole, sextupole and bend, straight elements without approximation of the momentum along
s, and bends that expand the curvature, with linear edges. JuTrack's drifts between a bend's kicks
are exact, those here are paraxial.
"""

from __future__ import annotations

from collections import Counter

import pyjutrack as pj

ENERGY = 3e9  # eV
FREQUENCY = 476.30000575e6  # Hz, harmonic 372
STEPS = 10
BEND_GRADIENT = -0.31537858  # 1/m^2
#: lengths [m] and strengths [1/m^2, 1/m^3]
QUADRUPOLES = {
    "QDX": (0.3533895, -1.3864672452),
    "QFX": (0.6105311, 1.5731962784),
    "QDY": (0.3533895, -0.4606409306),
    "QFY": (0.5123803, 1.4814937098),
    "QDZ": (0.3533895, -0.8782239377),
    "QFZ": (0.3533895, 1.4279020070),
    "QF": (0.3533895, 1.7686729041),
    "QD": (0.1634591, -1.5424742304),
    "QFC": (0.5123803, 1.7486408311),
}
SEXTUPOLES = {
    "SDM": (0.21, -17.0),
    "SFM": (0.21, 15.0),
    "SD": (0.25, -38.80153),
    "SF": (0.21, 32.0477093),
}
#: lengths [m], angles and both faces [rad]
BENDS = {
    "B34": (1.14329, 0.1385996759, 0.0692998379, 0.069299837947),
    "BND": (1.5048, 0.18479957, 0.092399785, 0.092399785),
}
KICKERS = {"COR": 0.15, "K1": 1.2, "K2": 0.6, "K3": 1.2}  # m
DRIFTS = {  # m
    **{"DA1A": 3.6792386, "DA1B": 0.12406665, "DA2A": 0.11530525, "DA2B": 0.11773445},
    **{"DA3A": 0.20889925, "DA3B": 0.05414045, "DM4": 0.21584572, "DA5A": 0.11397747},
    **{"DA5B": 0.108563, "DA6A": 0.1266, "DA6B": 0.90476828, "DA7A": 0.1106966},
    **{"DA7B": 0.06311325, "DM7": 0.17380985, "DA6C": 0.096, "DA6D": 0.93537},
    **{"DA5C": 0.051845, "DA5D": 0.17069547, "DA8A": 0.33735947, "DA8B": 0.12848625},
    **{"DA9A": 0.10930525, "DA9B": 0.13730525, "DA10A": 0.12393965, "DA10B": 3.145937},
    **{"DC1A": 1.405934, "DC1B": 0.12404125, "DC2A": 0.11576525, "DC2B": 0.11581045},
    **{"DC3A": 0.05322065, "DC3B": 0.16368247, "DC4A": 0.15921467, "DC4B": 0.044418},
    **{"DC5A": 0.09058, "DC5B": 0.36139, "DC6A": 0.110646, "DC6B": 0.06316585},
    **{"DC5C": 0.09584, "DC5D": 0.35613, "DC2C": 0.10210045, "DC2D": 0.12947525},
    **{"DI1": 0.9235741, "DI2": 0.6882939, "DI3": 0.6834939, "DI4": 0.1224401},
    **{"DI5": 1.24013, "DI6": 0.165804, "DB10B": 3.1458354, "DB10A": 0.12404125},
    **{"DB9B": 0.12330525, "DB9A": 0.12330525, "DB8B": 0.13859545, "DB8A": 0.32725027},
    **{"DB5D": 0.11397727, "DB5C": 0.1085632, "DB6D": 0.127, "DB6C": 0.90437},
    **{"DB7B": 0.1106968, "DB7A": 0.06311305, "DB6B": 0.09399852, "DB6A": 0.93737},
    **{"DB5B": 0.051845, "DB5A": 0.17069547, "DB3B": 0.13081285, "DB3A": 0.13222685},
    **{"DB2B": 0.11723445, "DB2A": 0.11580525, "DB1B": 0.05622325, "DB1A": 3.747082},
}
CELL = """
    BPM DC1B QF DC2A COR DC2B QD DC3A BPM DC3B BND DC4A BPM DC4B SD DC5A COR DC5B SF DC6A BPM DC6B
    QFC DC6B DC6A SF DC5C COR DC5D SD DC4B BPM DC4A BND DC3B DC3A QD DC2C COR DC2D QF DC1B BPM
"""
FIRST = """
    DA1A BPM DA1B QDX DA2A COR DA2B QFX DA3A BPM DA3B QDY DM4 B34 DA5A BPM DA5B SDM DA6A COR DA6B
    SFM DA7A BPM DA7B QFY DM7 SFM DA6C COR DA6D SDM DA5C BPM DA5D B34 DA8A BPM DA8B QDZ DA9A COR
    DA9B QFZ DA10A BPM DA10B
"""
LAST = """
    DB10B BPM DB10A QFZ DB9B COR DB9A QDZ DB8B BPM DB8A B34 DB5D BPM DB5C SDM DB6D COR DB6C SFM
    DB7B BPM DB7A QFY DM7 SFM DB6B COR DB6A SDM DB5B BPM DB5A B34 DM4 QDY DB3B BPM DB3A QFX DB2B
    COR DB2A QDX DB1B BPM DB1A
"""
STRAIGHT = "DC1A DC1A"
#: between the seven cells of either side: the first side has injection
INJECTION = ("DI1 K1 DI2", "DI3 K2 DI4 DI5 DI6", "DI2 K3 DI1", *[STRAIGHT] * 3)


def spear3() -> tuple[pj.Lattice, pj.Reference]:
    """The ring from its cavity on, and electrons of 3 GeV.

    Elements are named by their family and a number, "QF.1" to "QF.28" for one.
    """
    names = ["RF"]
    for straights in (INJECTION, [STRAIGHT] * 6):
        arc = CELL + "".join(f" {straight} {CELL}" for straight in straights)
        names += f"{FIRST} DC1A {arc} DC1A {LAST}".split()
    seen: Counter[str] = Counter()
    elements = []
    for name in names:
        seen[name] += 1
        elements.append(_element(name, f"{name}.{seen[name]}"))
    return pj.Lattice(elements), pj.Reference.from_total("electron", ENERGY)


def _element(family: str, name: str) -> pj.Element:
    if family in DRIFTS:
        return pj.Drift(DRIFTS[family], name=name)
    if family in QUADRUPOLES:
        length, k1 = QUADRUPOLES[family]
        return pj.Quadrupole(length, k1=k1, model="exact", steps=STEPS, name=name)
    if family in SEXTUPOLES:
        length, k2 = SEXTUPOLES[family]
        return pj.Sextupole(length, k2=k2, steps=STEPS, name=name)
    if family in BENDS:
        length, angle, e1, e2 = BENDS[family]
        faces, model = {"e1": e1, "e2": e2}, "paraxial"
        return pj.SBend(
            length, angle, k1=BEND_GRADIENT, **faces, model=model, steps=STEPS, name=name
        )
    if family in KICKERS:
        return pj.Kicker(KICKERS[family], model="paraxial", name=name)
    if family == "RF":
        return pj.RFCavity(frequency=FREQUENCY, name=name)
    return pj.Monitor(name=name)
