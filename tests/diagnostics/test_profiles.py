"""Measured profiles: what is refused and how it is said, and rebinning onto a diagnostic."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

import pyjutrack as pj
from pyjutrack import diagnostics as dg

AXIS = np.linspace(-4.95e-3, 4.95e-3, 100)
WIRE = dg.WireScanner("m", width=8e-3, bins=20)


def gaussian(sigma, mean=0.0, axis=AXIS):
    step = axis[1] - axis[0]
    return 1e4 * (norm.cdf(axis + step / 2, mean, sigma) - norm.cdf(axis - step / 2, mean, sigma))


@pytest.fixture
def profiles():
    return dg.Profiles(
        np.stack([gaussian(5e-4), gaussian(8e-4, 3e-4)]),
        (AXIS,),
        settings=({"q1.k1": 1.0}, {"q1.k1": 2.0}),
        name="m.wire_x",
    )


def test_settings_are_read_by_address(profiles):
    assert len(profiles) == 2
    assert profiles.knob("q1.k1").tolist() == [1, 2]
    with pytest.raises(pj.errors.UnknownNameError, match=r"did you mean 'q1\.k1'"):
        profiles.knob("q1.k2")


def test_sizes(profiles):
    step = AXIS[1] - AXIS[0]
    expected = np.sqrt(np.array([5e-4, 8e-4]) ** 2 + step**2 / 12)
    np.testing.assert_allclose(profiles.sizes()[:, 0], expected, rtol=1e-6)
    image = np.outer(gaussian(5e-4), gaussian(7e-4, 1e-4, AXIS[20:-20]))
    both = dg.Profiles(image[None], (AXIS, AXIS[20:-20]), ("x", "y")).sizes()
    np.testing.assert_allclose(both[0], np.hypot([5e-4, 7e-4], step / np.sqrt(12)), rtol=4e-4)


def test_sizes_of_what_has_none(profiles):
    with pytest.raises(pj.errors.MeasurementError, match="profile 1 has no size along x"):
        profiles.replace(values=profiles.values * [[1.0], [-1.0]]).sizes()


FINE = np.linspace(-5e-3, 5e-3, 401)
BELL = 1e3 * np.exp(-(FINE**2) / (2 * 5e-4**2))


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


def test_rebinning_keeps_what_was_counted(profiles):
    found = profiles.rebin(WIRE, normalise=False)
    edges = WIRE.axes[0].edges
    inside = [np.diff(1e4 * norm.cdf(edges, m, s)) for s, m in ((5e-4, 0), (8e-4, 3e-4))]
    np.testing.assert_allclose(found.values, inside, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(found.axis, WIRE.axes[0].centres, atol=1e-18)
    assert found.settings == profiles.settings
    assert found.values.shape[1:] == WIRE.shape


def test_rebinning_between_uneven_grids_keeps_sum_and_mean(profiles):
    wire = dg.WireScanner("m", width=9.1e-3, bins=37, centre=1.1e-4)
    found = profiles.rebin(wire)
    np.testing.assert_allclose(found.values.sum(1), 1, rtol=1e-14)
    np.testing.assert_allclose(found.values @ found.axis, [0, 3e-4], atol=1e-6)


def test_bins_that_are_the_pixels_change_nothing(profiles):
    wire = dg.WireScanner("m", width=1e-2, bins=100)
    np.testing.assert_allclose(
        profiles.rebin(wire, normalise=False).values, profiles.values, rtol=1e-10, atol=1e-9
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
def test_background_is_taken_off(profiles, background):
    lifted = profiles.replace(values=profiles.values + 30.0)
    np.testing.assert_allclose(
        lifted.rebin(WIRE, background=background).values, profiles.rebin(WIRE).values, atol=1e-7
    )


def test_edges_have_a_background_for_each_profile():
    values = np.stack([gaussian(5e-4) + 10, gaussian(5e-4) + 20])
    found = dg.Profiles(values, (AXIS,)).rebin(WIRE, background="edges").values
    np.testing.assert_allclose(found[0], found[1], atol=1e-12)


def test_a_masked_pixel_masks_its_bins(profiles):
    mask = np.ones(profiles.values.shape, bool)
    mask[1, 50] = False  # at 0.05 mm: bin 10 from 0 to 0.4 mm
    broken = profiles.values.copy()
    broken[1, 50] = np.nan
    found = profiles.replace(values=broken, mask=mask).rebin(WIRE)
    assert np.argwhere(~found.mask).tolist() == [[1, 10]]
    whole = profiles.rebin(WIRE).values
    np.testing.assert_allclose(found.values[0], whole[0])
    assert found.values[1, 10] == 0
    np.testing.assert_allclose(found.values[1].sum(), 1)
    np.testing.assert_allclose(found.values[1, 11] / found.values[1, 9], whole[1, 11] / whole[1, 9])


def test_coarse_pixels_warn():
    axis = np.linspace(-4.5e-3, 4.5e-3, 10)
    with pytest.warns(pj.errors.ResolutionWarning, match="neighbouring bins share a pixel"):
        dg.Profiles(gaussian(1e-3, axis=axis)[None], (axis,)).rebin(WIRE)


def test_plateaus_are_found_and_masked(profiles):
    clipped = profiles.replace(values=np.minimum(profiles.values, 600.0))
    flat = profiles.values[0] > 600.0
    assert flat.sum() > 3
    with pytest.raises(pj.errors.MeasurementError, match=r"profile 0: .* 600.*lower gain.*mask"):
        clipped.without_saturation()
    masked = clipped.without_saturation("mask")
    beside = np.convolve(flat, [1, 1, 1], "same") > 0
    np.testing.assert_array_equal(~masked.mask[0], beside)
    alone = np.zeros(profiles.values.shape)
    alone[0, 5], alone[0, 40:50] = 600.0, 600.0  # a single pixel at the level of the plateau
    alone[1, 20] = 1.0
    found = profiles.replace(values=alone).without_saturation("mask").mask
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


def test_a_negative_signal_is_saturated_at_its_minimum(profiles):
    """The current of a wire may be negative; the mirror image is treated alike."""
    clipped = np.minimum(profiles.values, 600.0)
    down = profiles.replace(values=5.0 - clipped)
    with pytest.raises(
        pj.errors.MeasurementError, match=r"profile 0: .*minimum of -595.*lower gain"
    ):
        down.without_saturation()
    expected = profiles.replace(values=clipped).without_saturation("mask").mask
    np.testing.assert_array_equal(down.without_saturation("mask").mask, expected)
    assert profiles.replace(values=-profiles.values).without_saturation().mask.all()


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


def test_a_profile_in_which_all_is_alike(profiles):
    with pytest.raises(pj.errors.MeasurementError, match=r"profile 1: all pixels are 0.*leave"):
        profiles.replace(values=profiles.values * [[1.0], [0.0]]).without_saturation("mask")


def _with_nan():
    values = np.stack([gaussian(1e-3)] * 3)
    values[2, 7] = np.nan
    return dg.Profiles(values, (AXIS,))


ONE = gaussian(1e-3)[None]
BAD = {
    "NaN": (_with_nan, r"profile 2 is nan at pixel 7 \(x = -0\.00425 m\)"),
    "infinite": (
        lambda: dg.Profiles(np.where(np.arange(100) == 3, np.inf, ONE), (AXIS,)),
        "profile 0 is inf at pixel 3.*mask",
    ),
    "image": (
        lambda: dg.Profiles(np.full((1, 100, 100), np.nan), (AXIS, AXIS), ("x", "y")),
        r"profile 0 is nan at pixel \(0, 0\)",
    ),
    "descending": (lambda: dg.Profiles(ONE, (AXIS[::-1],)), "not ascending.*pixel 1.*flip"),
    "repeated": (
        lambda: dg.Profiles(ONE, (np.where(np.arange(100) == 9, AXIS[8], AXIS),)),
        "not ascending: .* pixel 9",
    ),
    "uneven": (
        lambda: dg.Profiles(ONE, (np.where(np.arange(100) == 9, AXIS + 3e-5, AXIS),)),
        "not uniform: the step after pixel 8",
    ),
    "NaN in the axis": (
        lambda: dg.Profiles(ONE, (np.where(np.arange(100) == 9, np.nan, AXIS),)),
        "pixel 9 is at nan",
    ),
    "millimetres": (lambda: dg.Profiles(ONE, (AXIS * 1e3,)), "4.95 m, which looks like milli"),
    "length": (lambda: dg.Profiles(ONE, (AXIS[:50],)), r"shape \(profiles, 50\).*\(1, 100\)"),
    "no row": (lambda: dg.Profiles(ONE[0], (AXIS,)), r"got \(100,\)"),
    "axes": (lambda: dg.Profiles(ONE, (AXIS, AXIS)), "as the axes have"),
    "labels": (lambda: dg.Profiles(ONE, (AXIS,), ("x", "y")), "labels"),
    "mask": (lambda: dg.Profiles(ONE, (AXIS,), mask=np.ones(100, bool)), "mask must have"),
    "all masked": (lambda: dg.Profiles(ONE, (AXIS,), mask=np.zeros((1, 100))), "masked as a whole"),
    "labels that are none": (lambda: dg.Profiles(ONE, (AXIS,), (1,)), "labels must be names"),
    "no labels": (lambda: dg.Profiles(ONE, (AXIS,), None), "labels must be a name"),
    "no axes": (lambda: dg.Profiles(ONE, None), "axes must be an array for each, got None"),
    "a number for axes": (lambda: dg.Profiles(ONE, 3e-3), "axes must be an array for each"),
    "text for axes": (lambda: dg.Profiles(ONE, "x"), "axes must be an array of numbers"),
    "no values": (lambda: dg.Profiles(None, (AXIS,)), "values must be an array of numbers"),
    "one value": (lambda: dg.Profiles(3.0, (AXIS,)), r"values must have shape .* got \(\)"),
    "complex": (lambda: dg.Profiles(ONE * 1j, (AXIS,)), "values must be an array of numbers"),
    "digits": (lambda: dg.Profiles([["1"] * 100], (AXIS,)), "values must be an array of numbers"),
    "ragged mask": (lambda: dg.Profiles(ONE, (AXIS,), mask=[[1], [1, 2]]), "mask must be"),
    "one dict": (
        lambda: dg.Profiles(ONE, (AXIS,), settings={"q.k1": 1.0}),
        r"settings must be a dict for each profile, .* got \{'q\.k1': 1\.0\}",
    ),
    "no dicts": (
        lambda: dg.Profiles(ONE, (AXIS,), settings=(3.9,)),
        r"profile 0: settings must be a dict of numbers by address.* got 3\.9",
    ),
    "keys": (
        lambda: dg.Profiles(ONE, (AXIS,), settings=({1: 2.0},)),
        "profile 0: settings must be a dict of numbers by address",
    ),
    "no settings": (lambda: dg.Profiles(ONE, (AXIS,), settings=None), "settings must be a dict"),
    "a setting in words": (
        lambda: dg.Profiles(ONE, (AXIS,), settings=({"q.k1": "on"},)),
        r"setting of 'q\.k1' must be a finite number, got 'on'",
    ),
    "text": (lambda: dg.Profiles([["a"] * 100], (AXIS,)), "array of numbers"),
    "missing setting": (
        lambda: dg.Profiles([ONE[0]] * 2, (AXIS,), settings=({"q.k1": 1.0}, {})),
        r"profile 1 has no setting of 'q\.k1'",
    ),
    "too few settings": (
        lambda: dg.Profiles([ONE[0]] * 2, (AXIS,), settings=({"q.k1": 1.0},)),
        "2 profiles and 1 settings",
    ),
    "NaN setting": (
        lambda: dg.Profiles(ONE, (AXIS,), settings=({"q.k1": float("nan")},)),
        r"setting of 'q\.k1' must be a finite number, got nan",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_profiles(name):
    make, message = BAD[name]
    with pytest.raises(pj.errors.MeasurementError, match=message):
        make()


@pytest.mark.parametrize("label", ["Y", " y", "vertical", "Vertical"])
def test_planes_by_other_names(profiles, label):
    named = profiles.replace(labels=(label,))
    wire = dg.WireScanner("m", plane="y", width=8e-3, bins=20)
    np.testing.assert_array_equal(
        named.rebin(wire).values, profiles.replace(labels=("y",)).rebin(wire).values
    )
    with pytest.raises(
        pj.errors.MeasurementError, match=rf"go along {label} where 'm\.wire_x' reads x"
    ):
        named.rebin(WIRE)


@pytest.mark.parametrize("labels", ["", " ", (3,), (None,)])
def test_a_label_is_a_name(profiles, labels):
    with pytest.raises(pj.errors.MeasurementError, match="labels must be names of axes"):
        profiles.replace(labels=labels)


def test_an_axis_of_no_plane(profiles):
    assert profiles.replace(labels=("HORIZONTAL",)).rebin(WIRE).values.shape == (2, 20)
    with pytest.raises(
        pj.errors.MeasurementError, match=r"is 'position', and 'm\.wire_x' .*label axes"
    ):
        profiles.replace(labels=("position",)).rebin(WIRE)


def test_millimetres_below_half_a_metre():
    """An axis so short that it might be metres, held against a wire that shows it is not."""
    axis = np.linspace(-0.4, 0.4, 81)
    found = dg.Profiles(gaussian(0.1, axis=axis)[None], (axis,))
    with pytest.raises(
        pj.errors.MeasurementError, match=r"10 mm are wider than .* 4 mm: .* in metres"
    ):
        found.rebin(dg.WireScanner("m", width=4e-3, bins=20))


def test_bad_matches(profiles):
    wide = dg.WireScanner("m", width=1.2e-2, bins=20)
    with pytest.raises(pj.errors.MeasurementError, match=r"does not cover the bins of 'm\.wire_x'"):
        profiles.rebin(wide)
    with pytest.raises(pj.errors.MeasurementError, match=r"go along x where 'm\.wire_y' reads y"):
        profiles.rebin(dg.WireScanner("m", plane="y", width=8e-3, bins=20))
    with pytest.raises(pj.errors.MeasurementError, match="reads 2 dimensions"):
        profiles.rebin(dg.Screen("m", size=(8e-3, 8e-3), shape=(20, 20)))
    with pytest.raises(pj.errors.InvalidValueError, match="BeamSize and has no bins"):
        profiles.rebin(dg.BeamSize("m"))
    for no_diagnostic in (None, profiles, dg.WireScanner):
        with pytest.raises(pj.errors.InvalidValueError, match="has no bins"):
            profiles.rebin(no_diagnostic)
    with pytest.raises(pj.errors.MeasurementError, match=r"profile \d cannot be normalised"):
        profiles.rebin(WIRE, background=1e4)
    with pytest.raises(pj.errors.InvalidValueError, match='number or "edges"'):
        profiles.rebin(WIRE, background="corners")
    for background in (None, [1.0, 2.0], True):
        with pytest.raises(pj.errors.InvalidValueError, match='number or "edges", got'):
            profiles.rebin(WIRE, background=background)
    with pytest.raises(pj.errors.InvalidValueError, match="background must be finite"):
        profiles.rebin(WIRE, background=np.nan)
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'mask'"):
        profiles.without_saturation("masked")


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
