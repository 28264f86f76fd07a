"""Noise of readings: Gaussian, seeded, and refused where there is none."""

import math

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg


def test_noise_is_gaussian_and_seeded():
    diagnostic = dg.BeamPosition("m", noise=2e-5)
    reading = torch.zeros(20_000, 2, dtype=torch.float64)
    found = dg.add_noise(reading, diagnostic, 7)
    assert torch.equal(found, dg.add_noise(reading, diagnostic, 7))
    assert not torch.equal(found, dg.add_noise(reading, diagnostic, 8))
    assert float(found.std()) == pytest.approx(2e-5, rel=0.02)
    assert abs(float(found.mean())) < 5 * 2e-5 / math.sqrt(40_000)
    g = torch.Generator().manual_seed(7)
    assert torch.equal(found, dg.add_noise(reading, diagnostic, g))
    assert not torch.equal(found, dg.add_noise(reading, diagnostic, g))
    with pytest.raises(pj.errors.InvalidValueError, match="shape"):
        dg.add_noise(torch.zeros(3), diagnostic, 1)


def test_arrays_are_made_noisy_as_tensors_are():
    """What a twin predicts is arrays."""
    diagnostic = dg.BeamPosition("m", noise=2e-5)
    reading = np.arange(6.0).reshape(3, 2)
    found = dg.add_noise(reading, diagnostic, np.int64(7))
    assert isinstance(found, np.ndarray)
    expected = dg.add_noise(torch.from_numpy(reading), diagnostic, 7)
    np.testing.assert_array_equal(found, expected.numpy())
    np.testing.assert_array_equal(reading, np.arange(6.0).reshape(3, 2))
    with pytest.raises(pj.errors.InvalidValueError, match="has shape"):
        dg.add_noise(np.zeros(3), diagnostic, 1)


NOISY = {
    "a dict": (({"m": 1.0}, dg.BeamPosition("m"), 1), "a reading must be a tensor or an array"),
    "words": ((np.array(["a", "b"]), dg.BeamPosition("m"), 1), "array of numbers"),
    "no diagnostic": ((np.zeros(2), "m", 1), "noise is that of a diagnostic, got 'm'"),
    "seed": ((np.zeros(2), dg.BeamPosition("m"), "a"), "a seed must be a whole number"),
}


@pytest.mark.parametrize("name", NOISY)
def test_what_has_no_noise(name):
    given, message = NOISY[name]
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        dg.add_noise(*given)
