"""Slopes of readings by unknowns of every kind: forward mode against differences and reverse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from twin_cases import LINEAR, SPLINE, design, linear, measured, scan, small, unknowns, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Measurements, Unknown, calibrate
from pyjutrack.twin.residuals import Residuals, join_values, readings_and_slopes, split_values

KINDS = (
    Unknown("q1.k1", relative=True, value=0.01),
    Unknown("q2.k1", value=-0.2),
    Unknown("q2.dx", value=2e-4),
    Unknown("beam.beta_x", relative=True, value=0.05),
    Unknown("beam.current", relative=True, value=0.1),
    Unknown("effects[0].perveance_scale", value=-0.1),
    Unknown("field.weights", value=torch.linspace(-1, 1, SPLINE.count, dtype=torch.float64)),
)
INSTRUMENTS = (
    *wires(),
    dg.Screen("end", size=(0.02, 0.02), shape=(10, 12), resolution=1e-3, noise=1e-3),
    dg.BeamSize("q2", noise=1e-5),
    dg.BeamPosition("end", noise=1e-5),
    dg.LossCount(
        "end", opening=pj.Aperture(half_width=4e-3, half_height=4e-3), smoothing=1e-3, noise=1e-3
    ),
)
TWIN = small(instruments=INSTRUMENTS).replace(unknowns=KINDS)
NAMES = [d.name for d in INSTRUMENTS]
LABELS = [label for u in TWIN.unknowns for label in u.labels]
VECTOR = join_values(TWIN.unknowns)


def readings(vector: torch.Tensor) -> torch.Tensor:
    read = TWIN.read({"q1.k1": 19.0, "q2.k1": -21.0}, split_values(vector, TWIN.unknowns), NAMES)
    return torch.cat([read[n].reshape(-1) for n in NAMES])


@pytest.fixture(scope="module")
def slopes() -> np.ndarray:
    settings = {"q1.k1": 19.0, "q2.k1": -21.0}
    values, found = readings_and_slopes(TWIN, settings, VECTOR, NAMES)
    with torch.no_grad():
        plain = readings(torch.from_numpy(VECTOR))
    np.testing.assert_allclose(values, plain.numpy(), rtol=0, atol=1e-14)
    return found


@pytest.mark.parametrize("index", range(8), ids=LABELS[:8])
def test_slopes_are_those_of_central_differences(slopes: np.ndarray, index: int) -> None:
    step = 1e-4 * max(abs(VECTOR[index]), 0.1)
    if "dx" in LABELS[index]:
        step = 1e-7
    shift = np.zeros_like(VECTOR)
    shift[index] = step
    with torch.no_grad():
        up, down = (readings(torch.from_numpy(VECTOR + s * shift)).numpy() for s in (1, -1))
    found = (up - down) / (2 * step)
    assert np.abs(slopes[:, index]).max() > 0
    np.testing.assert_allclose(slopes[:, index], found, rtol=0, atol=1e-5 * np.abs(found).max())


def test_slopes_are_those_of_reverse_mode(slopes: np.ndarray) -> None:
    leaf = torch.from_numpy(VECTOR.copy()).requires_grad_()
    read = readings(leaf)
    draw = torch.Generator().manual_seed(3)
    for _ in range(4):
        row = torch.randn(len(read), generator=draw, dtype=torch.float64)
        (found,) = torch.autograd.grad(read, leaf, row, retain_graph=True)
        wanted = row.numpy() @ slopes
        np.testing.assert_allclose(found.numpy(), wanted, rtol=0, atol=1e-9 * abs(wanted).max())


def test_slopes_of_a_linear_machine_are_those_by_hand() -> None:
    twin = linear().replace(unknowns=tuple(unknowns(1.0)))
    names = [d.name for d in twin.diagnostics]
    values, found = readings_and_slopes(twin, {"c2.hkick": 1e-4}, np.zeros(4), names)
    np.testing.assert_allclose(found, design(), rtol=0, atol=1e-7)
    np.testing.assert_allclose(values, 1e-4 * design()[:, LINEAR.index("c2.hkick")], atol=1e-11)


def test_many_unknowns_are_pushed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"q1.k1": 19.0, "q2.k1": -21.0}
    _, whole = readings_and_slopes(TWIN, settings, VECTOR, NAMES)
    monkeypatch.setattr("pyjutrack.twin.residuals._TOGETHER", 5)
    _, parts = readings_and_slopes(TWIN, settings, VECTOR, NAMES)
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-12 * abs(whole).max())


def test_residuals_count_what_is_not_masked() -> None:
    data = measured(small(), scan(2))
    used = np.ones((2, 24), dtype=bool)
    used[0, :10] = False
    name = "end.wire_x"
    masked = Measurements(data.settings, data.readings, {name: 2e-3}, {name: used})
    twin = small(unknowns=KINDS)
    off, slopes = Residuals(twin, masked).with_slopes(VECTOR)
    assert off.shape == (2 * 48 - 10,)
    assert slopes.shape == (86, len(VECTOR))
    np.testing.assert_allclose(off, Residuals(twin, masked).at(VECTOR), rtol=0, atol=1e-11)
    predicted = twin.predict(data.settings[0])[name]
    np.testing.assert_allclose(off[:14], ((predicted - data.readings[name][0]) / 2e-3)[10:])


def test_readings_in_a_scale_of_their_own_are_compared_at_its_sum() -> None:
    """By hand, for the residuals of a shot, which reverse mode uses, and for those with slopes.

    The wire sees a part of the beam, so that no sum is one.
    """
    name = "end.wire_x"
    model = small(instruments=[dg.WireScanner("end", width=6e-3, bins=24, noise=1e-3)])
    counts = measured(model, scan(2))
    readings = {name: 500.0 * counts.readings[name]}
    data = Measurements(counts.settings, readings, {name: 2.0}, scaled=[name])
    residuals = Residuals(model.replace(unknowns=KINDS), data)
    off, _ = residuals.with_slopes(VECTOR)
    for index, settings in enumerate(data.settings):
        read, counted = residuals.twin.predict(settings)[name], readings[name][index]
        assert 0.2 < read.sum() < 0.98
        wanted = (read * counted.sum() / read.sum() - counted) / 2.0
        found = residuals.shot(index, torch.from_numpy(VECTOR)).numpy()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-8)
        np.testing.assert_allclose(off[24 * index : 24 * (index + 1)], wanted, rtol=0, atol=1e-8)


def test_a_slope_that_is_not_finite_is_named() -> None:
    class Root(dg.BeamPosition):
        """The root of |x|, whose slope on the axis is infinite."""

        def read(self, beam: pj.Beam) -> torch.Tensor:
            return super().read(beam).abs().sqrt()

    twin = linear().replace(diagnostics=(Root("end", noise=1e-5),))
    data = Measurements([{}, {}], {"end.position": np.full((2, 2), 1e-2)})
    with pytest.raises(
        pj.errors.TrainingError, match=r"shot 0 have no finite slope by c1.hkick at 0;"
    ):
        calibrate(twin, data, unknowns(1e-4), held_out=0)
