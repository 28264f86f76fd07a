"""
Optics with the lattice above them
==================================

Beta functions and dispersion of two cells of a ring that is read from a MAD-X file. Quadrupoles
that focus x stand up, those that focus y hang down.
"""

import pyjutrack as pj

file = pj.io.read_lattice(pj.io.example("ring.madx"), line="ring")
ring, electron = file.lattice, file.reference
start = pj.twiss(ring, electron)
cells = pj.Lattice(ring.elements[:36])
table = pj.twiss_table(cells, electron, initial=start)

figure = pj.plotting.sheet(8.0, 5.0)
pj.plotting.plot_optics(table, cells, figure=figure)
print(pj.twiss_table(ring, electron))
