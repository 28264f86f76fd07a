"""Measurements: what is wrong with them is said by name, with a remedy."""

from __future__ import annotations

import numpy as np
import pytest
from twin_cases import small, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Measurements, Unknown, calibrate

X, Y = "end.wire_x", "end.wire_y"
SETTINGS = [{"q1.k1": 20.0}, {"q1.k1": 21.0}, {"q1.k1": 22.0}]


def profiles() -> np.ndarray:
    return np.exp(-0.5 * (np.arange(24) - np.array([[11.2], [11.9], [12.4]])) ** 2 / 9)


def test_shots_of_them() -> None:
    used = np.ones((3, 24), dtype=bool)
    used[2, :4] = False
    by_shot = np.array([[1e-3], [2e-3], [3e-3]])
    data = Measurements(
        SETTINGS, {X: profiles(), Y: profiles()}, {X: by_shot, Y: np.full(24, 5e-3)}, {X: used}
    )
    part = data.shots([2, 0])
    assert [s["q1.k1"] for s in part.settings] == [22.0, 20.0]
    np.testing.assert_array_equal(part.readings[X], profiles()[[2, 0]])
    assert part.used[X].sum() == 44
    errors = part.errors(small())
    assert errors[X][:, 0].tolist() == [3e-3, 1e-3]
    assert errors[Y].shape == (2, 24)
    assert len(data) == 3


def test_errors_come_from_the_diagnostic_if_they_are_not_given() -> None:
    lists = Measurements(SETTINGS, {X: profiles().tolist()}, {X: [[1e-3]] * 3})
    assert lists.errors(small())[X].max() == 1e-3
    assert Measurements(SETTINGS, {X: profiles()}).errors(small())[X].min() == wires()[0].noise


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_found_and_can_be_masked(bad: float) -> None:
    reading = profiles()
    reading[1, 7] = bad
    with pytest.raises(pj.InvalidValueError, match=r"end.wire_x, shot 1, pixel \(7,\) .* used="):
        Measurements(SETTINGS, {X: reading})
    Measurements(SETTINGS, {X: reading}, used={X: np.isfinite(reading)})


def test_masked_readings_may_have_any_error() -> None:
    reading, sigma = profiles(), np.full((3, 24), 1e-3)
    reading[1, 7] = sigma[1, 7] = np.nan
    sigma[0, 0], used = 0.0, np.isfinite(reading)
    used[0, 0] = False
    data = Measurements(SETTINGS, {X: reading}, {X: sigma}, {X: used})
    for method in ("gauss-newton", "adam"):
        found = calibrate(small(), data, [Unknown("q1.k1", prior=1.0)], method=method, max_steps=1)
        assert np.isfinite(found.values).all()
        off = found.residuals()[X]
        assert np.isnan(off[~used]).all()
        assert np.isfinite(off[used]).all()


def test_saturation_is_found_and_can_be_masked() -> None:
    reading = np.minimum(profiles(), 0.9)
    with pytest.raises(
        pj.InvalidValueError, match=r"end.wire_x, shot 0 is saturated: 3 readings are 0\.9.*used="
    ):
        Measurements(SETTINGS, {X: reading})
    Measurements(SETTINGS, {X: reading}, used={X: reading < 0.9})


def test_a_coarse_scale_is_no_saturation() -> None:
    u = np.linspace(-3, 3, 60)
    image = np.round(20 * np.exp(-(u[:, None] ** 2 + u**2) / 2))
    assert (image == image.max()).sum() >= 3
    Measurements([{}], {"screen": image[None]})
    cut = np.minimum(image, 15)
    with pytest.raises(pj.InvalidValueError, match=r"screen, shot 0 is saturated"):
        Measurements([{}], {"screen": cut[None]})


def test_every_shot_says_every_setting() -> None:
    with pytest.raises(pj.InvalidValueError, match=r"shot 1 does not say how q1.k1 was set"):
        Measurements([SETTINGS[0], {}], {X: profiles()[:2]})
    with pytest.raises(pj.InvalidValueError, match=r"shot 1: q1.k1 was set to nan"):
        Measurements([SETTINGS[0], {"q1.k1": np.nan}], {X: profiles()[:2]})
    with pytest.raises(pj.InvalidValueError, match="there are no shots"):
        Measurements([], {X: profiles()})


def test_shapes() -> None:
    with pytest.raises(pj.InvalidValueError, match=r"end.wire_x have shape \(2, 24\).* 3 shots"):
        Measurements(SETTINGS, {X: profiles()[:2]})
    with pytest.raises(pj.InvalidValueError, match="no readings; give those of one diagnostic"):
        Measurements(SETTINGS, {})
    with pytest.raises(pj.InvalidValueError, match=r"mask of end.wire_x has shape \(24,\)"):
        Measurements(SETTINGS, {X: profiles()}, used={X: np.ones(24, dtype=bool)})
    with pytest.raises(pj.InvalidValueError, match="readings of the shots are masked"):
        Measurements(SETTINGS, {X: profiles()}, used={X: np.zeros((3, 24), dtype=bool)})
    with pytest.raises(pj.UnknownNameError, match=r"'end.wire_z'; did you mean 'end.wire_x'"):
        Measurements(SETTINGS, {X: profiles()}, {"end.wire_z": 1e-3})
    coarse = Measurements(SETTINGS, {X: profiles()[:, ::2]})
    with pytest.raises(pj.InvalidValueError, match=r"\(12,\) a shot.*\(24,\).*Profiles.on"):
        coarse.errors(small())
    broad = Measurements(SETTINGS, {X: profiles()}, {X: np.ones(7)})
    with pytest.raises(pj.InvalidValueError, match=r"sigma of end.wire_x has shape \(7,\)"):
        broad.errors(small())


def test_names_and_errors_must_fit_the_twin() -> None:
    with pytest.raises(pj.UnknownNameError, match=r"'end.wire'; did you mean 'end.wire_"):
        calibrate(small(), Measurements(SETTINGS, {"end.wire": profiles()}), [Unknown("q1.k1")])
    for sigma in (0.0, -1.0, np.nan):
        data = Measurements(SETTINGS, {X: profiles()}, {X: sigma})
        with pytest.raises(pj.InvalidValueError, match=r"end.wire_x, shot 0.*positive.*sigma=\{"):
            calibrate(small(), data, [Unknown("q1.k1")])
    silent = small(instruments=[dg.BeamPosition("end")])
    data = Measurements(SETTINGS, {"end.position": np.zeros((3, 2))})
    with pytest.raises(pj.InvalidValueError, match=r"got 0\.0.*noise= to the diagnostic"):
        calibrate(silent, data, [Unknown("q1.k1")])
    data = Measurements([{"q1.k7": 1.0}] * 3, {X: profiles()})
    with pytest.raises(pj.UnknownNameError, match=r"'q1.k7'"):
        calibrate(small(), data, [Unknown("q1.k1")])
