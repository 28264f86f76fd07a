"""
Wake of a resonator and its kick
================================

The longitudinal wake of a resonator, and the energy that it takes from each particle of a bunch:
the convolution of the wake with the charge that passed before. The head of the bunch, at positive
z, meets no wake but its own.
"""

import numpy as np
import torch

import pyjutrack as pj

electron = pj.Reference.from_total("electron", 1e9)
z = np.random.default_rng(1).normal(scale=0.01, size=40_000)
rows = np.zeros((len(z), 6))
rows[:, 4] = z
bunch = pj.Beam(electron, rows, charge=5e-9)

resonator = pj.collective.Resonator(frequency=8e9, shunt=1e4, quality=4.0)
wake = pj.collective.Wake(resonator, "cavity", "longitudinal", cells=256)
end = pj.track(pj.Lattice([pj.Marker(name="cavity")]), bunch, effects=[wake])
gain = 1e-3 * end.numpy()[:, 5] * electron.beta * electron.p0c  # keV, to first order in delta

figure, (left, right) = pj.plotting.figure(2, width=4.0, height=3.2)
time = np.linspace(0.0, 0.8, 400)  # ns
left.plot(
    time,
    1e-12 * resonator.value(torch.as_tensor(1e-9 * time), transverse=False).numpy(),
    color="#0072B2",
)
left.set(xlabel="time after the charge [ns]", ylabel="wake [V/pC]")

counts, edges = np.histogram(z, 60)
profile = counts / counts.max() * np.ptp(gain) / 2
right.stairs(
    gain.min() + profile,
    1e3 * edges,
    baseline=gain.min(),
    fill=True,
    color="0.85",
    label="line density",
)
order = np.argsort(z)
right.plot(1e3 * z[order], gain[order], color="#D55E00", label="energy gained")
right.set(xlabel="z [mm]", ylabel="energy gained [keV]")
right.legend(frameon=False, fontsize="small")
