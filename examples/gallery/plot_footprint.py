"""
Tune footprint and resonances
=============================

Tunes of the particles of a large beam in a ring with sextupoles and octupoles, found from 512
turns each, and the resonances (m, n): m Qx + n Qy = p up to sixth order. Colours are the change
of the tunes from one half of the turns to the other: bright particles diffuse.
"""

import pyjutrack as pj

proton = pj.Reference.from_kinetic("proton", 1e9)
cell = [
    *(pj.Quadrupole(0.3, k1=1.50, name="qf"), pj.Drift(1.0)),
    *(pj.Quadrupole(0.3, k1=-1.63, name="qd"), pj.Drift(1.3)),
]
kicks = pj.Multipole(knl=(0.0, 0.0, 1.0, 2000.0), name="kicks")
ring = pj.Lattice([*cell * 8, kicks])
beam = pj.distributions.uniform(
    proton, 1500, twiss=pj.twiss(ring, proton), emittance=(6e-6, 6e-6), seed=1
)
found = pj.diagnostics.footprint(ring, beam, turns=512)

figure, ax = pj.plotting.figure(width=6.0, height=4.4)
pj.plotting.plot_footprint(ax, found, resonances=6, labels=True)
