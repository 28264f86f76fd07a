"""Robust losses: their weights, and fits to data with wild points."""

from __future__ import annotations

import numpy as np
import pytest
from twin_cases import LINEAR, linear, measured, scan, small, unknowns

import pyjutrack as pj
from pyjutrack.twin import Measurements, Unknown, calibrate
from pyjutrack.twin.robust_losses import LOSSES, find_loss

TRUE = np.array([1e-4, -2e-4, 5e-5, 3e-4])


@pytest.mark.parametrize("name", LOSSES)
def test_weights_are_slopes_over_residuals(name: str) -> None:
    loss = find_loss(name)
    r = np.array([-30.0, -2.0, -1.0, -0.3, 1e-3, 0.7, 1.3, 1.4, 2.4, 50.0])
    slope = (loss.value(r + 1e-6) - loss.value(r - 1e-6)) / 2e-6
    np.testing.assert_allclose(loss.weight(r) * r, slope, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(loss.value(1e-3 * r), 0.5e-6 * r**2, rtol=3e-3)
    assert loss.weight(np.zeros(1)) == 1


@pytest.mark.parametrize("name", LOSSES)
def test_a_cost_is_what_its_weights_add_up_to(name: str) -> None:
    """From zero to far out, by quadrature of r weight(r): the two belong together everywhere."""
    loss = find_loss(name)
    r = np.linspace(0.0, 20.0, 200_001)
    slope = loss.weight(r) * r
    summed = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * (r[1] - r[0]))])
    np.testing.assert_allclose(loss.value(r), summed, rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(loss.value(-r), loss.value(r))


def test_no_such_loss() -> None:
    with pytest.raises(pj.errors.UnknownNameError, match="'huberr'; did you mean 'huber'"):
        find_loss("huberr")


def wild(shots: int = 10) -> Measurements:
    """Shots of the linear toy, one in 20 of their readings off by 100 sigma."""
    pairs = zip(LINEAR, TRUE.tolist(), strict=True)
    hidden = linear().replace(unknowns=tuple(Unknown(a, value=v) for a, v in pairs))
    data = measured(hidden, [{}] * shots)
    readings = {n: r.copy() for n, r in data.readings.items()}
    draw = np.random.default_rng(4)
    for place in draw.choice(9 * shots, round(0.05 * 9 * shots), replace=False):
        shot, figure = divmod(int(place), 9)
        readings[sorted(readings)[figure // 3]][shot, figure % 3] += 1e-3
    return Measurements(data.settings, readings)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.MisfitWarning")  # of the plain one
@pytest.mark.parametrize("method", ["gauss-newton", "adam"])
def test_wild_points(method: str) -> None:
    pull, data = {}, wild(10 if method == "gauss-newton" else 4)
    for loss in LOSSES if method == "gauss-newton" else ("gaussian", "cauchy"):
        found = calibrate(
            linear(),
            data,
            unknowns(1e-3),
            loss=loss,
            method=method,
            held_out=0,
            max_steps=50 if method == "gauss-newton" else 60,
            rate=0.05,
            shots=4,
        )
        pull[loss] = np.abs((found.values - TRUE) / found.sigma).max()
    assert pull.pop("gaussian") > 6
    assert max(pull.values()) < 3.5


def test_held_out_shots_are_judged_by_the_loss() -> None:
    data = wild()
    robust = calibrate(linear(), data, unknowns(1e-3), loss="cauchy", held_out=0.5)
    assert robust.history[-1].held_out < 6 < robust.mean_square(held_out=True)
    off = np.concatenate([r[list(robust.held_out)].ravel() for r in robust.residuals().values()])
    loss = 2 * find_loss("cauchy").value(off).mean()
    assert min(s.held_out for s in robust.history) == pytest.approx(loss, rel=1e-6)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.MisfitWarning")  # of the plain one
def test_a_robust_fit_of_a_line() -> None:
    data = measured(small(unknowns=(Unknown("q1.k1", relative=True, value=0.05),)), scan(4))
    readings = {n: r.copy() for n, r in data.readings.items()}
    readings["end.wire_x"][:2, 14] = 0.3  # sparks
    wanted = [Unknown(f"q{i}.k1", prior=0.1, relative=True) for i in (1, 2)]
    spoilt = Measurements(data.settings, readings)
    plain, robust = (
        calibrate(small(), spoilt, wanted, loss=loss, held_out=0) for loss in ("gaussian", "cauchy")
    )
    assert abs(robust.values[0] - 0.05) < 3 * robust.sigma[0]
    assert abs(plain.values[0] - 0.05) > 3 * abs(robust.values[0] - 0.05)
