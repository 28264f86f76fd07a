"""Slopes of the default solver's field in the core of beams with and without an edge."""

import math

import pytest
import torch
from claims import claim, share

import pyjutrack as pj
from pyjutrack.collective import bassetti_erskine, deposit, gaussian_in_box, interpolate

SIGMA, SIDE = 1e-3, 0.016
#: where the core is read, in rms sizes of the beam
READ = 0.25
#: a beam does not sit on the grid as a rule
OFFSET = (3.1e-5, 5.7e-5)
KINDS = pytest.mark.parametrize("kind", ["uniform", "gaussian"])


def rings(kind):
    """A round beam as rings of equal steps in radius: places and weights that add up to one."""
    radius = (2.0 if kind == "uniform" else 5.6) * SIGMA
    count = 600
    r = radius * (torch.arange(count, dtype=torch.float64) + 0.5) / count
    angle = 2 * math.pi * (torch.arange(300, dtype=torch.float64) + 0.37) / 300
    weight = r if kind == "uniform" else r * torch.exp(-((r / SIGMA) ** 2) / 2)
    x, y = torch.outer(r, angle.cos()), torch.outer(r, angle.sin())
    weights = (weight / weight.sum() / 300).unsqueeze(1).expand_as(x)
    return x.flatten() + OFFSET[0], y.flatten() + OFFSET[1], weights.flatten()


def slope(field):
    """The slope along x over the core, of a field of x and y."""
    at = torch.tensor([-READ, READ], dtype=torch.float64) * SIGMA
    values = field(at + OFFSET[0], 0 * at + OFFSET[1])
    return float(values[1] - values[0]) / (2 * READ * SIGMA)


def expected(kind):
    """The free space's in closed form, and the images in the walls, the same for a round beam."""
    if kind == "gaussian":
        return slope(
            lambda x, y: gaussian_in_box(x, y, SIGMA, SIGMA, (SIDE, SIDE), offset=OFFSET)[1]
        )

    def images(x, y):
        boxed = gaussian_in_box(x, y, SIGMA, SIGMA, (SIDE, SIDE), offset=OFFSET)[1]
        return boxed - bassetti_erskine(x - OFFSET[0], y - OFFSET[1], SIGMA, SIGMA)[0]

    return -1 / (4 * SIGMA**2) + slope(images)


def found(kind, cells, **options):
    solver = pj.SpectralPoisson((SIDE, SIDE), (cells, cells), **options)
    x, y, weights = rings(kind)
    h = solver.solve(deposit(solver.mesh, x, y, torch.ones_like(x, dtype=torch.bool), weights))

    def field(x, y):
        return interpolate(solver.mesh, x, y, torch.ones_like(x, dtype=torch.bool), h)[1]

    return slope(field)


@KINDS
@pytest.mark.parametrize("cells", [64, 96, 128, 192, 256])
def test_the_core_is_focused_as_by_the_closed_form(kind, cells):
    """From 4 cells a rms size on; a series cut off at half of the modes is 6 to 15 % off."""
    text = f"defocusing of the core in a box, {kind}, of it"
    error = share(found(kind, cells), expected(kind))
    claim("Space charge", text, "closed form", error, 0.01)


@KINDS
def test_it_converges_with_the_grid(kind):
    coarse, fine = (abs(found(kind, n) / expected(kind) - 1) for n in (32, 128))
    assert fine < 1e-3
    assert fine < coarse / 4


PROTON = pj.Reference.from_kinetic("proton", kinetic_energy=1e9)
EFFECT = pj.SpaceCharge(pj.SpectralPoisson((SIDE, SIDE), (64, 64)), max_step=0.1)


def disc(scale=1.0):
    twiss = pj.optics.Twiss(beta_x=1.0, alpha_x=0.0, beta_y=1.0, alpha_y=0.0)
    size = {"twiss": twiss, "emittance": (SIGMA**2, SIGMA**2)}
    beam = pj.distributions.kv(PROTON, 3000, current=200.0, seed=3, **size)
    return beam.replace(coordinates=beam.coordinates * scale)


def line(k1=3.0):
    return pj.Lattice([pj.Drift(0.2), pj.Quadrupole(0.2, k1=k1, name="q"), pj.Drift(0.2)])


def mean_square(beam, initial=None):
    return (beam.coordinate("x") ** 2).mean()


def difference(function, at, step):
    """Of values, by five points."""
    near, far = (float(function(at + n * step) - function(at - n * step)) for n in (1, 2))
    return (8 * near - far) / (12 * step)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_a_gradient_is_the_difference_of_rebuilt_lattices(mode):
    exact = pj.gradient(mean_square, line(), disc(), wrt=["q.k1"], effects=[EFFECT], mode=mode)
    values = difference(
        lambda k1: mean_square(pj.track(line(k1), disc(), effects=[EFFECT])), 3.0, 1e-3
    )
    assert float(exact[0]) == pytest.approx(values, rel=1e-6)


def test_a_gradient_by_the_beam_is_the_difference_of_rebuilt_beams():
    scale = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    mean_square(pj.track(line(), disc(scale), effects=[EFFECT])).backward()
    values = difference(
        lambda s: mean_square(pj.track(line(), disc(s), effects=[EFFECT])), 1.0, 1e-4
    )
    assert float(scale.grad) == pytest.approx(values, rel=1e-6)


@pytest.mark.parametrize("damping", [4.0, 0.0, 1.5])
def test_the_compiled_potential_is_the_plain_one(damping):
    """For cells that fold twice, once, and unevenly; in double precision and in single."""
    for cells in ((32, 48), (36, 81), (30, 44), (8, 12)):
        solver = pj.SpectralPoisson((0.02, 0.03), cells, damping=damping)
        generator = torch.Generator().manual_seed(1)
        shares = torch.rand(solver.mesh.grid.padded_shape, generator=generator, dtype=torch.float64)
        plain = solver._plain(shares)
        largest = float(plain.abs().max())
        assert float((solver.solve(shares) - plain).abs().max()) < 1e-13 * largest
        single = solver.solve(shares.float()).double()
        assert float((single - plain).abs().max()) < 1e-5 * largest


def test_a_mode_is_damped_by_what_is_stated():
    solver, undamped = (pj.SpectralPoisson((0.02, 0.03), (32, 24), damping=d) for d in (4.0, 0.0))
    for mode in ((1, 1), (16, 3), (8, 24), (31, 20)):
        x, y = (
            torch.sin(math.pi * m * (torch.arange(n, dtype=torch.float64) + 0.5) / n)
            for m, n in zip(mode, solver.shape, strict=True)
        )
        shares = torch.nn.functional.pad(torch.outer(x, y), (2, 2, 2, 2))
        short = (mode[0] / 32) ** 2 + (mode[1] / 24) ** 2
        whole = undamped.solve(shares)
        torch.testing.assert_close(
            solver.solve(shares),
            math.exp(-4 * short**3) * whole,
            rtol=0,
            atol=1e-12 * float(whole.abs().max()),
        )


def test_what_is_not_stated():
    """All modes are damped; a series cut off where it was asked to be is not.

    Files from before there was a damping state their modes always, and keep their field.
    """
    assert (pj.SpectralPoisson().modes, pj.SpectralPoisson().damping) == ((128, 128), 4.0)
    assert pj.SpectralPoisson(modes=(64, 64)).damping == 0.0
    assert pj.SpectralPoisson(modes=(64, 64), damping=1).damping == 1.0


@pytest.mark.parametrize("damping", [-1.0, math.nan, math.inf, "strong", True])
def test_no_damping_at_all(damping):
    with pytest.raises(pj.errors.InvalidValueError, match="damping"):
        pj.SpectralPoisson(damping=damping)
