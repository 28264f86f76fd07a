"""The numbers the solver promises: fields against gridless sums and exact series."""

import numpy as np
import pytest
import torch
from claims import claim

import pyjutrack as pj
from pyjutrack.collective import deposit, interpolate
from pyjutrack.collective.analytic import gaussian_in_box
from pyjutrack.collective.gridless import gridless_potential

SIZE, CELLS, MODES = (0.02, 0.02), (128, 128), (64, 64)
SPACING = SIZE[0] / CELLS[0]
PROTON = pj.Reference.from_kinetic("proton", kinetic_energy=1e9)


def solver(**options):
    return pj.SpectralPoisson(size=SIZE, shape=CELLS, modes=MODES, **options)


def particles(sigma_x, sigma_y, count, *, quiet, seed=5):
    twiss = pj.optics.Twiss(beta_x=1.0, alpha_x=0.0, beta_y=1.0, alpha_y=0.0)
    beam = pj.distributions.gaussian(
        PROTON, count, twiss=twiss, emittance=(sigma_x**2, sigma_y**2), quiet=quiet, seed=seed
    )
    x, y = beam.coordinate("x").contiguous(), beam.coordinate("y").contiguous()
    inside = (x.abs() < SIZE[0] / 2) & (y.abs() < SIZE[1] / 2)
    return x[inside], y[inside]


def mesh_gradient(potential, x, y, at_x, at_y):
    shares = torch.full_like(x, 1 / len(x))
    h = potential.solve(deposit(potential.mesh, x, y, torch.ones_like(x, dtype=torch.bool), shares))
    everywhere = torch.ones_like(at_x, dtype=torch.bool)
    return torch.stack(interpolate(potential.mesh, at_x, at_y, everywhere, h)[1:])


def difference(got, expected):
    """Relative rms over the particles: the beam is the weight."""
    return float((got - expected).norm() / expected.norm())


def against_gridless(potential, cells_x, cells_y):
    x, y = particles(cells_x * SPACING, cells_y * SPACING, 20_000, quiet=False)
    shares = torch.full_like(x, 1 / len(x))
    expected = gridless_potential(x, y, shares, (x, y), SIZE, MODES)
    return difference(mesh_gradient(potential, x, y, x, y), torch.stack(expected[1:]))


@pytest.mark.parametrize(
    ("cells_x", "cells_y", "limit"),
    [(2, 2, 2e-3), (3, 3, 1e-3), (4, 4, 1e-3), (8, 8, 1e-3), (9, 3, 1e-3), (3, 9, 1e-3)],
)
def test_same_particles_without_a_grid(cells_x, cells_y, limit):
    assert against_gridless(solver(), cells_x, cells_y) <= limit


def test_assignments_are_ordered():
    """Catmull-Rom, which is not corrected for its smoothing, is much worse than the B-spline."""
    errors = [against_gridless(solver(assignment=a), 4, 4) for a in ("bspline", "catmull-rom")]
    assert 1e-3 < errors[1] < 1e-2
    assert errors[0] < errors[1] / 5


@pytest.mark.parametrize(("cells_x", "cells_y"), [(3, 3), (6, 6), (9, 3), (4, 12)])
def test_analytic_gaussian(cells_x, cells_y):
    """One million quiet particles against the exact series; error at the beam's own particles."""
    sigma = cells_x * SPACING, cells_y * SPACING
    x, y = particles(*sigma, 1_000_000, quiet=True)
    # the first of a Sobol sequence are themselves a fair sample of the beam
    at = x[:4096], y[:4096]
    expected = torch.stack(gaussian_in_box(*at, *sigma, SIZE)[1:])
    error = difference(mesh_gradient(solver(), x, y, *at), expected)
    text = "field of a Gaussian of a million particles in a box, rms"
    claim("Space charge", text, "exact series", error, 5e-3)


def test_gridless_converges_to_the_series():
    """Two references made apart from each other: their difference is the sampling's."""
    sigma = 1e-3, 0.6e-3
    at = tuple(torch.from_numpy(np.random.default_rng(1).normal(0, s, 500)) for s in sigma)
    expected = torch.stack(gaussian_in_box(*at, *sigma, SIZE)[1:])
    errors = []
    for count in (1024, 65536):
        x, y = particles(*sigma, count, quiet=True)
        shares = torch.full_like(x, 1 / len(x))
        errors.append(
            difference(torch.stack(gridless_potential(x, y, shares, at, SIZE, MODES)[1:]), expected)
        )
    assert errors[1] < 3e-3
    assert errors[1] < errors[0] / 8


def test_shares_and_errors_of_fields() -> None:
    """A density sums to the share that is in the box; an error is relative to the reference."""
    mesh = solver().mesh
    x = torch.tensor([0.0, 1e-3, 1.0, -2e-3], dtype=torch.float64)
    assert float(pj.collective.density(mesh, x, 0.0 * x).sum()) == pytest.approx(0.75, rel=1e-12)
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])
    assert pj.collective.field_error((a, 1.1 * b), (a, b)) == pytest.approx(0.4 / 5)
