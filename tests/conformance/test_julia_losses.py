"""Particles that JuTrack leaves without a number at the end are lost, as by the native engine."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.engines.julia import border
from pyjutrack.tracking.task import task_of

ELECTRON = pj.Reference.from_kinetic("electron", 1e6)
#: take 2.5 MeV of the 1.511 MeV that the reference has; the crab's field does at x = 1 cm
TAKERS = {
    "thin": pj.RFCavity(voltage=2.5e6, frequency=5e8, phase=-math.pi / 2, name="c"),
    "long": pj.RFCavity(0.4, voltage=2.5e6, frequency=5e8, phase=-math.pi / 2, name="c"),
    "crab": pj.CrabCavity(voltage=2.5e7, frequency=5e8, name="c"),
}


def pair(late=0.0):
    """One at the crest and far aside, and one elsewhere, which keeps most of its energy."""
    rows = torch.zeros(2, 6, dtype=torch.float64)
    rows[0, 0], rows[1, 0], rows[1, 4] = 0.01, -1e-4, -late
    return pj.Beam(ELECTRON, rows)


def ask(way, name, engine):
    # a quarter of a wave before the crest
    lattice, beam = pj.Lattice([TAKERS[name]]), pair(0.0 if name == "crab" else -0.16)
    if way == "turns":
        return pj.track(lattice, beam, turns=2, engine=engine)
    return pj.track(lattice, beam, engine=engine)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")  # it is lost, that is the test
@pytest.mark.parametrize("name", TAKERS)
@pytest.mark.parametrize("way", ["track", "turns"])
def test_a_cavity_takes_more_than_there_is(julia, name, way):
    ours, theirs = (ask(way, name, engine) for engine in ("native", julia))
    assert not theirs.alive[0]
    assert theirs.alive.tolist() == ours.alive.tolist()
    assert torch.isfinite(theirs.coordinates).all()
    if name != "long":
        np.testing.assert_array_equal(theirs.coordinates[0], pair().coordinates[0])


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")
def test_the_others_keep_their_slopes(julia):
    lattice, beam = pj.Lattice([TAKERS["thin"]]), pair(-0.16)

    def end(final):
        return torch.where(final.alive, final.coordinates[:, 5], 0.0).sum()

    def at(voltage):
        return float(end(pj.track(lattice.with_values({"c.voltage": voltage}), beam)))

    expected = [(at(2.5e6 + 1e3) - at(2.5e6 - 1e3)) / 2e3]
    for mode in ("forward", "reverse"):
        found = pj.gradient(end, lattice, beam, wrt=["c.voltage"], mode=mode, engine=julia)
        np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=mode)


WAYS = {
    "track": lambda rows: (),
    "turn_by_turn": lambda rows: (),
    "track_and_keep": lambda rows: (),
    "pushforward": lambda rows: ([], np.zeros((0, 1)), np.zeros((2, 6, 1))),
    "probes": lambda rows: (rows,),
    "jacobian": lambda rows: (rows[0],),
}


@pytest.mark.parametrize("column", [4, 5])
@pytest.mark.parametrize("name", WAYS)
def test_no_live_particle_without_a_number(julia, name, column):
    """At the end of each way through a line, whatever JuTrack's elements say of it."""
    lattice = pj.Lattice([pj.Drift(0.3, name="d")])
    study = julia._study(task_of(lattice, pair(), [], 1))
    rows, lost = pair().coordinates.numpy().copy(), np.zeros(2, dtype=np.int64)
    rows[0, column] = np.nan
    start = pair().coordinates.numpy() if name in ("probes", "jacobian") else rows
    found = julia.session.call(name, start, lost, study, *WAYS[name](rows))
    if name == "turn_by_turn":
        assert np.isnan(np.array(border.array(found))[0]).all()
    elif name == "jacobian":
        assert found[1]
    else:
        np.testing.assert_array_equal(np.array(border.array(list(found)[1])), [1, 0])
