"""A ring with correctors, a solenoid and bends of all models, and particles for it."""

from __future__ import annotations

import math

import pyjutrack as pj

ELECTRON = pj.Reference.from_total("electron", 3e9)
PROTON = pj.Reference.from_kinetic("proton", 2e8)


def cell(model: str = "exact") -> list[pj.Element]:
    return [
        pj.Quadrupole(0.2, 1.6, name="qf"),
        pj.Drift(0.2),
        pj.Kicker(0.1, name="k"),
        pj.Sextupole(0.1, 4.0, name="sf"),
        pj.SBend(1.0, math.pi / 8, e1=0.1, e2=0.05, k1=0.1, model=model, steps=1, name="b"),
        pj.Drift(0.3, name="d"),
        pj.Quadrupole(0.2, -1.5, model="exact", steps=2, name="qd"),
        pj.Multipole(knl=(0.0, 0.0, 1.0), ksl=(0.0, 1e-3), name="m"),
        pj.Drift(0.4, model="paraxial"),
        pj.RBend(1.0, math.pi / 8, model="linear", name="r"),
        pj.Drift(0.4),
    ]


KICKED = pj.Lattice(
    [
        *cell(),
        *(e for e in cell("paraxial") if e.name != "m"),
        pj.Kicker(hkick=2e-4, vkick=-1e-4, name="corrector"),
        pj.Solenoid(0.3, 0.05, name="sol"),
        *cell("linear"),
        pj.Quadrupole(0.2, 0.3, dx=1e-3, dy=-5e-4, x_rot=1e-3, y_rot=-1e-3, tilt=0.2, name="off"),
        *cell(),
    ]
)
