"""Slices against closed forms, and against the moments of beams cut by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg

ELECTRON = pj.Reference.from_kinetic("electron", 1e8)
SIGMA = 1e-3


def _bunch(size: int = 200_000, charge: float = 1e-9, **changes) -> pj.Beam:
    """Gaussian; x grows along z, its emittance too, and delta is chirped."""
    rows = np.random.default_rng(5).normal(size=(size, 6))
    z = SIGMA * rows[:, 4]
    rows[:, 0] = 0.3 * z + 1e-4 * (1 + 0.2 * rows[:, 4]) * rows[:, 0]
    rows[:, 1] *= 1e-5
    rows[:, 1] += 0.1 * (rows[:, 0] - 0.3 * z)
    rows[:, 2:4] *= [2e-4, 1e-5]
    rows[:, 4], rows[:, 5] = z, 10.0 * z + 1e-4 * rows[:, 5]
    return pj.Beam(ELECTRON, torch.as_tensor(rows), charge=charge, **changes)


def test_a_gaussian_bunch_with_correlations_along_z() -> None:
    beam = _bunch()
    found = dg.slice_moments(beam, 21, span=(-2.1e-3, 2.1e-3))
    z = found.centres
    density = np.exp(-0.5 * (z / SIGMA) ** 2) / (math.sqrt(2 * math.pi) * SIGMA)
    noise = 5 / np.sqrt(found.particles)
    current = 1e-9 * float(ELECTRON.beta) * 299_792_458.0 * density
    assert (np.abs(found.current / current - 1) < noise + 2e-3).all()
    middle = found.centroid[:, 4]
    width = found.sizes[:, 4]
    own = 1e-4 * (1 + 0.2 * middle / SIGMA)
    assert (np.abs(found.centroid[:, 0] - 0.3 * middle) < own * noise).all()
    sizes = np.hypot(own, 0.3 * width)
    assert (np.abs(found.sizes[:, 0] / sizes - 1) < noise).all()
    spread = np.hypot(1e-4, 10.0 * width)
    assert (np.abs(found.sizes[:, 5] / spread - 1) < noise).all()
    np.testing.assert_allclose(found.centroid[:, 5], 10.0 * middle, atol=5e-6)
    # the part of x along z is not proportional to px, and adds 1e-5 of the size in a slice
    assert (np.abs(found.emittances[:, 1] / 2e-9 - 1) < noise).all()
    assert (found.emittances[:, 0] > own * 1e-5 * (1 - noise)).all()
    assert found.fractions.sum() == pytest.approx(math.erf(2.1 / math.sqrt(2)), abs=2e-3)


@pytest.mark.parametrize("equal", ["length", "charge"])
def test_slices_are_beams_cut_by_hand(equal: str) -> None:
    draw = np.random.default_rng(2)
    weights = torch.as_tensor(draw.uniform(0.2, 1.5, 3000))
    alive = torch.as_tensor(draw.uniform(size=3000) > 0.2)
    beam = _bunch(3000, weights=weights, alive=alive)
    found = dg.slice_moments(beam, 8, equal=equal)
    z = beam.coordinates[:, 4]
    assert found.fractions.sum() == pytest.approx(1.0, rel=1e-12)
    assert found.particles.sum() == int(alive.sum())
    for n, (low, high) in enumerate(zip(found.edges[:-1], found.edges[1:], strict=True)):
        cut = beam.replace(alive=alive & (z >= low) & ((z < high) | (n == 7)))
        assert found.particles[n] == int(cut.alive.sum())
        np.testing.assert_allclose(found.centroid[n], pj.moments.centroid(cut), rtol=1e-11)
        np.testing.assert_allclose(found.sizes[n], pj.moments.sizes(cut), rtol=1e-10)
        for column, plane in enumerate("xy"):
            expected = float(pj.moments.emittance(cut, plane))
            assert found.emittances[n, column] == pytest.approx(expected, rel=1e-9)
        held = float(pj.moments.survivors(cut)) / 3000 * 1e-9
        current = held * float(ELECTRON.beta) * 299_792_458.0 / (high - low)
        assert found.current[n] == pytest.approx(current, rel=1e-12)


def test_slices_of_equal_charge_hold_the_same() -> None:
    weights = torch.as_tensor(np.random.default_rng(2).uniform(0.2, 1.5, 5000))
    found = dg.slice_moments(_bunch(5000, weights=weights), 13, equal="charge")
    assert np.abs(found.fractions * 13 - 1).max() < 1.5 * 13 / 2500
    # of a Gaussian, edges are its quantiles
    found = dg.slice_moments(_bunch(), 4, equal="charge")
    np.testing.assert_allclose(found.edges[1:4] / SIGMA, [-0.6745, 0.0, 0.6745], atol=0.01)


def test_empty_slices_are_nan_and_told_of() -> None:
    rows = torch.zeros(6, 6, dtype=torch.float64)
    rows[:, 4] = torch.tensor([0.0, 0.1, 0.2, 0.8, 0.9, 1.0]) * 1e-3
    rows[:, 0] = 1e-3
    beam = pj.Beam(ELECTRON, rows, charge=1e-9)
    with pytest.warns(pj.errors.ResolutionWarning, match="2 of 4 slices hold no live particle"):
        found = dg.slice_moments(beam, 4)
    assert found.particles.tolist() == [3, 0, 0, 3]
    assert np.isnan(found.centroid[1:3]).all()
    assert np.isnan(found.sizes[1:3]).all()
    assert np.isnan(found.emittances[1:3]).all()
    assert found.current[1:3].tolist() == [0.0, 0.0]
    assert found.sizes[[0, 3], 0].tolist() == [0.0, 0.0]
    assert found.emittances[[0, 3]].tolist() == [[0.0, 0.0]] * 2


def test_a_batch_has_slices_of_each() -> None:
    one, other = _bunch(400), _bunch(400)
    other = other.replace(coordinates=2 * other.coordinates)
    both = pj.Beam(ELECTRON, torch.stack([one.coordinates, other.coordinates]), charge=1e-9)
    found = dg.slice_moments(both, 5, equal="charge")
    for k, beam in enumerate((one, other)):
        alone = dg.slice_moments(beam, 5, equal="charge")
        for name in ("edges", "particles", "fractions", "current", "centroid", "emittances"):
            np.testing.assert_array_equal(getattr(found, name)[k], getattr(alone, name))


def test_what_cannot_be_meant_is_refused() -> None:
    beam = _bunch(20)
    for span, equal in (((1e-3, -1e-3), "length"), ((-1e-3, 1e-3), "charge")):
        with pytest.raises(pj.errors.InvalidValueError, match="two ascending positions"):
            dg.slice_moments(beam, 2, span=span, equal=equal)
    with pytest.raises(pj.errors.UnknownNameError, match="kind of equal slices"):
        dg.slice_moments(beam, 2, equal="current")
    with pytest.raises(pj.errors.InvalidValueError, match="no particle of the beam is alive"):
        dg.slice_moments(beam.replace(alive=torch.zeros(20, dtype=torch.bool)), 2)
