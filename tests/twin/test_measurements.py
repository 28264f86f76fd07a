"""Measurements: what is wrong with them is said by name, with a remedy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from twin_cases import scan, small, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Measurements, Unknown, calibrate
from pyjutrack.twin.residuals import Residuals

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
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"end.wire_x, shot 1, pixel \(7,\) .* used="
    ):
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
        pj.errors.InvalidValueError,
        match=r"end.wire_x, shot 0 is saturated: 3 readings are 0\.9.*used=",
    ):
        Measurements(SETTINGS, {X: reading})
    Measurements(SETTINGS, {X: reading}, used={X: reading < 0.9})


def test_a_coarse_scale_is_no_saturation() -> None:
    u = np.linspace(-3, 3, 60)
    image = np.round(20 * np.exp(-(u[:, None] ** 2 + u**2) / 2))
    assert (image == image.max()).sum() >= 3
    Measurements([{}], {"screen": image[None]})
    cut = np.minimum(image, 15)
    with pytest.raises(pj.errors.InvalidValueError, match=r"screen, shot 0 is saturated"):
        Measurements([{}], {"screen": cut[None]})


def test_every_shot_says_every_setting() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"shot 1 does not say how q1.k1 was set"):
        Measurements([SETTINGS[0], {}], {X: profiles()[:2]})
    with pytest.raises(pj.errors.InvalidValueError, match=r"shot 1: q1.k1 was set to nan"):
        Measurements([SETTINGS[0], {"q1.k1": np.nan}], {X: profiles()[:2]})
    with pytest.raises(pj.errors.InvalidValueError, match="there are no shots"):
        Measurements([], {X: profiles()})


def test_shapes() -> None:
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"end.wire_x have shape \(2, 24\).* 3 shots"
    ):
        Measurements(SETTINGS, {X: profiles()[:2]})
    with pytest.raises(
        pj.errors.InvalidValueError, match="no readings; give those of one diagnostic"
    ):
        Measurements(SETTINGS, {})
    with pytest.raises(pj.errors.InvalidValueError, match=r"mask of end.wire_x has shape \(24,\)"):
        Measurements(SETTINGS, {X: profiles()}, used={X: np.ones(24, dtype=bool)})
    with pytest.raises(pj.errors.InvalidValueError, match="readings of the shots are masked"):
        Measurements(SETTINGS, {X: profiles()}, used={X: np.zeros((3, 24), dtype=bool)})
    with pytest.raises(
        pj.errors.UnknownNameError, match=r"'end.wire_z'; did you mean 'end.wire_x'"
    ):
        Measurements(SETTINGS, {X: profiles()}, {"end.wire_z": 1e-3})
    coarse = Measurements(SETTINGS, {X: profiles()[:, ::2]})
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"\(12,\) a shot.*\(24,\).*Profiles.rebin"
    ):
        coarse.errors(small())
    broad = Measurements(SETTINGS, {X: profiles()}, {X: np.ones(7)})
    with pytest.raises(pj.errors.InvalidValueError, match=r"sigma of end.wire_x has shape \(7,\)"):
        broad.errors(small())


def test_names_and_errors_must_fit_the_twin() -> None:
    with pytest.raises(pj.errors.UnknownNameError, match=r"'end.wire'; did you mean 'end.wire_"):
        calibrate(small(), Measurements(SETTINGS, {"end.wire": profiles()}), [Unknown("q1.k1")])
    for sigma in (0.0, -1.0, np.nan):
        data = Measurements(SETTINGS, {X: profiles()}, {X: sigma})
        with pytest.raises(
            pj.errors.InvalidValueError, match=r"end.wire_x, shot 0.*positive.*sigma=\{"
        ):
            calibrate(small(), data, [Unknown("q1.k1")])
    silent = small(instruments=[dg.BeamPosition("end")])
    data = Measurements(SETTINGS, {"end.position": np.zeros((3, 2))})
    with pytest.raises(pj.errors.InvalidValueError, match=r"got 0\.0.*noise= to the diagnostic"):
        calibrate(silent, data, [Unknown("q1.k1")])
    data = Measurements([{"q1.k7": 1.0}] * 3, {X: profiles()})
    with pytest.raises(pj.errors.UnknownNameError, match=r"'q1.k7'"):
        calibrate(small(), data, [Unknown("q1.k1")])


def test_clipped_profiles_are_compared_over_what_is_left() -> None:
    """A plateau is masked, and the twin's profile normalised over the same bins."""
    real = small(unknowns=[Unknown("q1.k1", relative=True, value=0.05)])
    shots = scan(4)
    twin = small()
    found = {}
    for clip in (np.inf, 0.08):
        taken = []
        for wire in wires():
            read = np.stack([real.predict(s)[wire.name] for s in shots])
            profiles = dg.Profiles(
                np.minimum(1e5 * read, 1e5 * clip),
                (wire.axes[0].centres,),
                wire.labels,
                tuple(shots),
                wire.name,
            )
            taken.append(profiles.without_saturation("mask"))
        data = Measurements.from_profiles(taken, twin)
        found[clip] = calibrate(
            twin, data, [Unknown("q1.k1", prior=0.2, relative=True)], held_out=0
        )
        assert all(m.all() for m in data.used.values()) == np.isinf(clip)
    for fit in found.values():
        assert fit["q1.k1"][0] == pytest.approx(0.05, abs=fit["q1.k1"][1])
        assert fit.mean_square() < 0.05
    predicted = found[0.08].predict_shots()
    data = found[0.08].data
    for name, used in data.used.items():
        ours, theirs = (np.where(used, a[name], 0.0).sum(1) for a in (predicted, data.readings))
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_slopes_of_scaled_readings() -> None:
    """Forward mode against differences, and against reverse."""
    reading = 1e4 * profiles()
    used = np.ones(reading.shape, dtype=bool)
    used[1, 9:14] = False
    used[2] = False
    data = Measurements(SETTINGS, {X: reading, Y: profiles()}, used={X: used}, scaled=[X])
    twin = small(unknowns=[Unknown("q1.k1", value=0.3), Unknown("beam.x", value=2e-4)])
    residuals = Residuals(twin, data)
    vector = np.array([0.3, 2e-4])
    off, slopes = residuals.with_slopes(vector)
    np.testing.assert_allclose(off, residuals.at(vector), rtol=0, atol=1e-9 * np.abs(off).max())
    for i, step in enumerate((1e-4, 1e-8)):
        shift = step * np.eye(2)[i]
        difference = (residuals.at(vector + shift) - residuals.at(vector - shift)) / (2 * step)
        np.testing.assert_allclose(slopes[:, i], difference, atol=1e-5 * np.abs(difference).max())
    leaf = torch.from_numpy(vector).requires_grad_()
    pulled, at = np.zeros(2), 0
    for shot in range(3):
        r = residuals.shot(shot, leaf)
        (part,) = torch.autograd.grad(r, leaf, torch.from_numpy(off[at : at + len(r)]))
        pulled, at = pulled + part.numpy(), at + len(r)
    np.testing.assert_allclose(pulled, off @ slopes, rtol=1e-9)


def test_profiles_of_other_shots_are_refused() -> None:
    x, y = wires()
    shots = tuple(scan(2))
    one = dg.Profiles(profiles()[:2], (x.axes[0].centres,), ("x",), shots, x.name)
    with pytest.raises(pj.errors.InvalidValueError, match="does not say of which diagnostic"):
        Measurements.from_profiles([one.replace(name="")], small())
    with pytest.raises(pj.errors.UnknownNameError, match="wire_q"):
        Measurements.from_profiles([one.replace(name="end.wire_q")], small())
    other = one.replace(name=y.name, labels=("y",), settings=shots[::-1])
    with pytest.raises(pj.errors.InvalidValueError, match="not taken at the same settings"):
        Measurements.from_profiles([one, other], small())
    with pytest.raises(pj.errors.InvalidValueError, match="a list of Profiles"):
        Measurements.from_profiles([x], small())  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": {"q1.k1": [20.0]}}, "settings must be a list of shots"),
        ({"readings": [profiles()]}, "readings must be a dict"),
        ({"sigma": 1e-3}, "sigma must be a dict"),
        ({"settings": [{"q1.k1": "20,5"}] * 3}, "shot 0: q1.k1 must be a number, got '20,5'"),
        ({"settings": ["q1.k1"] * 3}, "settings of shot 0 must be a dict"),
        ({"readings": {X: [[1.0], [1.0, 2.0], [1.0]]}}, "readings of end.wire_x must be an array"),
        ({"readings": {X: -profiles()}, "scaled": [X]}, "shot 0 has a sum of -"),
    ],
)
def test_what_is_no_measurement(changes: dict[str, object], message: str) -> None:
    given = {"settings": SETTINGS, "readings": {X: profiles()}} | changes
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        Measurements(**given)


def test_scales_of_what_is_not_read_are_refused() -> None:
    with pytest.raises(pj.errors.UnknownNameError, match="wire_q"):
        Measurements(SETTINGS, {X: profiles()}, scaled=["wire_q"])
