"""
Beta beating of 200 machines at once
====================================

The same ring with random errors of 0.1 % of its quadrupoles' strengths, 200 times: one lattice,
one call of ``pj.twiss_table``. Bands hold half of the machines, nine of ten, and all of them.
"""

import numpy as np

import pyjutrack as pj

file = pj.io.read_lattice(pj.io.example("ring.madx"), line="ring")
ring, electron = file.lattice, file.reference
machines = ring.with_unique_names().with_errors(
    relative={"q*.k1": 1e-3}, count=200, seed=1, cut=3.0
)
design, table = pj.twiss_table(ring, electron), pj.twiss_table(machines, electron)

figure, axes = pj.plotting.figure(2, width=4.4, height=3.2)
for ax, plane, colour in zip(axes, "xy", ("#D55E00", "#0072B2"), strict=True):
    beating = 100 * (table[f"beta_{plane}"] / design[f"beta_{plane}"] - 1)  # (200, places)
    for share, shade in ((1.0, 0.15), (0.9, 0.3), (0.5, 0.5)):
        low, high = np.quantile(beating, [0.5 - share / 2, 0.5 + share / 2], axis=0)
        label = f"{share:.0%} of the machines"
        ax.fill_between(design.s, low, high, color=colour, alpha=shade, linewidth=0, label=label)
    ax.plot(design.s, beating[0], color="black", linewidth=0.9, label="the first")
    ax.set(xlabel="s [m]", ylabel=rf"$\Delta\beta_{plane} / \beta_{plane}$ [%]", xlim=(0, 96))
    ax.legend(frameon=False, fontsize="x-small", loc="lower right", ncols=2)
    ax.set_ylim(bottom=1.6 * beating.min())
