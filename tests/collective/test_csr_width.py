"""Bunches that are wider in a bend than a line of charge may be are told of, with numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import CSR
from pyjutrack.collective.csr.validity import rms_width
from pyjutrack.errors import AccuracyWarning
from pyjutrack.maps.state import State

ELECTRON = pj.Reference.from_total("electron", 5e9)
RADIUS, LENGTH = 10.0, 1e-4
#: (R s^2)^(1/3) [m]
NARROW = (RADIUS * LENGTH**2) ** (1 / 3)
LINE = pj.Lattice([pj.SBend(0.02, 0.02 / RADIUS, name="b"), pj.Drift(0.2, name="d")])


def bunch(width: float, height: float = 1e-5, count: int = 20_000) -> pj.Beam:
    """With rms sizes that are exact."""
    rows = np.random.default_rng(1).normal(size=(count, 6))
    rows = (rows - rows.mean(0)) / rows.std(0)
    return pj.Beam(ELECTRON, rows * [width, 0, height, 0, LENGTH, 0], charge=1e-10)


def track(beam: pj.Beam, mode: str = "transient") -> pj.Beam:
    return pj.track(LINE, beam, effects=[CSR(mode, cells=128)])


@pytest.mark.parametrize("mode", ["transient", "steady"])
@pytest.mark.parametrize("plane", ["x", "y"])
def test_a_wide_bunch_is_told_of_once(plane: str, mode: str) -> None:
    sizes = (1.1 * NARROW, 1e-5) if plane == "x" else (1e-5, 1.1 * NARROW)
    message = (
        r"CSR in an arc of R = 10 m is that of a line of charge, right for a bunch of s = 0\.0001 "
        r"m rms where it is narrower than \(R s\^2\)\^\(1/3\) = 0\.0046\d m; "
        r"this one is 0\.00511 m rms wide"
    )
    with pytest.warns(AccuracyWarning, match=message) as said:
        track(bunch(*sizes), mode)
    assert len(said) == 1


@pytest.mark.parametrize("mode", ["transient", "steady"])
def test_a_narrow_bunch_is_not(mode: str) -> None:
    """Warnings would be errors."""
    track(bunch(0.9 * NARROW, 0.9 * NARROW), mode)


def test_a_bunch_that_becomes_wide_on_the_way() -> None:
    """In the second of two bends, after a long drift."""
    rows = bunch(1e-5).numpy()
    rows[:, 1] = 3e-3 * rows[:, 0] / 1e-5
    beam, one = pj.Beam(ELECTRON, rows, charge=1e-10), LINE[:1]
    pj.track(one, beam, effects=[CSR(cells=128)])
    with pytest.warns(AccuracyWarning, match=r"R = 10 m .* is 0\.006\d+ m rms wide"):
        pj.track(pj.Lattice([*one, pj.Drift(2.0), *one]), beam, effects=[CSR(cells=128)])


def test_the_width_is_that_of_what_is_alive_by_its_weights() -> None:
    rows = bunch(1e-3, 2e-3, 5000).coordinates
    generator = np.random.default_rng(2)
    weights, alive = generator.random(5000), generator.random(5000) < 0.7
    rows[~torch.as_tensor(alive)] = torch.nan
    beam = pj.Beam(
        ELECTRON, rows, charge=1e-10, alive=torch.as_tensor(alive), weights=torch.as_tensor(weights)
    )
    y = rows[:, 2].numpy()[alive]
    mean = np.average(y, weights=weights[alive])
    expected = np.sqrt(np.average((y - mean) ** 2, weights=weights[alive]))
    found = rms_width(beam, State(rows.unbind(-1), beam.alive))
    assert found == pytest.approx(expected, rel=1e-12)
