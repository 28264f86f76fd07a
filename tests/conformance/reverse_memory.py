"""How much more memory a reverse pass takes, for 100 and 1 000 kicks, in a process of its own.

What other work leaves on Julia's heap lets its collector wait longer.
"""

import sys

import numpy as np
from juliacall import Main

import pyjutrack as pj
from pyjutrack.cli.paper import fodo

CELL = (
    pj.Drift(0.01, name="d"),
    pj.Quadrupole(0.01, k1=3000.0, name="q"),
    pj.Drift(0.01, name="d"),
    pj.Quadrupole(0.01, k1=-3000.0, name="p"),
)
#: bends of each model, with faces, and a kicker
RING = (
    pj.SBend(0.01, angle=1e-3, e1=0.1, model="exact", name="d"),
    pj.SBend(0.01, angle=1e-3, k1=3000.0, model="linear", name="q"),
    pj.Kicker(0.01, hkick=1e-6, model="paraxial"),
    pj.SBend(0.01, angle=1e-3, k1=-3000.0, e2=0.1, model="paraxial", name="p"),
)
GAPS = (
    pj.RFCavity(0.01, 100.0, frequency=1e8, phase=np.pi, name="d"),
    pj.Quadrupole(0.01, k1=3000.0, fringe="hard-edge", name="q"),
    pj.Solenoid(0.01, ks=0.5),
    pj.Quadrupole(0.01, k1=-3000.0, fringe="hard-edge", name="p"),
)
LINES = {"straight": CELL, "bends": RING, "gaps": GAPS}


def gradient(elements, kicks, particles):
    solver = pj.SpectralPoisson(size=(0.02, 0.02), shape=(128, 128), modes=(16, 16))
    field = pj.SpaceCharge(solver, 0.01, perveance_scale=1e-3)
    return pj.gradient(
        pj.observables.emittance_growth("x"),
        pj.Lattice(elements),
        fodo.beam(particles, seed=1),
        wrt=["d.length", "q.k1", "beam.current"],
        effects=[field],
        turns=kicks // 4,
        mode="reverse",
        engine="julia",
    )


def main():
    elements = LINES[sys.argv[1]]
    gradient(elements, 4, 100)  # compiles
    peak = Main.seval("Sys.maxrss")
    for kicks in (100, 1000):
        before = peak()
        assert np.isfinite(gradient(elements, kicks, 10_000)).all()
        print(peak() - before)


if __name__ == "__main__":
    main()
