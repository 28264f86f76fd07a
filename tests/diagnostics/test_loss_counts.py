"""Counts of lost particles: those of tracking, and their expectation at a smooth edge."""

import numpy as np
import pytest
import torch
from reading_cases import BEAM, RACETRACK
from scipy.stats import norm

import pyjutrack as pj
from pyjutrack import diagnostics as dg


def test_a_plain_count_is_of_all_particles():
    reading = dg.LossCount("m").read(BEAM)
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
