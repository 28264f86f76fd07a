"""Space charge by slices against that of coasting beams, and line densities in closed form."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from claims import claim, of_largest, off
from scipy.constants import c, e, epsilon_0, m_p
from scipy.special import gamma, ndtri
from scipy.stats import qmc
from torch.autograd import gradcheck, gradgradcheck

import pyjutrack as pj
from pyjutrack.collective import SpaceCharge2p5D
from pyjutrack.errors import InvalidValueError, ResolutionWarning
from pyjutrack.testing import check_effect

PROTON = pj.Reference.from_kinetic("proton", 1.4e9)
CHARGE = 1e-8
BOX = pj.SpectralPoisson((0.04, 0.04), (64, 64))
STEP = pj.Lattice([pj.Drift(1e-3)])


def bunch(across: np.ndarray, z: np.ndarray, **amount: float) -> pj.Beam:
    rows = np.zeros((len(z), 6))
    rows[:, [0, 2]], rows[:, 4] = across, z
    return pj.Beam(PROTON, rows, **amount)


def kicks(effect: pj.CollectiveEffect, beam: pj.Beam) -> np.ndarray:
    """Change of px, py and delta per metre, (N, 3)."""
    after = pj.track(STEP, beam, effects=[effect])
    return np.asarray(after.numpy()[:, [1, 3, 5]] / 1e-3)


def test_a_long_uniform_bunch_is_a_coasting_beam() -> None:
    """Of the same particles at all z, so that both see one density."""
    across = 3e-3 * ndtri(qmc.Sobol(2, seed=1).random(4096).clip(1e-4, 1 - 1e-4))
    # every one of them at 64 places, which no two have in common
    phase = np.random.default_rng(1).permutation(len(across)) / len(across)
    z = ((np.arange(64)[:, None] + phase) / 64 * 20 - 10).ravel()
    current = CHARGE / 20 * PROTON.beta * c
    flat = kicks(pj.SpaceCharge(BOX, 1.0), bunch(across, across[:, 0], current=current))[:, :2]
    long = bunch(np.tile(across, (64, 1)), z, charge=CHARGE)
    found = kicks(SpaceCharge2p5D(BOX, 32, 1.0), long).reshape(64, -1, 3)[12:-12]
    size = np.sqrt((flat**2).mean())
    text = "a long bunch by slices is a coasting beam: kicks of rms"
    error = off(found[..., :2], np.broadcast_to(flat, found[..., :2].shape)) / size
    claim("Space charge", text, "the coasting beam", error, 1e-3)
    assert np.abs(found[..., 2]).max() < 1e-4 * size


def parabola(radius: float, half: float, count: int) -> pj.Beam:
    """A parabolic bunch of a half length, round and uniform; a row without charge on the axis."""
    shares = qmc.Sobol(3, seed=2).random(count)
    size, angle = radius * np.sqrt(shares[:, 0]), 2 * np.pi * shares[:, 1]
    across = np.stack([size * np.cos(angle), size * np.sin(angle)], 1)
    # the share up to z = u half is (2 + 3 u - u^3) / 4
    z = 2 * half * np.sin(np.arcsin(2 * shares[:, 2] - 1) / 3)
    row = np.linspace(-0.5, 0.5, 25) * half
    across, z = np.vstack([across, np.zeros((25, 2))]), np.append(z, row)
    weights = torch.ones(len(z), dtype=torch.float64)
    weights[count:] = 0.0
    return bunch(across, z, charge=CHARGE * len(z) / count).replace(weights=weights)


@pytest.mark.parametrize("wider", [1.0, 1.3])
def test_longitudinal_kick_is_that_of_the_line_density(wider: float) -> None:
    """In a square pipe, or one that is wider than that of the solver by a factor.

    On the axis g = 1 + 2 ln(b / a), with b the conformal radius of the square, of side s:
    4 sqrt(pi) s / Gamma(1/4)^2 (G. Polya, G. Szego, Isoperimetric Inequalities, 1951).
    """
    radius, half = 5e-3, 3.0
    beam = parabola(radius, half, 2**17)
    effect = SpaceCharge2p5D(BOX, 32, 1.0, wall=math.log(wider))
    found, z = kicks(effect, beam)[-25:, 2], beam.numpy()[-25:, 4]
    b = wider * 4 * math.sqrt(math.pi) * 0.04 / gamma(0.25) ** 2
    g = 1 + 2 * math.log(b / radius)
    slope = -1.5 * CHARGE * z / half**3  # of the line density 3 (1 - u^2) / (4 half)
    field = -g / (4 * math.pi * epsilon_0 * PROTON.gamma**2) * slope
    expected = e * field / (PROTON.beta**2 * PROTON.gamma * m_p * c**2)
    text = "longitudinal kick of a parabolic bunch in a square pipe, of the largest"
    claim("Space charge", text, "g factor in closed form", of_largest(found, expected), 1e-3)


@pytest.mark.parametrize("assignment", ["bspline", "quadratic"])
def test_keeps_the_promises_of_effects(assignment: str) -> None:
    rows = np.random.default_rng(0).normal(size=(400, 6)) * [2e-3, 1e-3, 1.5e-3, 1e-3, 0.5, 1e-3]
    beam = pj.Beam(pj.Reference.from_kinetic("proton", 3e7), rows, charge=1e-8)
    lattice = pj.Lattice([pj.Quadrupole(0.2, 2.0, name="q"), pj.Drift(0.4, name="d")])
    box = pj.SpectralPoisson((0.014, 0.014), (24, 24), assignment)
    effect = SpaceCharge2p5D(box, 24, 0.2, balanced=True)
    check_effect(effect, beam, lattice, knobs=["scale", "wall"])


def test_longitudinal_action_is_reaction() -> None:
    draw = np.random.default_rng(0)
    beam = bunch(2e-3 * draw.normal(size=(20_000, 2)), draw.normal(size=20_000), charge=CHARGE)
    effect = SpaceCharge2p5D(BOX, 32, 1.0)
    plain, balanced = (kicks(dataclasses.replace(effect, balanced=b), beam) for b in (False, True))
    largest = np.abs(plain[:, 2]).max()
    assert abs(plain[:, 2].mean()) > 1e-7 * largest
    assert abs(balanced[:, 2].mean()) < 1e-15 * largest
    assert np.abs(balanced - plain)[:, 2].max() < 1e-3 * largest
    across = np.abs(balanced - plain)[:, :2].max()
    assert across < 1e-12 * np.abs(plain[:, :2]).max()


def test_a_network_stands_in_for_the_solver() -> None:
    beam = parabola(5e-3, 3.0, 2**12)
    network = pj.surrogate.ResidualNetwork.small(BOX, seed=0)
    one, other = (kicks(SpaceCharge2p5D(p, 16, 1.0), beam) for p in (BOX, network))
    assert np.isfinite(other).all()
    assert np.abs(one - other).max() < 0.5 * np.abs(one).max()


def test_densities_are_solved_at_once() -> None:
    box = pj.SpectralPoisson((0.014, 0.01), (10, 12))
    shape = 3, *box.mesh.grid.padded_shape
    several = torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    each = torch.stack([box.solve(one) for one in several])
    torch.testing.assert_close(box.solve(several), each, rtol=1e-13, atol=0)
    inputs = several.requires_grad_()
    assert gradcheck(box.solve, inputs, check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(box.solve, inputs, fast_mode=True)


def test_without_response_the_field_stands_still() -> None:
    beam = parabola(5e-3, 3.0, 2**10)
    still = SpaceCharge2p5D(BOX, 16, 1.0, response=False)
    for effect in (still, dataclasses.replace(still, response=True)):
        found = pj.gradient(
            lambda b: (b.coordinate("px") * b.coordinate("x")).sum(), STEP, beam,
            wrt=["beam.charge"], effects=[effect],
        )  # fmt: skip
        assert found[0] > 0
    rows = beam.coordinates.clone().requires_grad_()
    after = pj.track(STEP, beam.replace(coordinates=rows), effects=[still])
    (slope,) = torch.autograd.grad(after.coordinate("delta")[-1], rows)
    assert slope[:-1].abs().max() == 0
    assert slope[-1, 4] != 0


def test_what_it_cannot_be_right_for() -> None:
    rows = parabola(5e-3, 3.0, 2**10).coordinates
    effect = SpaceCharge2p5D(BOX, 32)
    coasting = pj.Beam(PROTON, rows, current=1.0)
    with pytest.raises(InvalidValueError, match=r"SpaceCharge2p5D acts on a bunch.* 1 A"):
        pj.track(STEP, coasting, effects=[effect])
    with pytest.raises(InvalidValueError, match="larger than the space-charge box"):
        pj.track(STEP, pj.Beam(PROTON, 10 * rows, charge=1e-9), effects=[effect])
    few = pj.Beam(PROTON, rows[:100], charge=1e-9)
    with pytest.warns(ResolutionWarning, match=r"100 particles are few for 32 cells"):
        pj.track(STEP, few, effects=[effect])
    peaked = rows.clone()
    peaked[1:, 4] *= 0.01
    with pytest.warns(ResolutionWarning, match=r"sizes are, in cells, z 1\.8"):
        pj.track(STEP, pj.Beam(PROTON, peaked, charge=1e-9), effects=[effect])


@pytest.mark.parametrize(
    ("name", "value"),
    [("potential", 1.0), ("cells", 4), ("max_step", 0.0), ("scale", "1"), ("wall", None),
     ("response", 1)],
)  # fmt: skip
def test_settings_that_cannot_be(name: str, value: object) -> None:
    with pytest.raises(InvalidValueError, match=name if name != "max_step" else "step"):
        SpaceCharge2p5D(**{name: value})  # type: ignore[arg-type]
