"""Several threads of Julia: the numbers of one, in a process of its own."""

import os
import subprocess
import sys

THREADED = """
import numpy as np
import pyjutrack as pj
from juliacall import Main
from pyjutrack.cli.paper import fodo
assert Main.seval("Threads.nthreads()") == 3
wall = pj.Aperture(half_width=2e-3, half_height=1.0)
cell = pj.Lattice([*fodo.cell(), pj.Sextupole(0.1, k2=30.0, name="s"), wall])
beam, kick = fodo.beam(2000, seed=1), fodo.space_charge(fodo.solver())
options = dict(effects=[kick], turns=2)
def figure(final):
    u = final.coordinates[final.alive]
    return 1e6 * (u[:, :4] ** 2).mean() + u[:, 4].mean()
ours = pj.track(cell, beam, **options)
assert ours.lost > 10
knobs = dict(wrt=["q1.k1", "d1.length", "s.k2", "beam.current"], **options)
slopes = pj.gradient(figure, cell, beam, **knobs)
for again in range(5):
    theirs = pj.track(cell, beam, engine="julia", **options)
    assert (ours.alive == theirs.alive).all()
    assert float((ours.coordinates - theirs.coordinates)[ours.alive].abs().max()) < 1e-12
    for mode in ("forward", "reverse"):
        found = pj.gradient(figure, cell, beam, mode=mode, engine="julia", **knobs)
        np.testing.assert_allclose(found, slopes, rtol=1e-8)
print("done")
"""


def test_three_threads(julia):
    """Chunks with grids and slopes of their own, of particles of which some are lost."""
    several = {"PYTHON_JULIACALL_THREADS": "3", "PYTHON_JULIACALL_HANDLE_SIGNALS": "yes"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", THREADED],
        capture_output=True,
        text=True,
        env={**os.environ, **several},
    )
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr[-2000:]
