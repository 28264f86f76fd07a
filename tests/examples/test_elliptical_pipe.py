"""The elliptical pipe: its solver against exact fields, its derivatives, its network."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from rebuilt import differences

import pyjutrack as pj
from pyjutrack.cli.paper import fodo
from pyjutrack.collective import deposit, field_error, interpolate, own_field
from pyjutrack.surrogate import Recipe
from pyjutrack.surrogate.training.held_out import held_out_errors

FOLDER = Path(__file__).parents[2] / "examples" / "elliptical_pipe"
WEIGHTS = FOLDER / "elliptical_pipe.safetensors"
sys.path.insert(0, str(FOLDER))  # the scripts import each other as they do when run
EllipticalPipe = importlib.import_module("solver").EllipticalPipe

ROUND, FLAT, TALL = (8e-3, 8e-3), (8e-3, 5e-3), (5e-3, 8e-3)
SMALL = {"size": (0.02, 0.016), "shape": (14, 10)}
GOLDEN = np.pi * (3 - np.sqrt(5))


def to_disc(z, semi_axes):
    """The conformal map of the ellipse onto the unit disc, and its derivative.

    theta_1(s)/theta_4(s) with s = arcsin(z/c), c the distance of the foci from the centre and
    ((a - b)/(a + b))^2 the nome. Source: G. Szego, Amer. Math. Monthly 57 (1950) 474.
    """
    a, b = semi_axes
    if a == b:
        return z / a, np.full_like(z, 1 / a)
    c = np.sqrt(complex(a**2 - b**2))
    nome, s, n = ((a - b) / (a + b)) ** 2, np.arcsin(z / c), np.arange(12)[:, None]
    odd = 2 * (-1.0) ** n * nome ** ((n + 0.5) ** 2)
    even = np.where(n == 0, 1.0, 2.0) * (-1.0) ** n * nome ** (n**2)
    theta_1 = (odd * np.sin((2 * n + 1) * s)).sum(0)
    theta_4 = (even * np.cos(2 * n * s)).sum(0)
    slope_1 = (odd * (2 * n + 1) * np.cos((2 * n + 1) * s)).sum(0)
    slope_4 = (even * -2 * n * np.sin(2 * n * s)).sum(0)
    slope = (slope_1 * theta_4 - theta_1 * slope_4) / theta_4**2
    return theta_1 / theta_4, slope / (c * np.cos(s))


def exact_field(beam, semi_axes):
    """dH/dx and dH/dy of a beam of round symmetry that does not touch the wall.

    Its images are those of a line charge in its centre: in a round pipe one of opposite charge at
    R^2 over the distance of the beam, in an ellipse the same after the conformal map.
    """
    x, y, centre, charge = beam
    z, z0 = x + 1j * y, complex(*centre)
    w, slope = to_disc(z, semi_axes)
    w0 = to_disc(np.array([z0]), semi_axes)[0][0]
    images = 1 / (z - z0) - slope * (1 / (w - w0) + np.conj(w0) / (1 - np.conj(w0) * w))
    field = images - charge / (z - z0)
    return torch.from_numpy(field.real), torch.from_numpy(-field.imag)


def uniform(radius, centre, count=20_000):
    """A quiet uniform disc: x, y, its centre, and the share of the charge within each radius."""
    share = (np.arange(count) + 0.5) / count
    return _turned(radius * np.sqrt(share), centre, share)


def gaussian(sigma, centre, count=20_000):
    """The same for a round Gaussian."""
    share = (np.arange(count) + 0.5) / count
    return _turned(sigma * np.sqrt(-2 * np.log1p(-share)), centre, share)


def _turned(radius, centre, share):
    angle = GOLDEN * np.arange(len(radius))
    x, y = centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)
    return x, y, centre, share


def errors(pipe, beam):
    """Field error at each particle, relative to the rms field."""
    found = own_field(pipe, *(torch.from_numpy(u) for u in beam[:2]))
    exact = exact_field(beam, pipe.semi_axes)
    size = torch.sqrt((exact[0] ** 2 + exact[1] ** 2).mean())
    return torch.hypot(found[0] - exact[0], found[1] - exact[1]) / size


def rms(values):
    return float(torch.sqrt((values**2).mean()))


def random_cells(pipe, seed):
    generator = torch.Generator().manual_seed(seed)
    cells = torch.rand(pipe.mesh.grid.padded_shape, generator=generator, dtype=torch.float64)
    return cells / cells.sum()


def test_the_oracle_in_a_round_pipe_is_one_image():
    """Field of a line charge at x0 and of its image at R^2/x0, written out."""
    radius, x0 = ROUND[0], 3e-3
    x, y, *_ = uniform(1e-3, (x0, 0.0), 100)
    squares = [(x - at) ** 2 + y**2 for at in (x0, radius**2 / x0)]
    along_x = -(x - x0) / squares[0] + (x - radius**2 / x0) / squares[1]
    along_y = -y / squares[0] + y / squares[1]
    found = exact_field((x, y, (x0, 0.0), np.ones_like(x)), ROUND)
    np.testing.assert_allclose(found[0], along_x, rtol=1e-12)
    np.testing.assert_allclose(found[1], along_y, rtol=1e-12)


@pytest.mark.parametrize("semi_axes", [FLAT, TALL])
def test_the_oracle_maps_the_ellipse_onto_the_disc(semi_axes):
    angle = np.linspace(0.1, 6.1, 60)
    wall = semi_axes[0] * np.cos(angle) + 1j * semi_axes[1] * np.sin(angle)
    np.testing.assert_allclose(abs(to_disc(wall, semi_axes)[0]), 1, rtol=1e-12)
    inside, step = 0.6 * wall, 1e-8
    difference = to_disc(inside + step, semi_axes)[0] - to_disc(inside - step, semi_axes)[0]
    np.testing.assert_allclose(to_disc(inside, semi_axes)[1], difference / (2 * step), rtol=1e-6)


PIPES = pytest.mark.parametrize(
    ("semi_axes", "centre"),
    [
        (ROUND, (0.0, 0.0)),
        (ROUND, (2e-3, 0.0)),
        (ROUND, (2.5e-3, -2.5e-3)),
        (FLAT, (0.0, 0.0)),
        (FLAT, (3e-3, 0.0)),
        (FLAT, (2e-3, 1.2e-3)),
        (TALL, (-1.2e-3, 2e-3)),
    ],
)


@PIPES
def test_gaussian_beams(semi_axes, centre):
    """rms sizes of 4 cells and of 2."""
    pipe = EllipticalPipe(semi_axes)
    assert rms(errors(pipe, gaussian(6.25e-4, centre))) < 3e-4
    assert rms(errors(pipe, gaussian(3.125e-4, centre))) < 2e-3


@PIPES
def test_uniform_beams(semi_axes, centre):
    """A radius of 8 cells. The kink of the field at the edge is what the grid cannot follow."""
    pipe, radius = EllipticalPipe(semi_axes), 1.25e-3
    beam = uniform(radius, centre)
    off = errors(pipe, beam)
    depth = radius - np.hypot(beam[0] - centre[0], beam[1] - centre[1])
    within = torch.from_numpy(depth > pipe.mesh.grid.spacing[0])
    assert rms(off) < 0.008
    assert rms(off[within]) < 0.004
    assert rms(errors(pipe, uniform(1.5 * radius, centre))) < 0.005


def test_a_uniform_beam_next_to_the_wall():
    pipe = EllipticalPipe(ROUND)
    assert rms(errors(pipe, uniform(1.25e-3, (6.2e-3, 0.0)))) < 0.008  # 3.5 cells before it
    assert rms(errors(pipe, uniform(1.25e-3, (6.7e-3, 0.0)))) < 0.04  # a third of a cell


@pytest.mark.parametrize("semi_axes", [ROUND, FLAT])
def test_convergence(semi_axes):
    """Third order for smooth beams, 3/2 for the kink of the uniform ones."""
    pipes = [EllipticalPipe(semi_axes, shape=(n, n)) for n in (64, 128, 256)]
    smooth = [rms(errors(p, gaussian(6.25e-4, (2e-3, 1e-3), 200_000))) for p in pipes]
    kinked = [rms(errors(p, uniform(1.25e-3, (2e-3, 1e-3)))) for p in pipes]
    assert smooth[0] > 7 * smooth[1] > 49 * smooth[2]
    assert kinked[0] > 2.4 * kinked[1] > 5.5 * kinked[2]


def test_symmetric_and_positive():
    """<a, S b> = <S a, b>: kicks of a beam on itself are symplectic."""
    pipe = EllipticalPipe()
    a, b = random_cells(pipe, 1), random_cells(pipe, 2)
    left, right = (a * pipe.solve(b)).sum(), (b * pipe.solve(a)).sum()
    torch.testing.assert_close(left, right, rtol=1e-12, atol=0)
    assert float(((a - b) * pipe.solve(a - b)).sum()) > 0


def test_linear():
    pipe = EllipticalPipe()
    a, b = random_cells(pipe, 3), random_cells(pipe, 4)
    torch.testing.assert_close(
        pipe.solve(2 * a - 3 * b), 2 * pipe.solve(a) - 3 * pipe.solve(b), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_mirrors(axes):
    pipe = EllipticalPipe()
    cells = random_cells(pipe, 5)
    mirrored = pipe.solve(cells.flip(axes))
    torch.testing.assert_close(mirrored, pipe.solve(cells).flip(axes), rtol=1e-10, atol=1e-12)


def test_turned_by_a_quarter():
    cells = random_cells(EllipticalPipe(FLAT), 6)
    turned = EllipticalPipe(TALL).solve(cells.mT).mT
    torch.testing.assert_close(turned, EllipticalPipe(FLAT).solve(cells), rtol=1e-10, atol=1e-12)


def test_cells_need_not_be_square():
    beam = gaussian(6.25e-4, (2e-3, 1e-3))
    assert rms(errors(EllipticalPipe(size=(0.02, 0.015), shape=(128, 112)), beam)) < 1e-3


@pytest.mark.parametrize("semi_axes", [ROUND, FLAT])
def test_the_wall_is_grounded(semi_axes):
    pipe = EllipticalPipe(semi_axes)
    x, y = (torch.from_numpy(u) for u in gaussian(6.25e-4, (2e-3, 1e-3))[:2])
    everywhere = torch.ones_like(x, dtype=torch.bool)
    h = pipe.solve(deposit(pipe.mesh, x, y, everywhere, torch.full_like(x, 1 / len(x))))
    angle = torch.linspace(0, 6.2, 200, dtype=torch.float64)
    for reach, limit in ((1.0, 0.01), (1.1, 1e-3)):
        at = (reach * semi_axes[0] * torch.cos(angle), reach * semi_axes[1] * torch.sin(angle))
        value, *_ = interpolate(pipe.mesh, *at, torch.ones_like(angle, dtype=torch.bool), h)
        assert float(value.abs().max()) < limit * float(h.max())


def test_derivatives_to_second_order():
    pipe = EllipticalPipe(**SMALL)
    cells = random_cells(pipe, 8)
    torch.autograd.gradcheck(pipe.solve, cells.requires_grad_(), check_forward_ad=True)
    torch.autograd.gradgradcheck(lambda c: pipe.solve(c) ** 2, cells, fast_mode=True)


def test_jacobians_of_both_modes():
    pipe = EllipticalPipe(**SMALL)
    cells = random_cells(pipe, 9)
    forward, reverse = torch.func.jacfwd(pipe.solve)(cells), torch.func.jacrev(pipe.solve)(cells)
    torch.testing.assert_close(forward, reverse)
    torch.testing.assert_close(torch.tensordot(forward, cells, 2), pipe.solve(cells))


def test_batches():
    pipe = EllipticalPipe(**SMALL)
    cells = torch.stack([random_cells(pipe, seed) for seed in (9, 10, 11)])
    one_by_one = torch.stack([pipe.solve(c) for c in cells])
    torch.testing.assert_close(pipe.solve(cells), one_by_one)
    torch.testing.assert_close(torch.func.vmap(pipe.solve)(cells), one_by_one)


def test_precision_follows_the_density():
    pipe = EllipticalPipe()
    cells = random_cells(pipe, 12)
    single = pipe.solve(cells.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), pipe.solve(cells), rtol=1e-4, atol=1e-5)


def test_gradients_through_tracking():
    """Images pull the beam as a whole: what moves its centre with the current is all theirs."""
    beam, figure = _beside_the_axis(fodo.beam(3000, seed=1)), pj.observables.centroid("x")
    wrt, effects = ["beam.current", "q1.k1", "d2.length"], [fodo.space_charge(EllipticalPipe())]
    found = {
        mode: pj.gradient(figure, fodo.cell(), beam, wrt=wrt, effects=effects, mode=mode)
        for mode in ("reverse", "forward", "fd")
    }

    def centroid(final, initial):
        return figure(final)

    rebuilt = differences(centroid, fodo.cell(), beam, wrt, 1e-6, effects=effects)
    assert found["reverse"][0] > 0
    np.testing.assert_allclose(found["forward"], found["reverse"], rtol=1e-9)
    np.testing.assert_allclose(found["reverse"], found["fd"], rtol=1e-6)
    np.testing.assert_allclose(found["reverse"], rebuilt, rtol=1e-6)


def _beside_the_axis(beam):
    shift = torch.tensor([1.8e-3, 0, 9e-4, 0, 0, 0], dtype=torch.float64)
    return beam.replace(coordinates=beam.coordinates + shift)


def test_a_beam_larger_than_the_pipe():
    beam = fodo.beam(1000, seed=1)
    with pytest.raises(pj.errors.InvalidValueError, match="outside the pipe"):
        pj.track(fodo.cell(), beam, effects=[pj.SpaceCharge(EllipticalPipe((1e-3, 1e-3)))])


@pytest.mark.parametrize(
    "semi_axes", [(0.0, 5e-3), (-1e-3, 5e-3), (8e-3, 11e-3), (float("nan"), 1)]
)
def test_rejects(semi_axes):
    with pytest.raises(pj.errors.InvalidValueError, match="semi-axes"):
        EllipticalPipe(semi_axes)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.DomainWarning")
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.AccuracyWarning")  # after two steps
def test_train_and_show_run(tmp_path, capsys):
    train, show = importlib.import_module("train"), importlib.import_module("show")
    weights = tmp_path / "short.safetensors"
    train.main(["--samples", "8", "--steps", "2", "--held-out", "2", "--out", str(weights)])
    assert "EllipticalPipe(semi_axes=(0.008, 0.005)" in weights.with_suffix(".md").read_text()
    assert not weights.with_suffix(".checkpoint").exists()
    picture = tmp_path / "field.png"
    given = {"--network": weights, "--particles": 2000, "--held-out": 2, "--out": picture}
    show.main([str(part) for pair in given.items() for part in pair])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "rectangle around it" in capsys.readouterr().out


@pytest.mark.skipif(not WEIGHTS.exists(), reason=f"no {WEIGHTS.name}: run {FOLDER.name}/train.py")
class TestNetwork:
    def test_held_out(self):
        pipe, network = EllipticalPipe(), pj.Surrogate.load(WEIGHTS, outside="ignore")
        assert network.about["teacher"] == repr(pipe)
        found, _ = held_out_errors(network, pipe, Recipe(pipe=(0.8, 0.5)).beams, 20)
        assert found.mean() < 0.01
        assert found.max() < 0.03

    def test_knows_the_pipe(self):
        """Nearer to the pipe's field than the field of the rectangle around it is."""
        pipe, network = EllipticalPipe(), pj.Surrogate.load(WEIGHTS)
        rectangle = pj.SpectralPoisson(size=(0.016, 0.01), shape=(128, 80))
        beam = _beside_the_axis(fodo.beam(20_000, seed=1))
        x, y = beam.coordinate("x"), beam.coordinate("y")
        reference = own_field(pipe, x, y)
        network_error = field_error(own_field(network, x, y), reference)
        assert 3 * network_error < field_error(own_field(rectangle, x, y), reference)
