"""Plateaus of saturated pixels: found at the signal's end, masked, and else left alone."""

import numpy as np
import pytest
from profile_cases import AXIS, BELL, FINE, PROFILES, WIRE, gaussian

import pyjutrack as pj
from pyjutrack import diagnostics as dg


def test_plateaus_are_found_and_masked():
    clipped = PROFILES.replace(values=np.minimum(PROFILES.values, 600.0))
    flat = PROFILES.values[0] > 600.0
    assert flat.sum() > 3
    with pytest.raises(pj.errors.MeasurementError, match=r"profile 0: .* 600.*lower gain.*mask"):
        clipped.without_saturation()
    masked = clipped.without_saturation("mask")
    beside = np.convolve(flat, [1, 1, 1], "same") > 0
    np.testing.assert_array_equal(~masked.mask[0], beside)
    alone = np.zeros(PROFILES.values.shape)
    alone[0, 5], alone[0, 40:50] = 600.0, 600.0  # a single pixel at the level of the plateau
    alone[1, 20] = 1.0
    found = PROFILES.replace(values=alone).without_saturation("mask").mask
    assert np.flatnonzero(~found[0]).tolist() == [4, 5, 6, *range(39, 51)]
    assert found[1].all()
    assert masked.mask[1].all()
    assert clipped.without_saturation("keep").mask.all()


@pytest.mark.parametrize(
    ("read", "wide"),
    [
        (dg.Profiles.sizes, 6.2e-4),
        (dg.Profiles.gaussian_fit, 7.3e-4),
        (lambda p: p.rebin(WIRE).sizes(), 6.3e-4),
    ],
)
def test_what_is_read_from_a_plateau_warns(read, wide):
    """0.5 mm, cut at a third of the height."""
    cut = dg.Profiles(np.minimum(BELL, BELL.max() / 3)[None], (FINE,))
    with pytest.warns(
        pj.errors.SaturationWarning, match=r"profile 0: \d+ equal .*without_saturation"
    ):
        found = read(cut)
    np.testing.assert_allclose(getattr(found, "sizes", found), wide, rtol=0.01)


def test_a_saturated_patch_of_an_image():
    image = np.outer(gaussian(5e-4), gaussian(5e-4))
    clipped = np.minimum(image, image[47, 47])
    found = dg.Profiles(clipped[None], (AXIS, AXIS), ("x", "y"))
    with pytest.raises(pj.errors.MeasurementError, match=r"profile 0: \d+ equal pixels"):
        found.without_saturation()
    masked = found.without_saturation("mask")
    assert not masked.mask[0, 48:52, 48:52].any()
    assert masked.mask.sum() > 9900


def test_a_negative_signal_is_saturated_at_its_minimum():
    """The current of a wire may be negative; the mirror image is treated alike."""
    clipped = np.minimum(PROFILES.values, 600.0)
    down = PROFILES.replace(values=5.0 - clipped)
    with pytest.raises(
        pj.errors.MeasurementError, match=r"profile 0: .*minimum of -595.*lower gain"
    ):
        down.without_saturation()
    expected = PROFILES.replace(values=clipped).without_saturation("mask").mask
    np.testing.assert_array_equal(down.without_saturation("mask").mask, expected)
    assert PROFILES.replace(values=-PROFILES.values).without_saturation().mask.all()


@pytest.mark.parametrize("pedestal", [0.0, -0.05])
def test_a_wide_profile_may_end_in_zeros(pedestal):
    """Its median is nearer to the maximum, and yet the zeros beside it are no saturation."""
    wide = np.maximum(1 - (AXIS / 4e-3) ** 2, 0.0) + pedestal
    assert wide.max() - np.median(wide) < np.median(wide) - wide.min()
    assert dg.Profiles(wide[None], (AXIS,)).without_saturation().mask.all()


def test_two_equal_pixels_and_plateaus_below_the_top_are_no_saturation():
    values = np.zeros((1, 100))
    values[0, 40:50], values[0, 60:62], values[0, 70] = 3.0, 5.0, 5.0
    assert dg.Profiles(values, (AXIS,)).without_saturation().mask.all()


def test_a_profile_in_which_all_is_alike():
    with pytest.raises(pj.errors.MeasurementError, match=r"profile 1: all pixels are 0.*leave"):
        PROFILES.replace(values=PROFILES.values * [[1.0], [0.0]]).without_saturation("mask")


@pytest.mark.parametrize(
    ("ends", "middle", "at"),
    [(-90.0, 50.0, 50.0), (2.0, -100.0, -100.0), (-1.0, 100.0, 100.0)],
    ids=["up from a low background", "down", "up"],
)
def test_a_plateau_is_at_the_signal(ends, middle, at):
    """Where most pixels are near one extremum, the signal is at the other."""
    values = np.array([-100.0 if ends == -90 else ends * 1.1] + [ends] * 6 + [middle] * 3)
    values = np.concatenate([values, np.linspace(0.97, 1.03, 7) * ends])
    profiles = dg.Profiles(values[None], (np.linspace(-1e-3, 1e-3, len(values)),))
    with pytest.raises(pj.errors.MeasurementError, match=rf"equal pixels at its \w+ of {at:g}, "):
        profiles.without_saturation()
