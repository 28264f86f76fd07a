"""Readings against analytic answers, and their derivatives against each other and differences."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from scipy.stats import norm

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.autodiff import Pushed
from pyjutrack.beam.communicator import Communicator
from pyjutrack.diagnostics.bins import discrete_normal
from pyjutrack.tracking.end import state_of

RACETRACK = pj.Aperture(
    half_width=2e-3, half_height=3e-3, shape="racetrack", corner_x=1e-3, corner_y=1.5e-3
)
SMOOTH = {
    "position": dg.BeamPosition("m"),
    "size": dg.BeamSize("m"),
    "wire x": dg.WireScanner("m", width=4e-3, bins=40, resolution=2e-4, centre=2e-4),
    "wire y": dg.WireScanner("m", plane="y", width=9e-3, bins=33),
    "screen": dg.Screen("m", size=(4e-3, 6e-3), shape=(24, 16), resolution=(2e-4, 0.0)),
    "rectangle": dg.LossCount(
        "m", opening=pj.Aperture(half_width=2e-3, half_height=3e-3), smoothing=2e-4
    ),
    "slit": dg.LossCount("m", opening=pj.Aperture(half_height=2e-3), smoothing=2e-4),
    "ellipse": dg.LossCount(
        "m",
        opening=pj.Aperture(half_width=2e-3, half_height=3e-3, shape="ellipse", dx=3e-4),
        smoothing=1e-4,
    ),
    "racetrack": dg.LossCount("m", opening=RACETRACK, smoothing=1e-4),
}


@pytest.fixture(params=SMOOTH)
def diagnostic(request):
    return SMOOTH[request.param]


@pytest.fixture
def beam(proton):
    """Gaussian, 1 mm and 1.5 mm, off centre, one in twelve lost."""
    g = torch.Generator().manual_seed(4)
    coordinates = torch.randn(600, 6, generator=g, dtype=torch.float64) * 1e-3
    coordinates[:, 2] *= 1.5
    coordinates[:, 0] += 3e-4
    coordinates[3] = float("nan")  # lost, and no number any more
    return pj.Beam(proton, coordinates, alive=torch.arange(600) % 12 != 3)


def _reader(diagnostic, beam):
    return lambda coordinates: diagnostic.read(beam.replace(coordinates=coordinates))


def test_shape_name_and_protocol(diagnostic, beam):
    reading = diagnostic.read(beam)
    assert isinstance(diagnostic, dg.Diagnostic)
    assert tuple(reading.shape) == diagnostic.shape
    assert diagnostic.name.startswith("m.")
    assert torch.isfinite(reading).all()


def test_slopes_by_three_ways(diagnostic, beam):
    read = _reader(diagnostic, beam)
    start = torch.nan_to_num(beam.coordinates)
    g = torch.Generator().manual_seed(5)
    ways = torch.randn(3, *start.shape, generator=g, dtype=torch.float64) * 1e-3
    by_func = torch.func.vmap(lambda t: torch.func.jvp(read, (start,), (t,))[1])(ways)
    pushed = read(Pushed.make(start, ways, (0, 1, 2)))
    torch.testing.assert_close(pushed.tangent, by_func, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(pushed.value, read(start), rtol=1e-14, atol=1e-15)
    leaf = start.clone().requires_grad_()
    weights = torch.randn(diagnostic.shape, generator=g, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((read(leaf) * weights).sum(), leaf)
    torch.testing.assert_close(
        (gradient * ways).sum((1, 2)),
        (by_func * weights).reshape(3, -1).sum(1),
        rtol=1e-10,
        atol=1e-12,
    )
    assert not gradient[~beam.alive].any()
    step = 1e-4
    differences = torch.stack(
        [(read(start + step * t) - read(start - step * t)) / (2 * step) for t in ways]
    )
    scale = float(by_func.abs().max())
    torch.testing.assert_close(by_func, differences, rtol=0, atol=2e-6 * scale)


def test_gradients_are_finite_beside_lost_particles_that_are_no_numbers(diagnostic, beam):
    leaf = beam.coordinates.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(_reader(diagnostic, beam)(leaf).sum(), leaf)
    assert torch.isfinite(gradient).all()


def test_second_derivatives(diagnostic, beam):
    read = _reader(diagnostic, beam)
    start = torch.nan_to_num(beam.coordinates)[:20]
    beam = beam.replace(coordinates=start, alive=beam.alive[:20])
    read = _reader(diagnostic, beam)
    way = torch.randn(start.shape, generator=torch.Generator().manual_seed(6), dtype=torch.float64)

    def slope(coordinates):
        leaf = coordinates.clone().requires_grad_()
        figure = (read(leaf) ** 2).sum()
        return torch.autograd.grad(figure, leaf, create_graph=True)[0], leaf

    gradient, leaf = slope(start)
    (curved,) = torch.autograd.grad((gradient * way).sum(), leaf)
    step = 1e-9
    up, down = slope(start + step * way)[0], slope(start - step * way)[0]
    expected = (up - down).detach() / (2 * step)
    torch.testing.assert_close(curved, expected, rtol=0, atol=2e-4 * float(expected.abs().max()))


def test_a_batch_is_read_beam_by_beam(diagnostic, beam):
    start = torch.nan_to_num(beam.coordinates)
    batch = pj.Beam(
        beam.reference,
        torch.stack([start, 0.5 * start]),
        alive=torch.stack([beam.alive, torch.ones_like(beam.alive)]),
    )
    rows = [
        diagnostic.read(pj.Beam(beam.reference, c, alive=a))
        for c, a in zip(batch.coordinates, batch.alive, strict=True)
    ]
    torch.testing.assert_close(diagnostic.read(batch), torch.stack(rows))


def test_position_and_size_are_the_moments(beam):
    alive = beam.coordinates[beam.alive][:, [0, 2]].numpy()
    np.testing.assert_allclose(SMOOTH["position"].read(beam), alive.mean(0), rtol=1e-12)
    np.testing.assert_allclose(SMOOTH["size"].read(beam), alive.std(0), rtol=1e-12)
    np.testing.assert_allclose(
        SMOOTH["size"].read(beam), pj.moments.sizes(beam)[[0, 2]], rtol=1e-12
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


def test_a_plain_count_is_of_all_particles(beam):
    reading = dg.LossCount("m").read(beam)
    assert reading.shape == ()
    assert float(reading) == pytest.approx(50 / 600)


@pytest.mark.parametrize(
    "opening",
    [
        pj.Aperture(half_width=1e-3, half_height=2e-3, dx=2e-4, dy=-3e-4, tilt=0.3, z_rot=0.2),
        pj.Aperture(half_width=1e-3, half_height=2e-3, shape="ellipse", dx=2e-4, z_rot=-0.7),
        RACETRACK,
        pj.Aperture(half_width=1e-3),
    ],
    ids=["turned rectangle", "turned ellipse", "racetrack", "slit"],
)
def test_the_expectation_tends_to_the_count_of_tracking(proton, opening):
    rng = np.random.default_rng(3)
    coordinates = np.zeros((4000, 6))
    coordinates[:, [0, 2]] = rng.normal(size=(4000, 2)) * (1e-3, 2e-3)
    beam = pj.Beam.from_array(proton, coordinates)
    beam = beam.replace(alive=torch.arange(4000) % 7 > 0)
    after = pj.track(pj.Lattice([opening]), beam)
    sharp = dg.LossCount("m", opening=opening, smoothing=1e-9).read(beam)
    assert float(sharp) == pytest.approx(float(dg.LossCount("m").read(after)), abs=1e-12)


# near the edges of each opening: at a side, and at the corner or where the slope is 1
CLOUDS = {
    "rectangle": [(9.9e-4, 1e-4), (9.9e-4, -1.99e-3)],
    "ellipse": [(9.9e-4, 1e-4), (-7.0e-4, 1.42e-3)],
    "racetrack": [(9.9e-4, 1e-4), (-7.6e-4, 1.71e-3)],
}


@pytest.mark.parametrize("shape", CLOUDS)
def test_the_expectation_is_the_mean_of_tracked_clouds(proton, shape):
    corners = {"corner_x": 8e-4, "corner_y": 1e-3} if shape == "racetrack" else {}
    opening = pj.Aperture(half_width=1e-3, half_height=2e-3, shape=shape, **corners)
    smoothing = 2e-5
    centres = np.zeros((2, 6))
    centres[:, [0, 2]] = CLOUDS[shape]
    rng = np.random.default_rng(1)
    clouds = np.repeat(centres, 200_000, 0)
    clouds[:, [0, 2]] += smoothing * rng.normal(size=(len(clouds), 2))
    lost = ~pj.track(pj.Lattice([opening]), pj.Beam.from_array(proton, clouds)).alive
    expected = lost.reshape(2, -1).double().mean(1)
    assert (expected > 0.2).all()
    assert (expected < 0.8).all()
    count = dg.LossCount("m", opening=opening, smoothing=smoothing)
    found = [float(count.read(pj.Beam.from_array(proton, c[None]))) for c in centres]
    # the edges' curvature within a cloud is what first order leaves out
    np.testing.assert_allclose(found, expected, atol=0.004 if shape == "rectangle" else 0.015)


def test_few_losses_keep_their_digits(proton):
    opening = pj.Aperture(half_width=1e-3)
    count = dg.LossCount("m", opening=opening, smoothing=1e-4)
    found = float(count.read(pj.Beam.from_array(proton, np.zeros((1, 6)))))
    assert found == pytest.approx(2 * norm.sf(10), rel=1e-10)


def test_single_precision_stays_single(diagnostic, beam):
    low = beam.to(torch.float32)
    reading = diagnostic.read(low)
    assert reading.dtype == torch.float32
    torch.testing.assert_close(reading.double(), diagnostic.read(beam), rtol=1e-3, atol=1e-5)


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


def test_pushed_columns_of_a_beam_become_a_state(beam):
    start = torch.nan_to_num(beam.coordinates)
    ways = torch.arange(2 * start.numel(), dtype=torch.float64).reshape(2, *start.shape)
    columns = state_of(Pushed.make(start, ways, (0, 1)), beam.alive).coordinates
    for i, column in enumerate(columns):
        assert isinstance(column, Pushed)
        assert column.value.is_contiguous()
        assert torch.equal(column.value, start[:, i])
        assert torch.equal(column.tangent, ways[..., i])


def test_ranks_that_share_a_beam_read_the_whole_of_it(diagnostic, beam):
    """Two ranks, here two threads, each with a part: one reading, with slopes by each part."""
    whole = beam.replace(coordinates=torch.nan_to_num(beam.coordinates))
    parts, barrier, letters = (slice(0, 200), slice(200, 600)), threading.Barrier(2), {}

    def member(rank):
        def reduce(tensor, how):
            assert how == "sum"
            letters[rank] = tensor.clone()
            barrier.wait(timeout=60)
            total = letters[0] + letters[1]
            barrier.wait(timeout=60)
            tensor.copy_(total)

        rows = parts[rank]
        leaf = whole.coordinates[rows].clone().requires_grad_()
        world = Communicator(rank, 2, 600, reduce)
        reading = diagnostic.read(pj.Beam(beam.reference, leaf, 0.0, beam.alive[rows], world))
        share = world.split_scalar((reading * weights).sum())
        return reading.detach(), torch.autograd.grad(share, leaf)[0]

    g = torch.Generator().manual_seed(8)
    weights = torch.randn(diagnostic.shape, generator=g, dtype=torch.float64)
    with ThreadPoolExecutor(2) as pool:
        (first, by_first), (second, by_second) = pool.map(member, (0, 1))
    leaf = whole.coordinates.clone().requires_grad_()
    expected = diagnostic.read(whole.replace(coordinates=leaf))
    (slope,) = torch.autograd.grad((expected * weights).sum(), leaf)
    assert torch.equal(first, second)
    torch.testing.assert_close(first, expected.detach(), rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(torch.cat([by_first, by_second]), slope, rtol=1e-9, atol=1e-9)


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
