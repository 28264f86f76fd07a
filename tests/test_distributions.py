"""Distributions: their moments, their shapes by statistical tests, and how they repeat."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

import pyjutrack as pj

KINDS = ("gaussian", "kv", "waterbag", "uniform")
TWISS = pj.optics.Twiss(beta_x=0.8, alpha_x=-1.5, beta_y=3.0, alpha_y=0.7)
SIZES = (2e-6, 5e-7)  # geometric rms emittances


@pytest.fixture
def draw(proton: pj.Reference) -> Callable[..., pj.Beam]:
    def make(kind: str, particles: int = 20_000, **changes: object) -> pj.Beam:
        options: dict[str, object] = {"twiss": TWISS, "emittance": SIZES, "seed": 5}
        options.update(changes)
        return getattr(pj.distributions, kind)(proton, particles, **options)

    return make


def actions(beam: pj.Beam) -> tuple[np.ndarray, np.ndarray]:
    """Courant-Snyder invariants over the rms emittance, from the Twiss functions asked for."""
    x, px, y, py, _, _ = beam.numpy().T
    found = []
    for u, p, beta, alpha, size in (
        (x, px, TWISS.beta_x, TWISS.alpha_x, SIZES[0]),
        (y, py, TWISS.beta_y, TWISS.alpha_y, SIZES[1]),
    ):
        gamma = (1 + alpha**2) / beta
        found.append((gamma * u**2 + 2 * alpha * u * p + beta * p**2) / size)
    return found[0], found[1]


def sigma_matrix() -> np.ndarray:
    sigma = np.zeros((4, 4))
    for i, (beta, alpha, size) in enumerate(
        ((TWISS.beta_x, TWISS.alpha_x, SIZES[0]), (TWISS.beta_y, TWISS.alpha_y, SIZES[1]))
    ):
        block = [[beta, -alpha], [-alpha, (1 + alpha**2) / beta]]
        sigma[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = size * np.array(block)
    return sigma


def moment_error(beam: pj.Beam) -> float:
    """Largest error of the second moments, each in units of the two rms sizes it joins."""
    c = beam.numpy()[:, :4]
    sigma = sigma_matrix()
    unit = np.sqrt(np.outer(np.diag(sigma), np.diag(sigma)))
    return float(np.abs((c.T @ c / len(c) - sigma) / unit).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quiet", [False, True])
def test_second_moments_are_those_asked_for(draw: Callable, kind: str, quiet: bool) -> None:
    beam = draw(kind, 2**15, quiet=quiet)
    # random: 5 standard deviations of a Gaussian's variance estimate
    assert moment_error(beam) < (1e-3 if quiet else 5 * math.sqrt(2 / 2**15))
    assert np.abs(beam.numpy()[:, :4].mean(0) / np.sqrt(np.diag(sigma_matrix()))).max() < 0.03
    assert (beam.numpy()[:, 4:] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_normalised_emittance_is_divided_by_beta_gamma(draw: Callable, kind: str) -> None:
    beam = draw(kind)
    factor = beam.reference.beta_gamma
    other = draw(kind, emittance=None, normalized_emittance=[factor * e for e in SIZES])
    np.testing.assert_allclose(other.numpy(), beam.numpy(), rtol=1e-13)


def test_kv_lies_on_the_surface_of_a_4d_ellipsoid(draw: Callable) -> None:
    ax, ay = actions(draw("kv"))
    np.testing.assert_allclose(ax + ay, 4.0, rtol=1e-12)
    # equal areas on the sphere: either invariant is uniform
    assert stats.kstest(ax / 4, "uniform").pvalue > 1e-3


def test_kv_is_uniform_in_the_projection_to_x_and_y(draw: Callable) -> None:
    x, _, y, *_ = draw("kv").numpy().T
    rho = x**2 / (4 * SIZES[0] * TWISS.beta_x) + y**2 / (4 * SIZES[1] * TWISS.beta_y)
    assert rho.max() <= 1 + 1e-12
    assert stats.kstest(rho, "uniform").pvalue > 1e-3


def test_waterbag_fills_its_ellipsoid_as_r_to_the_fourth(draw: Callable) -> None:
    ax, ay = actions(draw("waterbag"))
    radius = np.sqrt((ax + ay) / 6)  # <x^2> of the unit 4-ball is 1/6
    assert radius.max() <= 1 + 1e-12
    assert stats.kstest(radius, lambda r: np.clip(r, 0, 1) ** 4).pvalue > 1e-3
    assert stats.kstest(radius, lambda r: np.clip(r, 0, 1) ** 3).pvalue < 1e-9  # the test has power


def test_uniform_fills_each_ellipse_evenly_and_independently(draw: Callable) -> None:
    ax, ay = (a / 4 for a in actions(draw("uniform")))
    assert max(ax.max(), ay.max()) <= 1 + 1e-12
    assert stats.kstest(ax, "uniform").pvalue > 1e-3
    assert stats.kstest(ay, "uniform").pvalue > 1e-3
    assert stats.pearsonr(ax, ay).pvalue > 1e-3


def test_gaussian_invariants_are_exponential_and_independent(draw: Callable) -> None:
    ax, ay = actions(draw("gaussian"))
    assert stats.kstest(ax / 2, "expon").pvalue > 1e-3
    assert stats.kstest(ay / 2, "expon").pvalue > 1e-3
    assert stats.pearsonr(ax, ay).pvalue > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_phases_are_uniform(draw: Callable, kind: str) -> None:
    c = draw(kind).numpy()
    for i, (beta, alpha) in enumerate(
        ((TWISS.beta_x, TWISS.alpha_x), (TWISS.beta_y, TWISS.alpha_y))
    ):
        u, p = c[:, 2 * i], c[:, 2 * i + 1]
        phase = np.arctan2(alpha * u + beta * p, u) / (2 * np.pi) + 0.5
        assert stats.kstest(phase, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_quiet_beams_converge_faster_than_random_ones(draw: Callable, kind: str) -> None:
    def error(particles: int, quiet: bool) -> float:
        seeds = range(12)
        return float(
            np.mean([moment_error(draw(kind, particles, quiet=quiet, seed=s)) for s in seeds])
        )

    def order(quiet: bool) -> float:
        return math.log(error(2**7, quiet) / error(2**13, quiet)) / math.log(2**6)

    assert 0.35 < order(quiet=False) < 0.65  # one over the square root
    assert order(quiet=True) > 0.75
    assert error(2**13, True) < 0.2 * error(2**13, False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quiet", [False, True])
def test_seeds(draw: Callable, kind: str, quiet: bool) -> None:
    first, same, other = (draw(kind, 1000, quiet=quiet, seed=s).numpy() for s in (5, 5, 6))
    np.testing.assert_array_equal(first, same)
    assert (first[:, :4] != other[:, :4]).mean() > 0.99


def test_spreads_in_z_and_delta(draw: Callable) -> None:
    c = draw("gaussian", sigma_z=0.3, sigma_delta=1e-3).numpy()
    assert stats.kstest(c[:, 4] / 0.3, "norm").pvalue > 1e-3
    assert stats.kstest(c[:, 5] / 1e-3, "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(c.T) - np.eye(6))[4:, :].max() < 0.03


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("particles", [1, 3, 1000])
def test_any_number_of_particles(draw: Callable, quiet: bool, particles: int) -> None:
    beam = draw("gaussian", particles, quiet=quiet, current=4.0)
    assert len(beam) == particles
    assert beam.current == 4.0
    assert np.isfinite(beam.numpy()).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"particles": 0}, "particles must be a whole number of 1"),
        ({"particles": 10.5}, "particles must be a whole number of 1"),
        ({"emittance": None}, "exactly one of emittance and normalized_emittance"),
        ({"normalized_emittance": (1e-6, 1e-6)}, "exactly one of"),
        ({"emittance": (1e-6, -1e-6)}, "emittance must be"),
        ({"emittance": (1e-6, math.nan)}, "emittance must be"),
        ({"emittance": (1e-6, 1e-6, 1e-6)}, "emittance must be two"),
        ({"emittance": 1e-6}, "emittance must be two"),
        ({"sigma_delta": -1.0}, "sigma_delta must be"),
        ({"current": -1.0}, "current must be"),
        ({"twiss": pj.optics.Twiss(-1.0, 0.0, 1.0, 0.0)}, "beta must be positive"),
    ],
)
def test_bad_input_is_named(draw: Callable, changes: dict, message: str) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        draw("gaussian", **changes)


def test_a_momentum_spread_follows_the_dispersion() -> None:
    """The dispersion is the slope of the orbit by delta; what is left has the emittance."""
    reference = pj.Reference.from_kinetic("proton", 1e9)
    at = pj.optics.Twiss(
        3.0, -0.5, 2.0, 0.3, dispersion_x=1.5, dispersion_px=-0.2, dispersion_y=0.1
    )
    beam = pj.distributions.gaussian(
        reference, 20_000, twiss=at, emittance=(1e-6, 2e-6), sigma_delta=1e-3, quiet=True
    )
    c = beam.numpy()
    slopes = c[:, :4].T @ c[:, 5] / (c[:, 5] @ c[:, 5])
    np.testing.assert_allclose(slopes, [1.5, -0.2, 0.1, 0.0], atol=0.02)
    c[:, :4] -= np.outer(c[:, 5], [1.5, -0.2, 0.1, 0.0])
    assert np.sqrt(np.linalg.det(np.cov(c[:, :2].T))) == pytest.approx(1e-6, rel=1e-2)
