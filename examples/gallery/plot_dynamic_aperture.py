"""
Dynamic aperture
================

Particles that start on a grid of amplitudes, and the turn in which each is lost to the wall. All
of them are tracked at once, 300 turns through a ring with sextupoles that correct its
chromaticities.
"""

import numpy as np

import pyjutrack as pj

file = pj.io.read_lattice(pj.io.example("ring.madx"), line="ring")
wall = pj.Aperture(half_width=0.1, half_height=0.1, name="wall")
ring = pj.Lattice([*file.lattice, wall])

x, y = np.meshgrid(np.linspace(-0.08, 0.08, 41), np.linspace(0.0, 0.08, 21))
rows = np.zeros((x.size, 6))
rows[:, 0], rows[:, 2] = x.ravel(), y.ravel()
losses = pj.loss_map(ring, pj.Beam(file.reference, rows), turns=300)
turns = np.where(losses.turn < 0, 300, losses.turn).reshape(x.shape)

figure, ax = pj.plotting.figure(width=6.4, height=3.6)
drawn = ax.pcolormesh(1e3 * x, 1e3 * y, turns + 1, norm="log", cmap="cividis", rasterized=True)
ax.contour(1e3 * x, 1e3 * y, turns == 300, levels=[0.5], colors="white", linewidths=2)
ax.set(xlabel="x at the start [mm]", ylabel="y at the start [mm]")
figure.colorbar(drawn, ax=ax, label="turns before the loss")
