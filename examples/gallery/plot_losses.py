"""
Loss map
========

A beam with a large emittance in a ring whose openings stand at its quadrupoles and at one
collimator: which part of it is lost where, in 30 turns.
"""

import pyjutrack as pj

file = pj.io.read_lattice(pj.io.example("ring.madx"), line="ring")
electron = file.reference
elements = []
for element in file.lattice:
    if element.name.startswith("q"):
        elements.append(pj.Aperture(half_width=0.030, half_height=0.012, name="pipe"))
    elements.append(element)
elements.insert(40, pj.Aperture(half_width=0.026, half_height=0.011, name="collimator"))
ring = pj.Lattice(elements)
beam = pj.distributions.gaussian(
    electron, 5000, twiss=pj.twiss(ring, electron), emittance=(7e-6, 1e-6), sigma_delta=1e-3, seed=1
)
losses = pj.loss_map(ring, beam, turns=30)
print(losses)

figure = pj.plotting.sheet(8.0, 3.6)
strip, ax = figure.subplots(2, 1, sharex=True, height_ratios=[0.4, 2])
pj.plotting.plot_lattice(strip, ring)
strip.set_xlabel("")
pj.plotting.plot_losses(ax, losses, fraction=True)
