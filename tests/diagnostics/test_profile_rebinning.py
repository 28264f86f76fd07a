"""Measured profiles in the bins of a diagnostic: what is kept, and what does not match."""

import numpy as np
import pytest
import torch
from profile_cases import AXIS, PROFILES, WIRE, gaussian
from scipy.stats import norm

import pyjutrack as pj
from pyjutrack import diagnostics as dg


def test_rebinning_keeps_what_was_counted():
    found = PROFILES.rebin(WIRE, normalise=False)
    edges = WIRE.axes[0].edges
    inside = [np.diff(1e4 * norm.cdf(edges, m, s)) for s, m in ((5e-4, 0), (8e-4, 3e-4))]
    np.testing.assert_allclose(found.values, inside, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(found.axis, WIRE.axes[0].centres, atol=1e-18)
    assert found.settings == PROFILES.settings
    assert found.values.shape[1:] == WIRE.shape


def test_rebinning_between_uneven_grids_keeps_sum_and_mean():
    wire = dg.WireScanner("m", width=9.1e-3, bins=37, centre=1.1e-4)
    found = PROFILES.rebin(wire)
    np.testing.assert_allclose(found.values.sum(1), 1, rtol=1e-14)
    np.testing.assert_allclose(found.values @ found.axis, [0, 3e-4], atol=1e-6)


def test_bins_that_are_the_pixels_change_nothing():
    wire = dg.WireScanner("m", width=1e-2, bins=100)
    np.testing.assert_allclose(
        PROFILES.rebin(wire, normalise=False).values, PROFILES.values, rtol=1e-10, atol=1e-9
    )


def test_an_image_is_rebinned_along_both_axes():
    short = AXIS[20:-20]
    image = np.outer(gaussian(5e-4), gaussian(7e-4, 1e-4, short))
    images = dg.Profiles(image[None], (AXIS, short), ("x", "y"))
    screen = dg.Screen("m", size=(8e-3, 5e-3), shape=(20, 10))
    wires = [
        dg.Profiles(v[None], (a,)).rebin(dg.WireScanner("m", width=w, bins=n)).values[0]
        for v, a, w, n in (
            (image.sum(1), AXIS, 8e-3, 20),
            (image.sum(0), short, 5e-3, 10),
        )
    ]
    found = images.rebin(screen)
    np.testing.assert_allclose(found.values[0], np.outer(*wires), atol=1e-12)
    assert [len(a) for a in found.axes] == [20, 10]


def test_a_rebinned_measurement_is_what_the_diagnostic_reads(proton):
    """The two ends of a comparison: pixels counted elsewhere, and the reading of the beam."""
    sigma = 6e-4
    coordinates = np.zeros((50_000, 6))
    coordinates[:, 0] = sigma * norm.ppf((np.arange(50_000) + 0.5) / 50_000)
    wire = dg.WireScanner("m", width=8e-3, bins=40, resolution=3e-4)
    blurred = gaussian(np.hypot(sigma, 3e-4))
    measured = dg.Profiles(blurred[None], (AXIS,)).rebin(wire)
    reading = wire.read(pj.Beam.from_array(proton, coordinates))
    torch.testing.assert_close(
        reading, torch.from_numpy(measured.values[0]), rtol=0, atol=2e-4 * float(reading.max())
    )


@pytest.mark.parametrize("background", [30.0, "edges"])
def test_background_is_taken_off(background):
    lifted = PROFILES.replace(values=PROFILES.values + 30.0)
    np.testing.assert_allclose(
        lifted.rebin(WIRE, background=background).values, PROFILES.rebin(WIRE).values, atol=1e-7
    )


def test_edges_have_a_background_for_each_profile():
    values = np.stack([gaussian(5e-4) + 10, gaussian(5e-4) + 20])
    found = dg.Profiles(values, (AXIS,)).rebin(WIRE, background="edges").values
    np.testing.assert_allclose(found[0], found[1], atol=1e-12)


def test_a_masked_pixel_masks_its_bins():
    mask = np.ones(PROFILES.values.shape, bool)
    mask[1, 50] = False  # at 0.05 mm: bin 10 from 0 to 0.4 mm
    broken = PROFILES.values.copy()
    broken[1, 50] = np.nan
    found = PROFILES.replace(values=broken, mask=mask).rebin(WIRE)
    assert np.argwhere(~found.mask).tolist() == [[1, 10]]
    whole = PROFILES.rebin(WIRE).values
    np.testing.assert_allclose(found.values[0], whole[0])
    assert found.values[1, 10] == 0
    np.testing.assert_allclose(found.values[1].sum(), 1)
    np.testing.assert_allclose(found.values[1, 11] / found.values[1, 9], whole[1, 11] / whole[1, 9])


def test_coarse_pixels_warn():
    axis = np.linspace(-4.5e-3, 4.5e-3, 10)
    with pytest.warns(pj.errors.ResolutionWarning, match="neighbouring bins share a pixel"):
        dg.Profiles(gaussian(1e-3, axis=axis)[None], (axis,)).rebin(WIRE)


@pytest.mark.parametrize("label", ["Y", " y", "vertical", "Vertical"])
def test_planes_by_other_names(label):
    named = PROFILES.replace(labels=(label,))
    wire = dg.WireScanner("m", plane="y", width=8e-3, bins=20)
    np.testing.assert_array_equal(
        named.rebin(wire).values, PROFILES.replace(labels=("y",)).rebin(wire).values
    )
    with pytest.raises(
        pj.errors.MeasurementError, match=rf"go along {label} where 'm\.wire_x' reads x"
    ):
        named.rebin(WIRE)


def test_an_axis_of_no_plane():
    assert PROFILES.replace(labels=("HORIZONTAL",)).rebin(WIRE).values.shape == (2, 20)
    with pytest.raises(
        pj.errors.MeasurementError, match=r"is 'position', and 'm\.wire_x' .*label axes"
    ):
        PROFILES.replace(labels=("position",)).rebin(WIRE)


def test_millimetres_below_half_a_metre():
    """An axis so short that it might be metres, held against a wire that shows it is not."""
    axis = np.linspace(-0.4, 0.4, 81)
    found = dg.Profiles(gaussian(0.1, axis=axis)[None], (axis,))
    with pytest.raises(
        pj.errors.MeasurementError, match=r"10 mm are wider than .* 4 mm: .* in metres"
    ):
        found.rebin(dg.WireScanner("m", width=4e-3, bins=20))


def test_ends_that_are_met_have_no_digits_of_rounding():
    """Bins over +-5 mm, and pixels from -5 mm to 4 mm, whose lower ends differ by a bit."""
    axis = np.linspace(-4.5e-3, 3.5e-3, 9)
    axis[0] = np.nextafter(axis[0], 0.0)
    found = dg.Profiles(np.ones((1, 9)), (axis,))
    wire = dg.WireScanner("m", width=1e-2, bins=10)
    step = (axis[-1] - axis[0]) / 8
    assert axis[0] - step / 2 != wire.axes[0].edges[0]
    said = r"goes from -0\.005 to 0\.004 m and .*, from -0\.005 to 0\.005 m"
    with pytest.raises(pj.errors.MeasurementError, match=said):
        found.rebin(wire)


def test_bad_matches():
    wide = dg.WireScanner("m", width=1.2e-2, bins=20)
    with pytest.raises(pj.errors.MeasurementError, match=r"does not cover the bins of 'm\.wire_x'"):
        PROFILES.rebin(wide)
    with pytest.raises(pj.errors.MeasurementError, match=r"go along x where 'm\.wire_y' reads y"):
        PROFILES.rebin(dg.WireScanner("m", plane="y", width=8e-3, bins=20))
    with pytest.raises(pj.errors.MeasurementError, match="reads 2 dimensions"):
        PROFILES.rebin(dg.Screen("m", size=(8e-3, 8e-3), shape=(20, 20)))
    with pytest.raises(pj.errors.InvalidValueError, match="BeamSize and has no bins"):
        PROFILES.rebin(dg.BeamSize("m"))
    for no_diagnostic in (None, PROFILES, dg.WireScanner):
        with pytest.raises(pj.errors.InvalidValueError, match="has no bins"):
            PROFILES.rebin(no_diagnostic)
    with pytest.raises(pj.errors.MeasurementError, match=r"profile \d cannot be normalised"):
        PROFILES.rebin(WIRE, background=1e4)
    with pytest.raises(pj.errors.InvalidValueError, match='number or "edges"'):
        PROFILES.rebin(WIRE, background="corners")
    for background in (None, [1.0, 2.0], True):
        with pytest.raises(pj.errors.InvalidValueError, match='number or "edges", got'):
            PROFILES.rebin(WIRE, background=background)
    with pytest.raises(pj.errors.InvalidValueError, match="background must be finite"):
        PROFILES.rebin(WIRE, background=np.nan)
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'mask'"):
        PROFILES.without_saturation("masked")
