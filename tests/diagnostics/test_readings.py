"""Readings of positions, sizes, wires and screens against analytic answers."""

import numpy as np
import pytest
import torch
from reading_cases import BEAM, SMOOTH
from scipy.stats import norm

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.diagnostics.bins import discrete_normal


def test_position_and_size_are_the_moments():
    alive = BEAM.coordinates[BEAM.alive][:, [0, 2]].numpy()
    np.testing.assert_allclose(SMOOTH["position"].read(BEAM), alive.mean(0), rtol=1e-12)
    np.testing.assert_allclose(SMOOTH["size"].read(BEAM), alive.std(0), rtol=1e-12)
    np.testing.assert_allclose(
        SMOOTH["size"].read(BEAM), pj.moments.sizes(BEAM)[[0, 2]], rtol=1e-12
    )


def test_a_size_of_zero_has_slope_zero(proton):
    leaf = torch.zeros(5, 6, dtype=torch.float64, requires_grad=True)
    size = SMOOTH["size"].read(pj.Beam(proton, leaf))
    (gradient,) = torch.autograd.grad(size.sum(), leaf)
    assert size.tolist() == [0, 0]
    assert not gradient.any()


def _normal(count, sigma):
    """Places whose fractions in bins are those of a normal distribution."""
    return sigma * norm.ppf((np.arange(count) + 0.5) / count)


@pytest.mark.parametrize("plane", ["x", "y"])
@pytest.mark.parametrize("resolution", [1e-4, 3e-4])
def test_a_wire_reads_a_gaussian_as_bins_and_resolution_make_it(proton, plane, resolution):
    sigma, centre = 4e-4, 2e-4
    coordinates = np.zeros((100_000, 6))
    coordinates[:, "xxyy".index(plane)] = _normal(100_000, sigma) + 1e-4
    wire = dg.WireScanner(
        "m", plane=plane, width=3e-3, bins=30, resolution=resolution, centre=centre
    )
    (bins,) = wire.axes
    shares = np.diff(norm.cdf(bins.edges, 1e-4, np.hypot(sigma, resolution)))
    found = wire.read(pj.Beam.from_array(proton, coordinates)).numpy()
    np.testing.assert_allclose(found, shares, atol=2e-4 * shares.max())
    assert bins.centres.mean() == pytest.approx(centre)


@pytest.mark.parametrize("variance", [0.0, 1e-6, 0.03, 0.4, 1.9, 2.1, 300.0])
def test_the_blur_has_the_variance_it_should(variance):
    steps = np.arange(-200, 201)
    weights = discrete_normal(steps, variance)
    assert weights.sum() == pytest.approx(1, abs=1e-13)
    assert weights @ steps**2 == pytest.approx(variance, rel=1e-11)


def test_without_resolution_only_the_spline_smears(proton):
    wire = dg.WireScanner("m", width=4e-3, bins=40)
    beam = pj.Beam.from_array(proton, np.full((1, 6), 3.3e-4))
    found, (bins,) = wire.read(beam).numpy(), wire.axes
    assert found.sum() == pytest.approx(1, abs=1e-14)
    assert found @ bins.centres == pytest.approx(3.3e-4, abs=1e-15)
    variance = found @ (bins.centres - 3.3e-4) ** 2
    assert variance == pytest.approx(bins.spacing**2 / 3, rel=1e-10)


@pytest.mark.parametrize("resolution", [0.0, 1e-4])
def test_a_particle_leaves_the_range_without_a_jump(proton, resolution):
    wire = dg.WireScanner("m", width=4e-3, bins=40, resolution=resolution)

    def share(x):
        return float(wire.read(pj.Beam.from_array(proton, [[x, 0, 0, 0, 0, 0]])).sum())

    far = 2e-3 + 6 * resolution + 2.1e-4
    shares = np.array([share(x) for x in np.linspace(1.5e-3, far, 400)])
    assert shares[0] == pytest.approx(1, abs=1e-6)
    assert shares[-1] == pytest.approx(0, abs=1e-8)
    assert (np.diff(shares) < 1e-12).all()
    assert np.abs(np.diff(shares)).max() < 0.02


def test_a_screen_is_the_product_of_wires_for_independent_planes(proton):
    x, y = np.meshgrid(_normal(400, 4e-4), _normal(400, 6e-4) + 1e-4, indexing="ij")
    coordinates = np.zeros((x.size, 6))
    coordinates[:, 0], coordinates[:, 2] = x.ravel(), y.ravel()
    beam = pj.Beam.from_array(proton, coordinates)
    screen = dg.Screen(
        "m", size=(3e-3, 5e-3), shape=(30, 20), centre=(1e-4, -1e-4), resolution=(1e-4, 2e-4)
    )
    wires = [
        dg.WireScanner("m", plane=p, width=w, bins=n, centre=c, resolution=r).read(beam)
        for p, w, n, c, r in (("x", 3e-3, 30, 1e-4, 1e-4), ("y", 5e-3, 20, -1e-4, 2e-4))
    ]
    torch.testing.assert_close(screen.read(beam), wires[0][:, None] * wires[1], rtol=0, atol=1e-12)


def test_one_resolution_of_a_screen_is_that_of_both_planes():
    screen = dg.Screen("m", size=(3e-3, 5e-3), shape=(30, 20), resolution=1e-4)
    assert screen == dg.Screen("m", size=(3e-3, 5e-3), shape=(30, 20), resolution=(1e-4, 1e-4))


def test_fractions_are_of_the_particles_alive(proton):
    coordinates = np.zeros((4, 6))
    beam = pj.Beam.from_array(proton, coordinates)
    some = beam.replace(alive=torch.tensor([True, False, False, True]))
    none = beam.replace(alive=torch.zeros(4, dtype=torch.bool))
    wire = SMOOTH["wire y"]
    torch.testing.assert_close(wire.read(some), wire.read(beam))
    assert not wire.read(none).any()


BAD = {
    "resolution": (lambda: dg.WireScanner("m", width=1e-2, bins=20, resolution=-1e-4), "resol"),
    "width in mm": (lambda: dg.WireScanner("m", width=16, bins=20), "at 'm': width .* in metres"),
    "centre in mm": (
        lambda: dg.WireScanner("m", width=0.1, bins=20, centre=-3.0),
        "centre must not be above 1 m, got -3.0: is it in metres",
    ),
    "screen in mm": (
        lambda: dg.Screen("m", size=(0.1, 16.0), shape=(20, 20)),
        "Screen at 'm': width must not be above 1 m, got 16.0",
    ),
    "many bins": (
        lambda: dg.WireScanner("m", width=1e-2, bins=10**7),
        "most 100000 bins, got 1000",
    ),
    "many pixels": (
        lambda: dg.Screen("m", size=(0.1, 0.1), shape=(50_000, 50_000)),
        "2500000000 pixels are more than",
    ),
    "coarse": (lambda: dg.WireScanner("m", width=1e-2, bins=20, resolution=0.02), "resol"),
    "bins": (lambda: dg.WireScanner("m", width=1e-2, bins=7), "8 bins, got 7"),
    "half bins": (lambda: dg.WireScanner("m", width=1e-2, bins=20.5), "8 bins, got 20.5"),
    "width": (lambda: dg.WireScanner("m", width=0.0, bins=20), "width"),
    "centre": (lambda: dg.WireScanner("m", width=1.0, bins=20, centre=float("nan")), "centre"),
    "screen": (lambda: dg.Screen("m", size=(1e-2, 1e-2), shape=(20, 4)), "Screen at 'm'.*got 4"),
    "one size": (lambda: dg.Screen("m", size=1e-2, shape=(20, 20)), "size must be two"),
    "noise": (lambda: dg.BeamSize("m", noise=-1.0), "noise"),
    "place": (lambda: dg.BeamSize(""), "name of an element"),
    "sharp": (lambda: dg.LossCount("m", opening=pj.Aperture(half_width=1e-3)), "smoothing"),
    "smooth": (lambda: dg.LossCount("m", smoothing=1e-3), "opening"),
    "no aperture": (lambda: dg.LossCount("m", opening=3, smoothing=1e-3), "Aperture"),
    "turned": (
        lambda: dg.LossCount("m", opening=pj.Aperture(half_width=1.0, x_rot=0.1), smoothing=1.0),
        "x_rot",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    make, message = BAD[name]
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        make()


def test_an_unknown_plane():
    with pytest.raises(pj.errors.UnknownNameError, match="plane of the WireScanner at 'm'"):
        dg.WireScanner("m", plane="z", width=1e-2, bins=20)
