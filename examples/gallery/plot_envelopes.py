"""
Envelopes between apertures
===========================

The beam's rms size along a cell, three of it, and the openings that it passes: who scrapes where
is seen before anything is tracked. The closed orbit is that of a quadrupole that is displaced by
0.3 mm.
"""

import pyjutrack as pj

file = pj.io.read_lattice(pj.io.example("ring.madx"), line="ring")
electron = file.reference
pipe = {"half_width": 0.020, "half_height": 0.008, "shape": "ellipse"}
elements = []
for element in file.lattice.elements[:18]:
    elements.append(element)
    if element.length > 0.3:
        elements.append(pj.Aperture(**pipe))
elements[0] = pj.Quadrupole(0.4, k1=elements[0].k1, dx=3e-4, dy=3e-4, name="qf")
cell = pj.Lattice(elements)
table = pj.twiss_table(cell, electron)

figure = pj.plotting.sheet(8.0, 5.0)
strip, above, below = figure.subplots(3, 1, sharex=True, height_ratios=[0.4, 2, 2])
pj.plotting.plot_lattice(strip, cell)
beam = {"emittance": (1e-6, 1e-7), "sigma_delta": 1e-3, "lattice": cell}
for ax, plane in ((above, "x"), (below, "y")):
    pj.plotting.plot_envelope(ax, table, plane, **beam)
for ax in (strip, above):
    ax.set_xlabel("")
