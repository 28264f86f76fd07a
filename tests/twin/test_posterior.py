"""Posteriors of fits: against closed forms of linear least squares, and by repetition."""

from __future__ import annotations

import numpy as np
import pytest
from twin_cases import LINEAR, design, linear, measured, scan, small, unknowns

import pyjutrack as pj
from pyjutrack.twin import Measurements, Twin, Unknown, calibrate
from pyjutrack.twin.posterior import describe_direction, laplace

TRUE = np.array([1e-4, -2e-4, 5e-5, 3e-4])
NOISE = 1e-5


def shots(count: int = 3) -> list[dict[str, float]]:
    return [{"c2.hkick": 1e-5 * i} for i in range(count)]


def hidden(true: np.ndarray = TRUE) -> Twin:
    pairs = zip(LINEAR, true.tolist(), strict=True)
    return linear().replace(unknowns=tuple(Unknown(a, value=v) for a, v in pairs))


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.MisfitWarning")  # of a narrow prior
@pytest.mark.parametrize("priors", [[np.inf] * 4, [1e-4, np.inf, 2e-6, 1e-4]], ids=["none", "some"])
def test_a_linear_fit_is_least_squares(priors: list[float]) -> None:
    data = measured(hidden(), shots())
    wanted = [Unknown(a, prior=p) for a, p in zip(LINEAR, priors, strict=True)]
    found = calibrate(linear(), data, wanted, held_out=0)
    # rows of the readings, and one of each prior
    names = [d.name for d in linear().diagnostics]
    rows, right = [], []
    for i, settings in enumerate(data.settings):
        bare = design() @ np.array([0, settings["c2.hkick"], 0, 0])
        rows.append(design() / NOISE)
        right.append((np.concatenate([data.readings[n][i] for n in names]) - bare) / NOISE)
    finite = np.isfinite(priors)
    rows.append(np.diag(1 / np.array(priors))[finite])
    right.append(np.zeros(finite.sum()))
    a, b = np.concatenate(rows), np.concatenate(right)
    best = np.linalg.lstsq(a, b, rcond=None)[0]
    covariance = np.linalg.inv(a.T @ a)
    sigma = np.sqrt(np.diagonal(covariance))
    np.testing.assert_allclose(found.values, best, rtol=0, atol=1e-4 * sigma.min())
    np.testing.assert_allclose(found.posterior.covariance, covariance, rtol=1e-5, atol=1e-17)
    np.testing.assert_allclose(found.sigma, sigma, rtol=1e-6)
    assert found["c2.hkick"] == (found.values[1], found.sigma[1])
    root = np.linalg.cholesky(found.posterior.covariance)
    assert np.abs(root @ root.T / np.outer(sigma, sigma) - found.posterior.correlation).max() < 1e-6
    # what it predicts elsewhere is as uncertain as the linear model says
    read, error = found.predict({"c2.hkick": 1e-3})
    spread = np.sqrt(np.einsum("mp,pq,mq->m", design(), covariance, design()))
    np.testing.assert_allclose(np.concatenate([error[n] for n in names]), spread, rtol=1e-4)
    assert read.keys() == error.keys()


@pytest.mark.slow  # what a fit of this toy finds is compared with its closed form above
def test_intervals_hold_what_they_promise() -> None:
    """95 % intervals of a linear toy, true values drawn from the prior: 160 of them, 40 fits."""
    inside, pulls = 0, []
    for seed in range(40):
        true = 1e-4 * np.random.default_rng((1, seed)).standard_normal(4)
        data = measured(hidden(true), shots(2), seed=seed)
        found = calibrate(linear(), data, unknowns(1e-4), held_out=0)
        pulls.append((found.values - true) / found.sigma)
    pull = np.concatenate(pulls)
    inside = int((np.abs(pull) < 1.96).sum())
    # binomial, 160 at 95 %: 152 +- 2.8
    assert 143 <= inside <= 159
    # chi square of 160: 160 +- 18
    assert 110 < (pull**2).sum() < 215


def test_a_sum_that_alone_is_measured_is_named() -> None:
    lattice = pj.Lattice(
        [
            pj.Drift(0.2, name="d1"),
            pj.Multipole(knl=(0.0, 1.0), name="m1"),
            pj.Multipole(knl=(0.0, 1.0), name="m2"),
            pj.Drift(0.9, name="d3"),
            pj.Marker(name="end"),
        ]
    )
    twin = small(lattice=lattice, effects=())
    settings = [{"m1.knl[1]": 1.0 + 0.2 * i} for i in range(4)]
    data = measured(twin, settings)
    wanted = [Unknown("m1.knl[1]"), Unknown("m2.knl[1]"), Unknown("beam.beta_x", relative=True)]
    with pytest.warns(pj.errors.IdentifiabilityWarning) as said:
        found = calibrate(twin, data, wanted, held_out=0)
    (message,) = (str(w.message) for w in said)
    assert "do not determine 1 of 3 directions" in message
    assert "1 m1.knl[1] -1 m2.knl[1])" in message
    assert "measure at more settings, or give them priors" in message
    assert np.isinf(found.sigma[:2]).all()
    assert 0 < found.sigma[2] < 0.1
    # the readings depend on the sum alone, and are as certain as ever
    error = found.predict(settings[0])[1]
    assert max(e.max() for e in error.values()) < 1e-2
    # the sum is found, and a prior splits it
    assert found.values[0] + found.values[1] == pytest.approx(0.0, abs=0.1)
    split = calibrate(twin, data, [Unknown(u.address, prior=1.0) for u in wanted], held_out=0)
    assert split.sigma[0] == pytest.approx(0.5**0.5, rel=0.1)


def test_fewer_readings_than_unknowns() -> None:
    data = measured(linear(places=("c2",)), shots(1))
    with pytest.warns(pj.errors.IdentifiabilityWarning, match=r"3 readings .* 2 of 4 .*c2.hkick"):
        found = calibrate(linear(places=("c2",)), data, unknowns(np.inf), held_out=0)
    # x = c1 + x0, y = c1: only the vertical kick is known
    assert np.isfinite(found.sigma).tolist() == [False, False, True, False]
    assert np.isfinite(found.posterior.correlation).sum() == 1
    # what is not known cannot be predicted
    ahead = found.replace(twin=found.twin.replace(diagnostics=linear().diagnostics))
    error = ahead.predict()[1]
    assert np.isfinite(error["c2.position"]).all()
    assert np.isinf(error["end.position"]).all()


def test_laplace_of_scales_far_apart() -> None:
    draw = np.random.default_rng(0)
    scales = np.array([1e-9, 1.0, 1e9])
    slopes = draw.standard_normal((20, 3)) / scales
    found = laplace(slopes, np.zeros(3))
    unit = np.linalg.inv((slopes * scales).T @ (slopes * scales))
    np.testing.assert_allclose(found.covariance / np.outer(scales, scales), unit, rtol=1e-9)
    assert len(found.blind) == 0


def test_directions_in_words() -> None:
    assert describe_direction(np.array([0.6, 0.01, -0.8]), ["a", "b", "c"]) == "1 c -0.75 a"


def test_correlations_of_a_real_line() -> None:
    data = measured(small(), scan(3))
    wanted = [Unknown(f"q{i}.k1", prior=0.1, relative=True) for i in (1, 2)]
    found = calibrate(small(), data, wanted, held_out=0)
    correlation = found.posterior.correlation
    np.testing.assert_allclose(np.diagonal(correlation), 1.0)
    assert abs(correlation[0, 1]) < 1
    assert (found.sigma < 0.1).all()
    # the slopes at the best, by differences
    step, columns = 1e-5, []
    for i in range(2):
        shifted = []
        for sign in (1, -1):
            values = found.values + sign * step * np.eye(2)[i]
            twin = small(
                unknowns=tuple(
                    Unknown(u.address, relative=True, value=float(v))
                    for u, v in zip(wanted, values, strict=True)
                )
            )
            shifted.append(np.concatenate([v.ravel() for v in found.predict_shots(twin).values()]))
        columns.append((shifted[0] - shifted[1]) / (2 * step * 1e-3))
    jacobian = np.stack(columns, 1)
    covariance = np.linalg.inv(jacobian.T @ jacobian + np.eye(2) / 0.1**2)
    np.testing.assert_allclose(found.posterior.covariance, covariance, rtol=1e-4)


def test_no_posterior_of_a_measurement_that_masks_all() -> None:
    data = Measurements(
        [{}, {}],
        {"end.position": np.zeros((2, 3))},
        used={"end.position": np.array([[True] * 3, [False] * 3])},
    )
    with pytest.raises(pj.errors.InvalidValueError, match="readings of the shots are masked"):
        calibrate(linear(), data, unknowns(1e-4), held_out=[0])
