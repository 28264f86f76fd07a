"""Moments where formulas that cancel fail: lines, points, single precision, no particles, NaN."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg

Figure = Callable[[pj.Beam], torch.Tensor]
MOMENTS: dict[str, Figure] = {
    "centroid": pj.moments.centroid,
    "covariance": pj.moments.covariance,
    "sizes": pj.moments.sizes,
    "emittance": pj.moments.emittance,
    "monitor": lambda b: dg.BeamSize("end").read(b),
}


def beam_of(rows: object, dtype: torch.dtype = torch.float64, **more: object) -> pj.Beam:
    reference = pj.Reference.from_kinetic("proton", 1e9)
    return pj.Beam(reference, torch.as_tensor(np.asarray(rows)).to(dtype), **more)  # type: ignore[arg-type]


def on_a_line(seed: int, particles: int = 2000) -> np.ndarray:
    """px proportional to x, with a centre far from the axis."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((particles, 6))
    rows[:, 0] = rng.normal(rng.normal(0, 1e-2), 1e-3, particles)
    rows[:, 1] = rng.normal() * rows[:, 0]
    return rows


@pytest.mark.parametrize("seed", range(20))
def test_the_emittance_of_a_line_is_zero(seed: int) -> None:
    rows = on_a_line(seed)
    beam = beam_of(rows)
    assert float(pj.moments.emittance(beam)) <= 1e-14 * float(
        pj.moments.sizes(beam)[0] * pj.moments.sizes(beam)[1]
    )
    leaf = beam.coordinates.clone().requires_grad_()
    (slope,) = torch.autograd.grad(pj.moments.emittance(beam.replace(coordinates=leaf)), leaf)
    assert (slope == 0).all()


@pytest.mark.parametrize("particles", [1, 7, 1000, 200_000])
def test_equal_numbers_have_no_size_and_no_emittance(particles: int) -> None:
    beam = beam_of(np.full((particles, 6), [0.1, 1 / 3, 0.7, 1e-3, 3.3, 0.0]))
    assert (pj.moments.sizes(beam) == 0).all()
    assert float(pj.moments.emittance(beam)) == 0
    wide = beam_of(np.c_[np.linspace(-1, 1, particles), np.full((particles, 5), 0.1)])
    assert float(pj.moments.emittance(wide)) == 0


@pytest.mark.parametrize("ratio", [1e-3, 1e-6, 1e-9])
def test_small_emittances_of_long_ellipses_keep_their_digits(ratio: float) -> None:
    """px = s x + ratio y, x and y orthogonal: the emittance is ratio <x^2>^(1/2) <y^2>^(1/2)."""
    turn = 2 * np.pi * np.arange(1000) / 1000
    x, y = np.cos(turn), np.sin(turn)
    rows = np.zeros((1000, 6))
    rows[:, 0], rows[:, 1] = x, 0.75 * x + ratio * y
    # the rounding of px and of the line below it, a few 1e-16, over what is left
    assert float(pj.moments.emittance(beam_of(rows))) == pytest.approx(ratio / 2, rel=1e-15 / ratio)


def test_the_slope_of_an_emittance_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(50, 6)) + rng.normal(size=6)
    alive = torch.as_tensor(rng.random(50) > 0.2)
    beam = beam_of(rows, alive=alive)

    def by_definition(c: torch.Tensor) -> torch.Tensor:
        u, p = (c[alive, i] - c[alive, i].mean() for i in (0, 1))
        return ((u * u).mean() * (p * p).mean() - (u * p).mean() ** 2).sqrt()

    leaf = beam.coordinates.clone().requires_grad_()
    (ours,) = torch.autograd.grad(pj.moments.emittance(beam.replace(coordinates=leaf)), leaf)
    (theirs,) = torch.autograd.grad(by_definition(leaf), leaf)
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-14)


def test_single_precision_sums_in_double() -> None:
    """After 500 m, the emittance of float32 coordinates; the truth is NumPy's in double."""
    rng = np.random.default_rng(1)
    rows = np.zeros((100_000, 6))
    rows[:, 0], rows[:, 1] = rng.normal(0, 1e-3, 100_000), rng.normal(0, 1e-3, 100_000)
    rows[:, 0] += 500 * rows[:, 1]
    beam = beam_of(rows, torch.float32)
    kept = beam.coordinates.double().numpy()
    truth = np.cov(kept[:, :2].T, bias=True)
    assert float(pj.moments.emittance(beam)) == pytest.approx(
        np.sqrt(np.linalg.det(truth)), rel=1e-6
    )
    np.testing.assert_allclose(pj.moments.covariance(beam)[:2, :2], truth, rtol=2e-7)
    np.testing.assert_allclose(pj.moments.sizes(beam)[:2], np.sqrt(truth.diagonal()), rtol=2e-7)
    for figure in MOMENTS.values():
        assert figure(beam).dtype == torch.float32


def test_many_particles_in_single_precision() -> None:
    """A mean of a million whose spread is a thousandth of it."""
    rows = np.zeros((1_000_000, 6))
    rows[:, 0] = 1 + 1e-3 * np.where(np.arange(1_000_000) % 2, 1, -1)
    beam = beam_of(rows, torch.float32)
    spread = beam.coordinates[:2, 0].double()
    assert float(pj.moments.sizes(beam)[0]) == pytest.approx(
        float(spread[1] - spread[0]) / 2, rel=1e-6
    )


@pytest.mark.parametrize("name", MOMENTS)
def test_moments_of_no_particle_are_nan(name: str) -> None:
    rows = np.random.default_rng(0).normal(size=(2, 40, 6))
    alive = torch.ones(2, 40, dtype=torch.bool)
    alive[1] = False
    leaf = torch.as_tensor(rows).requires_grad_()
    found = MOMENTS[name](beam_of(rows, alive=alive).replace(coordinates=leaf))
    assert torch.isfinite(found[0]).all()
    assert torch.isnan(found[1]).all()
    (slope,) = torch.autograd.grad(found[0].sum(), leaf)
    assert torch.isfinite(slope).all()
    alone = MOMENTS[name](beam_of(rows[0]))
    torch.testing.assert_close(found[0], alone, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", MOMENTS)
def test_a_live_particle_with_a_nan_makes_moments_nan(name: str) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 6))
    rows[3] = np.nan
    assert torch.isnan(MOMENTS[name](beam_of(rows))).all()
    kept = torch.ones(40, dtype=torch.bool)
    kept[3] = False
    assert torch.isfinite(MOMENTS[name](beam_of(rows, alive=kept))).all()


def test_more_particles_than_are_summed_at_once() -> None:
    rows = np.random.default_rng(2).normal(size=(150_001, 6)) @ np.diag([1, 2, 3, 4, 5, 6.0])
    beam = beam_of(rows)
    np.testing.assert_allclose(
        pj.moments.covariance(beam), np.cov(rows.T, bias=True), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(pj.moments.sizes(beam), rows.std(0), rtol=1e-12)
    np.testing.assert_allclose(pj.moments.centroid(beam), rows.mean(0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MOMENTS)
def test_the_backward_pass_does_not_fill_the_beam_once_a_chunk(name: str) -> None:
    """The backward pass of a slice makes zeros of the size of the whole, for each chunk."""
    coordinates = torch.randn(300_000, 6, dtype=torch.float64).requires_grad_()
    beam = pj.Beam(pj.Reference.from_kinetic("proton", 1e9), coordinates)
    waiting, seen = [MOMENTS[name](beam).sum().grad_fn], set()
    slices = 0
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            slices += "Slice" in type(node).__name__
            waiting += [n for n, _ in node.next_functions]
    assert len(seen) > 10
    assert slices <= 3
