"""
A gradient is a tangent
=======================

The emittance growth of a beam with space charge, tracked at thirty strengths of a quadrupole at
once, and what ``pj.value_and_gradient`` says at three of them: value and slope of the same curve,
the answer of the field to the beam included.
"""

import numpy as np
import torch

import pyjutrack as pj

proton = pj.Reference.from_kinetic("proton", 1e9)
cell = pj.Lattice([
    pj.Drift(0.2), pj.Quadrupole(0.1, k1=29.6, name="q1"), pj.Drift(0.4),
    pj.Quadrupole(0.1, k1=-29.6, name="q2"), pj.Drift(0.2),
])  # fmt: skip
beam = pj.distributions.gaussian(
    proton,
    5000,
    twiss=pj.twiss(cell, proton),
    normalized_emittance=(1e-6, 1e-6),
    current=200.0,
    seed=1,
)
field = pj.SpaceCharge(pj.SpectralPoisson(size=(0.02, 0.02), shape=(64, 64)), max_step=0.1)
growth = pj.observables.emittance_growth("x")

strengths = torch.linspace(27.0, 32.0, 30, dtype=torch.float64)
end = pj.track(cell.with_values({"q1.k1": strengths}), beam, effects=[field])
curve = pj.moments.emittance(end, "x") / pj.moments.emittance(beam, "x") - 1

figure, ax = pj.plotting.figure(width=5.6, height=3.6)
ax.plot(strengths, 100 * curve, color="#0072B2", label="tracked")
for number, k1 in enumerate((28.0, 29.6, 31.2)):
    value, slope = pj.value_and_gradient(
        growth, cell.with_values({"q1.k1": k1}), beam, effects=[field], wrt=["q1.k1"]
    )
    near = np.array([-0.6, 0.6])
    label = "value and slope" if number == 0 else None
    ax.plot(
        k1 + near, 100 * (value + slope * near), "--", color="#D55E00", linewidth=2.5, label=label
    )
    ax.plot(k1, 100 * value, "o", color="#D55E00")
ax.set(xlabel=r"$k_1$ of q1 [1/m$^2$]", ylabel="emittance growth in x [%]")
ax.legend(frameon=False)
