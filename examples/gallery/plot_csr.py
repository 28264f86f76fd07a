"""
Coherent synchrotron radiation in a chicane
===========================================

A chirped bunch of 1 nC is compressed from 200 to some 25 micrometres in four bends, and radiates
coherently on the way. Its phase space at the end, and what the radiation has changed of each
particle's momentum.
"""

import numpy as np

import pyjutrack as pj

electron = pj.Reference.from_total("electron", 5e9)
line = []
for angle, face, drift in (
    (-0.05, "e2", 5.0),
    (0.05, "e1", 1.0),
    (0.05, "e2", 5.0),
    (-0.05, "e1", 2.0),
):
    line += [pj.SBend(0.5, angle, **{face: angle}), pj.Drift(drift)]
chicane = pj.Lattice(line)

rows = np.random.default_rng(1).normal(size=(40_000, 6)) * [5e-5, 1e-6, 5e-5, 1e-6, 2e-4, 2e-6]
rows[:, 5] -= 33.0 * rows[:, 4]
bunch = pj.Beam(electron, rows, charge=1e-9)
radiation = pj.collective.CSR(cells=96, max_step={"SBend": 0.05, "Drift": 0.25})
without = pj.track(chicane, bunch).numpy()
end = pj.track(chicane, bunch, effects=[radiation])

figure, (left, right) = pj.plotting.figure(2, width=4.0, height=3.4)
pj.plotting.plot_phase_space(left, end, "z")
z, change = 1e3 * end.numpy()[:, 4], 1e3 * (end.numpy()[:, 5] - without[:, 5])
right.plot(z, change, ".", color="#D55E00", markersize=1, rasterized=True)
right.axhline(0.0, color="0.5", linewidth=0.8)
right.set(xlabel="z [mm]", ylabel=r"change of $\delta$ by radiation [$10^{-3}$]")
