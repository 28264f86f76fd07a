"""Particles that are no number, in what makes a field of all: they are lost, and no others.

A beam with such is refused, so that Julia is given it as it would come about on the way.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from driven_rings import electrons

import pyjutrack as pj
from pyjutrack.engines.julia import border
from pyjutrack.tracking.task import task_of

STRAY = 7
SIZES = (1e-3, 1e-4, 8e-4, 1e-4, 5e-3, 1e-3)
LINE = pj.Lattice([pj.Drift(0.3, name="d")])
KICK = pj.julia.JuTrackSpaceCharge((0.02, 0.02), (6, 6), max_step=0.1)
ELEMENTS = {
    "space charge": pj.julia.Element("SPACECHARGE", effective_len=1.0, a=0.02, b=0.02),
    "wake": pj.julia.Element("LongitudinalRLCWake", freq=2e9, Rshunt=1e6, Q0=2.0),
}


def called(julia, name, lattice, effects, column, value, *arguments):
    """A function of the package, of a stray that is no number, or of one that was lost before."""
    rows = np.random.default_rng(1).normal(size=(200, 6)) * np.array(SIZES)
    intensity = {"charge": 1e-9} if lattice[0] == ELEMENTS["wake"] else {"current": 1e6}
    beam = pj.Beam(electrons(), torch.from_numpy(rows), **intensity)
    study = julia._study(task_of(lattice, beam, effects, 1))
    lost = np.zeros(200, dtype=np.int64)
    if value is None:
        lost[STRAY] = 1
    else:
        rows[STRAY, column] = value
    found = julia.session.call(name, rows, lost, study, *arguments)
    return rows, tuple(np.array(border.array(one)) for one in list(found)[:2])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [0, 2])
def test_gridless_space_charge(julia, column, value):
    others = np.arange(200) != STRAY
    _, (end, lost) = called(julia, "track", LINE, [KICK], column, value)
    start, (expected, _) = called(julia, "track", LINE, [KICK], column, None)
    np.testing.assert_array_equal(lost, ~others)
    np.testing.assert_array_equal(end[others], expected[others])
    assert np.abs((end - start)[others, 1]).max() > 1e-9
    weights = np.ones((200, 6)) * others[:, None]
    entries = [("strength", 1, "", 0), ("length", 2, "", 0)]
    found, right = (
        called(julia, "pullback", LINE, [KICK], column, v, entries, weights)[1]
        for v in (value, None)
    )
    assert np.isfinite(right[0]).all()
    np.testing.assert_allclose(found[0], right[0], rtol=1e-12)
    np.testing.assert_array_equal(found[1][others], right[1][others])


@pytest.mark.parametrize(("name", "column"), [("space charge", 0), ("wake", 4)])
def test_elements_that_make_fields(julia, name, column):
    lattice, others = pj.Lattice([ELEMENTS[name]]), np.arange(200) != STRAY
    _, (end, lost) = called(julia, "track", lattice, [], column, np.nan)
    start, (expected, _) = called(julia, "track", lattice, [], column, None)
    np.testing.assert_array_equal(lost, ~others)
    np.testing.assert_array_equal(end[others], expected[others])
    assert np.abs((end - start)[others]).max() > 0


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("after", [[], [pj.Drift(0.2), pj.Quadrupole(0.1, k1=1.0)]])
@pytest.mark.parametrize(
    ("element", "knobs"),
    [
        (pj.Multipole(knl=(0.0, 0.1, 2.0), name="m"), ["m.knl[2]"]),
        (pj.Sextupole(0.1, k2=20.0, name="m"), ["m.k2", "m.length"]),
    ],
    ids=["thin", "thick"],
)
def test_slopes_of_survivors(julia, element, knobs, after, mode):
    """One becomes no number in an element, the last one too: slopes are those without it."""
    rows = np.random.default_rng(1).normal(size=(20, 6)) * np.array(SIZES)
    rows[STRAY, 0] = 1e160
    lattice = pj.Lattice([pj.Drift(0.3, name="d"), element, *after])

    def gradient(rows):
        beam = pj.Beam(electrons(), torch.from_numpy(rows))
        return pj.gradient(
            lambda final: 1e6 * final.coordinates[final.alive].square().sum(),
            *(lattice, beam),
            wrt=["d.length", *knobs],
            mode=mode,
            engine=julia,
        )

    with pytest.warns(pj.errors.LossWarning):
        found = gradient(rows)
    expected = gradient(np.delete(rows, STRAY, axis=0))
    assert np.abs(expected).min() > 1e-6
    np.testing.assert_allclose(found, expected, rtol=1e-12)
