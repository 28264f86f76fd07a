"""Reverse mode of the julia engine keeps nothing of the way."""

import numpy as np
import pytest

import pyjutrack as pj

#: largest resident set of this process [bytes]
PEAK = "Sys.maxrss"

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


@pytest.mark.parametrize("elements", [CELL, RING, GAPS], ids=["straight", "bends", "gaps"])
def test_memory_of_reverse_mode_is_flat(make_beam, julia, elements):
    """Ten times the kicks take no more memory; storing 480 kB an operation would take a GB."""
    from juliacall import Main

    def gradient(kicks, particles):
        solver = pj.SpectralPoisson(size=(0.02, 0.02), shape=(128, 128), modes=(16, 16))
        field = pj.SpaceCharge(solver, 0.01, perveance_scale=1e-3)
        return pj.gradient(
            pj.observables.emittance_growth("x"),
            pj.Lattice(elements),
            make_beam(particles),
            wrt=["d.length", "q.k1", "beam.current"],
            effects=[field],
            turns=kicks // 4,
            mode="reverse",
            engine=julia,
        )

    gradient(4, 100)  # compiles
    peak = Main.seval(PEAK)
    taken = []
    for kicks in (100, 1000):
        Main.GC.gc()  # what earlier tests left counts as free
        before = peak()
        assert np.isfinite(gradient(kicks, 10_000)).all()
        taken.append(peak() - before)
    assert taken[1] <= 0.3 * max(taken[0], 2**28)
