"""Reverse mode of the julia engine keeps nothing of the way."""

import numpy as np

import pyjutrack as pj

#: largest resident set of this process [bytes]
PEAK = "Sys.maxrss"


def test_memory_of_reverse_mode_is_flat(make_beam, julia):
    """Ten times the kicks take no more memory; storing 480 kB an operation would take a GB."""
    from juliacall import Main

    def gradient(kicks, particles):
        lattice = pj.Lattice(
            [
                pj.Drift(0.01, name="d"),
                pj.Quadrupole(0.01, k1=3000.0, name="q"),
                pj.Drift(0.01, name="d"),
                pj.Quadrupole(0.01, k1=-3000.0, name="p"),
            ]
        )
        solver = pj.SpectralPoisson(size=(0.02, 0.02), shape=(128, 128), modes=(16, 16))
        field = pj.SpaceCharge(solver, 0.01, perveance_scale=1e-3)
        return pj.gradient(
            pj.observables.emittance_growth("x"),
            lattice,
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
        before = peak()
        assert np.isfinite(gradient(kicks, 10_000)).all()
        taken.append(peak() - before)
    assert taken[1] <= 0.3 * max(taken[0], 2**28)
