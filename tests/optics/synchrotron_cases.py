"""An electron ring of eight cells with bends and quadrupoles, for tests of its optics."""

import math

import pyjutrack as pj

ELECTRON = pj.Reference.from_total("electron", 3e9)
CELL = [
    pj.Quadrupole(0.2, 1.6),
    pj.Drift(0.4),
    pj.SBend(1.0, math.pi / 8, name="b"),
    pj.Drift(0.4),
    pj.Quadrupole(0.2, -1.5),
    pj.Drift(0.4),
    pj.SBend(1.0, math.pi / 8, name="b"),
    pj.Drift(0.4),
]
