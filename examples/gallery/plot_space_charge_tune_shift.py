"""
Space-charge tune shift along a bunch
=====================================

Particles of small amplitude lose the more of their tune the denser the bunch is where they are.
Points are tunes of 128 turns in the field of a frozen Gaussian bunch, the curves Laslett's
formula with the line density there.
"""

import math

import numpy as np

import pyjutrack as pj

proton = pj.Reference.from_kinetic("proton", 1e8)
cell = [
    *(pj.Quadrupole(0.15, k1=1.5), pj.Drift(1.0)),
    *(pj.Quadrupole(0.3, k1=-1.5), pj.Drift(1.0), pj.Quadrupole(0.15, k1=1.5)),
]
ring = pj.Lattice(cell * 4)
table = pj.twiss_table(ring, proton)
sizes, length, charge = (4e-3, 3e-3), 2.0, 2e-8
field = pj.collective.FrozenGaussian(
    sizes, length, pj.SpectralPoisson((0.08, 0.08), (64, 64)), max_step=1.0
)

z = np.linspace(-5, 5, 21)
rows = np.zeros((len(z), 6))
rows[:, 0] = rows[:, 2] = 1e-4
rows[:, 4] = z
found = pj.diagnostics.footprint(
    ring, pj.Beam(proton, rows, charge=charge), turns=128, effects=[field]
)

# Laslett: r0 N lambda(z) / (2 pi beta^2 gamma^3) times the integral of beta_x / (sx (sx + sy))
radius, number = 1.5347e-18, charge / 1.602177e-19
fine = np.linspace(-5, 5, 200)
density = number * np.exp(-(fine**2) / (2 * length**2)) / (math.sqrt(2 * math.pi) * length)
scale = radius / (2 * math.pi * proton.beta**2 * proton.gamma**3)

figure, ax = pj.plotting.figure(width=6.0, height=3.8)
for n, (plane, mark, dashes, colour) in enumerate(
    (("x", "o", "-", "#D55E00"), ("y", "s", "--", "#0072B2"))
):
    integral = np.trapezoid(table[f"beta_{plane}"], table.s) / (sizes[n] * sum(sizes))
    bare = float(table[f"tune_{plane}"]) % 1
    ax.plot(fine, -scale * density * integral, dashes, color=colour, label=f"Laslett, {plane}")
    ax.plot(z, found.tunes[:, n] - bare, mark, color=colour, label=f"tracked, {plane}")
ax.set(xlabel="z [m]", ylabel=r"$\Delta Q$")
ax.legend(frameon=False, ncols=2)
