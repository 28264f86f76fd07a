"""Cavities that focus in optics and files, and what is no wave."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from rf_focusing_cases import ELECTRON, PROTON, cavity

import pyjutrack as pj
from pyjutrack.beam.reference import SPEED_OF_LIGHT


def test_what_is_no_wave_is_refused() -> None:
    invalid = pj.errors.InvalidValueError
    with pytest.raises(invalid, match='along a length; give it one, or take focusing="gap"'):
        cavity(0.0)
    with pytest.raises(invalid, match="steps must be a positive integer"):
        cavity(steps=0)
    for unknown in ({"focusing": "strong"}, {"ends": "left"}):
        (name,) = unknown
        with pytest.raises(pj.errors.UnknownNameError, match=f"no {name} of RFCavity 'c'"):
            cavity(**unknown)


CELL = [pj.Quadrupole(0.2, 1.5), pj.Drift(1.0), pj.Quadrupole(0.2, -1.5), pj.Drift(1.0)]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (cavity(0.0, 2e6, focusing="gap", accelerate=False), "1 of them focuses, the first 'c'"),
        (cavity(focusing="none"), "momentum of the reference changes by 3.. %"),
        (cavity(), "1 of them focuses, the first 'c' and the momentum of the reference"),
    ],
    ids=["focuses", "accelerates", "both"],
)
def test_optics_that_take_it_for_a_drift_say_so(made: pj.RFCavity, said: str) -> None:
    line = pj.Lattice([*CELL, made])
    calls = [
        lambda: pj.twiss(line, ELECTRON),
        lambda: pj.optics.closed_orbit(line, ELECTRON),
        lambda: pj.optics.one_turn_matrix(line, ELECTRON),
    ]
    for call in calls:
        with pytest.warns(pj.errors.AccuracyWarning, match=said):
            call()


def test_optics_of_cavities_that_are_as_good_as_drifts_say_nothing() -> None:
    drift = pj.twiss(pj.Lattice([*CELL, pj.Drift(1.0)]), ELECTRON)
    for made in (
        cavity(focusing="none", accelerate=False),
        cavity(voltage=0.0),
        cavity(1.0, 1e3, focusing="none"),
    ):
        assert pj.twiss(pj.Lattice([*CELL, made]), ELECTRON) == drift


def test_optics_in_six_dimensions_have_its_focusing() -> None:
    turn = (sum(float(e.length) for e in CELL) + 1.0) / (ELECTRON.beta * SPEED_OF_LIGHT)
    wave = {"frequency": round(1.3e9 * turn) / turn, "focusing": "gap", "accelerate": False}
    made = cavity(0.0, 2e6, math.pi, **wave)
    ring = pj.Lattice([*CELL, made, pj.SBend(1.0, 0.2)])
    six = pj.optics.one_turn_matrix(ring, ELECTRON, dimensions=6)
    tracked = np.asarray(pj.jacobian(ring, ELECTRON))
    np.testing.assert_allclose(six, tracked, rtol=1e-12, atol=1e-12)
    still = pj.Lattice([*CELL, pj.Marker(), pj.SBend(1.0, 0.2)])
    assert abs(six - np.asarray(pj.jacobian(still, ELECTRON)))[2:4, 2:4].max() > 0.01


def test_madx_has_none(tmp_path: Path) -> None:
    line = pj.Lattice([cavity(0.0, focusing="gap", accelerate=False)])
    with pytest.warns(pj.errors.LatticeWarning, match="focusing='gap'"):
        pj.write_lattice(tmp_path / "a.madx", line, PROTON)
