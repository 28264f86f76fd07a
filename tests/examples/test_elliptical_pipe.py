"""The elliptical pipe: fields of its solver, against exact ones."""

import numpy as np
import pytest
import torch
from elliptical_pipe_cases import FLAT, ROUND, TALL, EllipticalPipe

from pyjutrack.collective import deposit, interpolate, own_field

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
