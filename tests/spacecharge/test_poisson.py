"""The spectral solver by itself: modes, symmetry, walls, rejected input."""

import math

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import interpolate
from pyjutrack.mesh.grid import GHOSTS

SIZE, SHAPE = (0.02, 0.03), (32, 48)
CELLS = (slice(GHOSTS, -GHOSTS), slice(GHOSTS, -GHOSTS))
ASSIGNMENTS = pytest.mark.parametrize("assignment", ["bspline", "quadratic", "catmull-rom", "cic"])


def solver(assignment="bspline", size=SIZE, shape=SHAPE, **options):
    return pj.SpectralPoisson(size=size, shape=shape, assignment=assignment, **options)


def sines(potential, mode, *, ghosts=True):
    """A sine mode at the nodes, with its two wave numbers."""
    k, waves = [], []
    for axis in (0, 1):
        k.append(math.pi * mode[axis] / potential.size[axis])
        nodes = potential.mesh.grid.nodes(axis, ghosts=ghosts) + potential.size[axis] / 2
        waves.append(torch.from_numpy(np.sin(k[axis] * nodes)))
    return torch.outer(*waves), k


def random_cells(potential, seed):
    fractions = torch.zeros(potential.mesh.grid.padded_shape, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    fractions[CELLS] = torch.rand(potential.shape, generator=generator, dtype=torch.float64)
    return fractions / fractions.sum()


@ASSIGNMENTS
@pytest.mark.parametrize("mode", [(1, 1), (3, 1), (2, 5), (16, 24), (31, 45)])
def test_one_mode_is_exact(assignment, mode):
    """A sine density per cell gives the sine over k^2, undone for both smoothings by the shape."""
    potential = solver(assignment, damping=0.0)
    wave, (kx, ky) = sines(potential, mode)
    density = torch.zeros_like(wave)
    density[CELLS] = wave[CELLS]
    hx, hy = potential.mesh.grid.spacing
    transfer = potential.mesh.shape.transfer
    smoothing = float(transfer(np.array(kx * hx)) * transfer(np.array(ky * hy)))
    expected = 2 * math.pi / (kx**2 + ky**2) / smoothing**2 * wave
    found = potential.solve(density * hx * hy)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12 * float(expected.max()))


def test_modes_above_the_highest_are_dropped():
    potential = solver(modes=(4, 4))
    fractions, _ = sines(potential, (5, 2))
    for ghost in range(GHOSTS):
        fractions[[ghost, -1 - ghost]] = 0
        fractions[:, [ghost, -1 - ghost]] = 0
    kept = solver(modes=(5, 5)).solve(fractions).abs().max()
    assert float(potential.solve(fractions).abs().max()) < 1e-13 * float(kept)


@ASSIGNMENTS
def test_self_adjoint_and_positive(assignment):
    potential = solver(assignment)
    a, b = random_cells(potential, 1), random_cells(potential, 2)
    left, right = (a * potential.solve(b)).sum(), (b * potential.solve(a)).sum()
    torch.testing.assert_close(left, right, rtol=1e-13, atol=0)
    difference = a - b
    assert float((difference * potential.solve(difference)).sum()) > 0


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_mirrors(axes):
    potential = solver()
    fractions = random_cells(potential, 3)
    mirrored = potential.solve(fractions.flip(axes))
    torch.testing.assert_close(mirrored, potential.solve(fractions).flip(axes), **TIGHT)


TIGHT = {"rtol": 1e-12, "atol": 1e-14}


def test_turned_by_a_quarter():
    upright, lying = solver(), solver(size=SIZE[::-1], shape=SHAPE[::-1])
    fractions = random_cells(upright, 4)
    torch.testing.assert_close(lying.solve(fractions.mT), upright.solve(fractions).mT, **TIGHT)


def test_ghosts_continue_oddly():
    h = solver().solve(random_cells(solver(), 5))
    for side in (h, h.flip(0), h.mT, h.mT.flip(0)):
        mirror = side[GHOSTS : 2 * GHOSTS].flip(0)
        torch.testing.assert_close(side[:GHOSTS], -mirror, **TIGHT)


@ASSIGNMENTS
def test_walls_are_grounded(assignment):
    potential = solver(assignment)
    h = potential.solve(random_cells(potential, 6))
    along = torch.linspace(-1, 1, 41, dtype=torch.float64)
    half = torch.ones_like(along)
    for x, y in ((half, along), (-half, along), (along, half), (along, -half)):
        at = (x * SIZE[0] / 2, y * SIZE[1] / 2, torch.ones_like(x, dtype=torch.bool))
        value, *_ = interpolate(potential.mesh, *at, h)
        assert float(value.abs().max()) < 1e-13 * float(h.max())


def test_precision_follows_the_density():
    fractions = random_cells(solver(), 7)
    single = solver().solve(fractions.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), solver().solve(fractions), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"size": (0.0, 0.02)},
        {"size": (0.02, -0.02)},
        {"size": (float("nan"), 0.02)},
        {"size": (float("inf"), 0.02)},
        {"shape": (4, 32)},
        {"shape": (32, 0)},
        {"shape": (32.0, 32)},
        {"modes": (0, 4)},
        {"modes": (33, 4)},
    ],
)
def test_rejects(options):
    with pytest.raises(pj.errors.InvalidValueError):
        solver(**{"shape": (32, 32), **options})


@pytest.mark.parametrize(
    ("given", "meant"), [("b-spline", "bspline"), ("catmullrom", "catmull-rom"), ("cics", "cic")]
)
def test_unknown_assignment_names_the_nearest(given, meant):
    with pytest.raises(pj.errors.UnknownNameError, match=f"did you mean '{meant}'"):
        solver(given)


@pytest.mark.parametrize("shape", [(32, 48), (30, 17)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_many_densities_are_solved_as_each(shape, dtype):
    """Many are solved one after another by each thread, few by quadrants; the same numbers."""
    s = solver(shape=shape)
    draw = np.random.default_rng(3).normal(size=(20, *s.mesh.grid.padded_shape))
    densities = torch.from_numpy(draw).to(dtype)
    many = s.solve(densities)
    assert torch.equal(many, torch.stack([s.solve(one) for one in densities]))
    kept = many.clone()
    s.solve(-densities)
    assert torch.equal(many, kept)  # no later field lies on it
