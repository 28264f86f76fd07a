"""
Radiation damping
=================

A beam that is injected too large shrinks in x and in energy, each at its rate, down to where the
noise of photons holds it. Dots are 200 particles that emit photons, lines what
``pj.optics.equilibrium`` says beforehand.
"""

import math

import numpy as np

import pyjutrack as pj

electron = pj.Reference.from_total("electron", 3e9)
cell = [
    pj.Quadrupole(0.3, 1.7, name="qf"), pj.Drift(0.6), pj.SBend(1.5, math.pi / 8, model="linear"),
    pj.Drift(0.5), pj.Quadrupole(0.2, -1.3, name="qd"), pj.Drift(0.6),
    pj.SBend(1.5, math.pi / 8, k1=-0.05, model="linear"), pj.Drift(0.7),
]  # fmt: skip
period = 8 * sum(element.length for element in cell) / (electron.beta * 299_792_458)
cavity = pj.RFCavity(voltage=8e6, frequency=100 / period, phase=math.pi)
ring = pj.Lattice([*cell * 8, cavity])
found = pj.optics.equilibrium(ring, electron)

shape = np.linalg.cholesky(found.covariance.numpy() + 1e-20 * np.eye(6))
rows = 3 * np.random.default_rng(1).normal(size=(200, 6)) @ shape.T + found.orbit[0].numpy()
photons = pj.collective.Radiation("quantum", seed=1)
read = {"sizes": pj.moments.sizes}
history = pj.diagnostics.track_turns(
    ring, pj.Beam(electron, rows), read, turns=4000, every=40, effects=[photons]
)
sizes, turns = history["sizes"].numpy(), 40 * np.arange(100)

figure, axes = pj.plotting.figure(2, width=4.0, height=3.2)
for ax, column, mode, label in (
    (axes[0], 0, 0, "rms of x [mm]"),
    (axes[1], 5, 2, r"rms of $\delta$ [$10^{-3}$]"),
):
    end = float(found.covariance[column, column])
    decay = np.exp(-2 * turns * period / float(found.damping_times[mode]))
    ax.plot(turns, 1e3 * sizes[:, column], ".", color="#0072B2", label="tracked")
    expected = np.sqrt(end + (sizes[0, column] ** 2 - end) * decay)
    ax.plot(turns, 1e3 * expected, color="#D55E00", label="envelope")
    ax.axhline(1e3 * math.sqrt(end), color="0.4", linestyle="--", linewidth=1, label="equilibrium")
    ax.set(xlabel="turn", ylabel=label, ylim=(0, None))
axes[0].legend(frameon=False)
