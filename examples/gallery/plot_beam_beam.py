"""
Beam-beam footprint
===================

Tunes of particles of a round beam against another, by their amplitude in sigmas: the core is
shifted by the beam-beam parameter, xi, and large amplitudes are not. The ring is one linear
matrix.
"""

import math

import numpy as np

import pyjutrack as pj

proton = pj.Reference.from_total("proton", 7e12)
beta, emittance, number = 0.55, 5e-10, 2.0e11
sigma = math.sqrt(beta * emittance)
turn = np.eye(6)
for plane, tune in enumerate((0.31, 0.32)):
    c, s = math.cos(2 * math.pi * tune), math.sin(2 * math.pi * tune)
    turn[2 * plane : 2 * plane + 2, 2 * plane : 2 * plane + 2] = [[c, beta * s], [-s / beta, c]]
ring = pj.Lattice([pj.Marker(name="ip"), pj.TaylorMap(turn)])
encounter = pj.collective.BeamBeam2D("ip", number * 1.602177e-19, sigma_x=sigma, sigma_y=sigma)

radius, angle = np.meshgrid(np.linspace(0.1, 8, 33), np.linspace(0.01, math.pi / 2 - 0.01, 17))
rows = np.zeros((radius.size, 6))
rows[:, 0] = sigma * (radius * np.cos(angle)).ravel()
rows[:, 2] = sigma * (radius * np.sin(angle)).ravel()
found = pj.diagnostics.footprint(ring, pj.Beam(proton, rows), turns=1024, effects=[encounter])
tunes = found.tunes.reshape(*radius.shape, 2)

figure, ax = pj.plotting.figure(width=5.4, height=4.2)
ax.plot(*tunes.T, color="0.7", linewidth=0.6)
ax.plot(
    *np.moveaxis(tunes, -1, 0)[:, :, ::4].reshape(2, len(angle), -1), color="#0072B2", linewidth=0.8
)
xi = number * 1.5347e-18 / (4 * math.pi * proton.gamma * emittance)
ax.plot(0.31, 0.32, "s", color="#D55E00", label="without")
ax.plot(0.31 - xi, 0.32 - xi, "o", color="#D55E00", label=r"core, $Q - \xi$")
ax.set(xlabel="tune in x", ylabel="tune in y")
ax.legend(frameon=False)
