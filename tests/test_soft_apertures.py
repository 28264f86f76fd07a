"""A slit with soft edges: slopes of what passes it in closed form, bias, and noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from soft_aperture_cases import SIGMA, slit_line

import pyjutrack as pj
from pyjutrack import diagnostics as dg

#: d<x>/d(kick) of the particles that a sharp slit of half width sigma lets through, by the kick in
#: units of sigma: the variance of a truncated normal distribution
SHARP = {0.0: 0.2911251, 0.3: 0.2871311}


def _after_the_slit(shift: float, smoothing: float) -> tuple[float, float]:
    """Mean of x in units of sigma, and its slope by the shift, of a Gaussian beam; closed form.

    Y = X + s Z passes the slit, X is observed: E[X|Y] is linear in Y, of which there is the mean of
    a truncated normal distribution.
    """
    wide = math.hypot(1.0, smoothing)
    share = 1 / wide**2
    a, b = (-1 - shift) / wide, (1 - shift) / wide
    inside = norm.cdf(b) - norm.cdf(a)
    mean = (norm.pdf(a) - norm.pdf(b)) / inside
    variance = 1 + (a * norm.pdf(a) - b * norm.pdf(b)) / inside - mean**2
    return shift + share * wide * mean, 1 - share + share * variance


@pytest.fixture(scope="module")
def quantiles(proton: pj.Reference) -> pj.Beam:
    """A beam whose x are the quantiles of a Gaussian, so that sums are integrals."""
    c = np.zeros((20000, 6))
    c[:, 0] = SIGMA * norm.ppf((np.arange(len(c)) + 0.5) / len(c))
    return pj.Beam(proton, torch.tensor(c))


@pytest.mark.parametrize("shift", [0.0, 0.3])
@pytest.mark.parametrize("way", ["store", "checkpoint", "reversible", "forward", "twin"])
def test_slope_of_the_survivors_of_a_slit(quantiles: pj.Beam, shift: float, way: str) -> None:
    smoothing = 0.1
    lattice = slit_line(shift, smoothing)
    if way == "twin":
        kick = torch.tensor(shift * SIGMA, dtype=torch.float64, requires_grad=True)
        twin = pj.Twin(lattice, quantiles, (dg.BeamPosition("m"),))
        reading = twin.read({"k.hkick": kick})["m.position"][0]
        (found,) = torch.autograd.grad(reading, kick)
        value, slope = float(reading.detach()), float(found)
    else:
        mode, adjoint = ("forward", "auto") if way == "forward" else ("reverse", way)
        value, (slope,) = pj.value_and_gradient(
            pj.observables.centroid("x"),
            *(lattice, quantiles),
            wrt=["k.hkick"],
            mode=mode,
            adjoint=adjoint,
        )
    mean, right = _after_the_slit(shift, smoothing)
    assert value == pytest.approx(mean * SIGMA, abs=1e-6 * SIGMA)
    assert slope == pytest.approx(right, abs=1e-6)
    # the stated error against the sharp edge
    assert abs(slope - SHARP[shift]) < 0.5 * smoothing**2
    sharp, _ = _after_the_slit(shift, 0.0)
    assert abs(value / SIGMA - sharp) < 0.5 * smoothing**2


def test_the_error_is_of_second_order_in_the_smoothing(quantiles: pj.Beam) -> None:
    off = []
    for smoothing in (0.1, 0.05):
        slope = pj.gradient(
            pj.observables.centroid("x"), slit_line(0.3, smoothing), quantiles, wrt=["k.hkick"]
        )
        off.append(float(slope[0]) - SHARP[0.3])
    assert off[0] / off[1] == pytest.approx(4.0, abs=0.1)
    assert off[0] == pytest.approx(0.47 * 0.1**2, rel=0.02)


def test_the_noise_of_a_slope_falls_with_particles_and_smoothing(proton: pj.Reference) -> None:
    """Only particles near an edge tell the slope: its rms is 0.54 / sqrt(N smoothing / size)."""
    count, smoothing = 2000, 0.1
    rng = np.random.default_rng(7)
    slopes = []
    for _ in range(60):
        c = np.zeros((count, 6))
        c[:, 0] = SIGMA * rng.normal(size=count)
        beam = pj.Beam(proton, torch.tensor(c))
        lattice = slit_line(0.0, smoothing)
        slopes.append(pj.gradient(pj.observables.centroid("x"), lattice, beam, wrt=["k.hkick"])[0])
    expected = 0.54 / math.sqrt(count * smoothing)
    # 60 draws tell an rms to 9 %
    assert 0.7 < np.std(slopes) / expected < 1.3
    assert abs(np.mean(slopes) - _after_the_slit(0.0, smoothing)[1]) < 4 * expected / 60**0.5


def test_a_particle_of_which_nothing_is_left_is_lost_without_a_warning(
    proton: pj.Reference,
) -> None:
    start = torch.zeros(3, 6, dtype=torch.float64)
    start[1, 0], start[2, 0] = 1.05e-3, 2e-3
    beam = pj.Beam(proton, start.requires_grad_())
    end = pj.track(slit_line(0.0, 0.1), beam)
    assert end.alive.tolist() == [True, True, False]
    assert end.weights.tolist() == [1.0, pytest.approx(norm.sf(0.5)), 0.0]
    assert torch.isfinite(torch.autograd.grad(pj.moments.sizes(end)[0], start)[0]).all()


def test_a_test_particle_passes_or_does_not(proton: pj.Reference, cell: pj.Lattice) -> None:
    soft = pj.Aperture(half_width=1e-3, smoothing=1e-4, name="soft")
    lattice = pj.Lattice([*cell, soft])
    for at in ([0.0] * 6, [1e-4, 0, 0, 0, 0, 0]):
        expected = pj.jacobian(cell, proton, at=at)
        np.testing.assert_allclose(pj.jacobian(lattice, proton, at=at), expected, atol=1e-13)
    with pytest.raises(pj.errors.ParticleLostError):
        pj.jacobian(lattice, proton, at=[5e-3, 0, 0, 0, 0, 0])
    assert pj.twiss(lattice, proton).beta_x == pytest.approx(pj.twiss(cell, proton).beta_x)
