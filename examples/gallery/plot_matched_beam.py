"""
Phase space of a matched beam
=============================

A beam that is drawn with the optics of a ring has the same ellipse turn after turn. The ellipses
are those of one rms, of area pi times the rms emittance, which the legend says.
"""

import pyjutrack as pj

file = pj.io.read_lattice(pj.io.example("ring.madx"), line="ring")
ring, electron = file.lattice, file.reference
beam = pj.distributions.gaussian(
    electron, 4000, twiss=pj.twiss(ring, electron), emittance=(1e-7, 1e-8), seed=1
)
end = pj.track(ring, beam, turns=50)

figure, axes = pj.plotting.figure(2, width=4.0, height=3.4)
for ax, when, words in zip(axes, (beam, end), ("at the start", "after 50 turns"), strict=True):
    pj.plotting.plot_phase_space(ax, when, "x", ellipse=True)
    ax.set_title(words, loc="left", fontsize="medium")
