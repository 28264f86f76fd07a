"""Sizes of profiles, by moments and by fits, and where a mask or an end makes them wrong."""

import numpy as np
import pytest
from profile_cases import AXIS, BELL, FINE, PROFILES, WIRE, gaussian

import pyjutrack as pj
from pyjutrack import diagnostics as dg


def test_sizes():
    step = AXIS[1] - AXIS[0]
    expected = np.sqrt(np.array([5e-4, 8e-4]) ** 2 + step**2 / 12)
    np.testing.assert_allclose(PROFILES.sizes()[:, 0], expected, rtol=1e-6)
    image = np.outer(gaussian(5e-4), gaussian(7e-4, 1e-4, AXIS[20:-20]))
    both = dg.Profiles(image[None], (AXIS, AXIS[20:-20]), ("x", "y")).sizes()
    np.testing.assert_allclose(both[0], np.hypot([5e-4, 7e-4], step / np.sqrt(12)), rtol=4e-4)


def test_sizes_of_what_has_none():
    with pytest.raises(pj.errors.MeasurementError, match="profile 1 has no size along x"):
        PROFILES.replace(values=PROFILES.values * [[1.0], [-1.0]]).sizes()


def clipped(noise=0.0, offset=0.0):
    """0.5 mm, clipped at a third of its peak, and masked as the page says."""
    draw = np.random.default_rng(0)
    values = BELL + offset + noise * draw.standard_normal(len(FINE))
    profiles = dg.Profiles(np.minimum(values, 1e3 / 3 + offset)[None], (FINE,))
    return profiles.without_saturation("mask")


def test_the_rms_of_a_profile_whose_mask_cuts_it_is_refused():
    """It would be 1.1 mm."""
    for profiles in (clipped(), clipped().rebin(WIRE), clipped(noise=5.0, offset=50.0)):
        with pytest.raises(
            pj.errors.MeasurementError, match=r"profile 0: the mask cuts.*gaussian_fit"
        ):
            profiles.sizes()


def test_a_gaussian_fits_what_the_mask_leaves():
    found = clipped(offset=100.0).gaussian_fit()
    np.testing.assert_allclose(found.sizes, 5e-4, rtol=1e-8)
    np.testing.assert_allclose(found.amplitudes, 1e3, rtol=1e-8)
    np.testing.assert_allclose(found.offsets, 100, rtol=1e-8)
    np.testing.assert_allclose(found.centres, 0, atol=1e-10)
    noisy = clipped(noise=5.0).gaussian_fit()
    assert 1e-6 < noisy.errors[0, 0] < 5e-6
    assert abs(noisy.sizes[0, 0] - 5e-4) < 4 * noisy.errors[0, 0]
    assert abs(noisy.centres[0, 0]) < 4 * noisy.centre_errors[0, 0]
    assert noisy.scatter[0] == pytest.approx(5.0, rel=0.2)


def test_errors_of_a_fit_are_those_of_many_fits():
    draw, pulls = np.random.default_rng(1), []
    for _ in range(60):
        values = np.minimum(BELL + 5 * draw.standard_normal(len(FINE)), 333.0)
        found = dg.Profiles(values[None], (FINE,)).without_saturation("mask").gaussian_fit()
        pulls.append((found.sizes[0, 0] - 5e-4) / found.errors[0, 0])
    assert 0.7 < np.std(pulls) < 1.4
    assert abs(np.mean(pulls)) < 0.5


def test_a_tilted_image_with_a_masked_core():
    x, y = np.linspace(-3e-3, 3e-3, 61), np.linspace(-4e-3, 4e-3, 51)
    a, b = np.meshgrid((x - 1e-4) / 5e-4, y / 8e-4, indexing="ij")
    square = (a * a - 2 * 0.6 * a * b + b * b) / (1 - 0.6**2)
    image = np.minimum(100 * np.exp(-square / 2) + 10, 60)
    profiles = dg.Profiles(image[None], (x, y), ("x", "y")).without_saturation("mask")
    with pytest.raises(pj.errors.MeasurementError, match=r"mask cuts.*pixel \(\d+, \d+\)"):
        profiles.sizes()
    found = profiles.gaussian_fit()
    np.testing.assert_allclose(found.sizes, [[5e-4, 8e-4]], rtol=1e-8)
    np.testing.assert_allclose(found.centres, [[1e-4, 0]], atol=1e-10)


def test_a_mask_away_from_the_signal_hurts_no_rms():
    draw = np.random.default_rng(2)
    values = BELL + 5 * draw.standard_normal(len(FINE))
    mask = np.ones((1, len(FINE)), bool)
    mask[0, 3] = False
    hot = dg.Profiles(values[None], (FINE,), mask=mask)
    assert hot.sizes().shape == (1, 1)


def test_the_rms_of_what_leaves_the_range_is_refused():
    """A third of the peak at one end; and a background that was left."""
    low = FINE > -7.4e-4
    for values, axis in ((BELL[low], FINE[low]), (BELL + 100, FINE)):
        with pytest.raises(pj.errors.MeasurementError, match=r"the axes cut it.*background off"):
            dg.Profiles(values[None], (axis,)).sizes()
        found = dg.Profiles(values[None], (axis,)).gaussian_fit()
        np.testing.assert_allclose(found.sizes, 5e-4, rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones(40), "has no signal"),
        (np.abs(np.linspace(-1, 1, 40)), "no Gaussian fits"),
        (np.array([0.0, 1.0, 0.5, 0.0]), "4 pixels count"),
    ],
)
def test_what_no_gaussian_fits(values, message):
    axis = np.linspace(-1e-3, 1e-3, len(values))
    mask = np.ones((1, len(values)), bool)
    mask[0, 1:2] = len(values) > 10
    with pytest.raises(pj.errors.MeasurementError, match=f"profile 0.*{message}"):
        dg.Profiles(values[None], (axis,)).gaussian_fit()
