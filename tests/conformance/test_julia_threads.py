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
cell = pj.Lattice([*fodo.cell(), pj.Multipole(knl=(0.0, 0.0, 3.0), name="s"), wall])
beam, kick = fodo.beam(2000, seed=1), fodo.space_charge(fodo.solver())
options = dict(effects=[kick], turns=2)
def figure(final):
    u = final.coordinates[final.alive]
    return 1e6 * (u[:, :4] ** 2).mean() + u[:, 4].mean()
ours = pj.track(cell, beam, **options)
assert ours.lost > 10
knobs = dict(wrt=["q1.k1", "d1.length", "s.knl[2]", "beam.current"], **options)
slopes = pj.gradient(figure, cell, beam, **knobs)
for again in range(5):
    theirs = pj.track(cell, beam, engine="julia", **options)
    assert (ours.alive == theirs.alive).all()
    assert float((ours.coordinates - theirs.coordinates)[ours.alive].abs().max()) < 1e-12
    for mode in ("forward", "reverse"):
        found = pj.gradient(figure, cell, beam, mode=mode, engine="julia", **knobs)
        np.testing.assert_allclose(found, slopes, rtol=1e-8)
print("numbers")
"""


FAILING = """
import pytest
# the second chunk alone has particles that no trial brings back through so strong a fringe
rows = np.zeros((900, 6))
rows[600:, :4] = np.random.default_rng(1).normal(size=(300, 4)) * 2e-3
beam = pj.Beam.from_array(pj.Reference.from_kinetic("proton", 1e9), rows)
strong = pj.julia.Element("KQUAD", k1=1e7, FringeQuadExit=1, name="q")
with pytest.raises(pj.errors.InvalidValueError, match="^no place before a fringe"):
    pj.gradient(
        lambda final: final.coordinates[:, 0].sum(), pj.Lattice([strong, pj.Drift(0.1)]), beam,
        wrt=["q.k1"], mode="reverse", engine="julia",
    )
for failing, thrown in ((1, "ErrorException"), (2, "InterruptException")):
    found = Main.seval(f'''
    let ended = Ref(false), thrown = nothing
        try
            PyJuTrack.for_chunks(3) do i
                i == {failing} && throw({thrown}({'""' if failing == 1 else ""}))
                sleep(0.3)
                i == 3 && (ended[] = true)
            end
        catch error
            thrown = error
        end
        ended[], string(nameof(typeof(thrown)))
    end
    ''')
    assert (bool(found[0]), str(found[1])) == (True, thrown), found
print("errors")
"""


def test_three_threads(julia):
    """Chunks with grids and slopes of their own, of particles of which some are lost; their errors.

    Those are what one thread throws, when all have ended. In one process, which has started and
    compiled once.
    """
    several = {"PYTHON_JULIACALL_THREADS": "3", "PYTHON_JULIACALL_HANDLE_SIGNALS": "yes"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", THREADED + FAILING],
        capture_output=True,
        text=True,
        env={**os.environ, **several},
    )
    found = done.returncode, done.stdout.split()
    assert found == (0, ["numbers", "errors"]), done.stderr[-2000:]
