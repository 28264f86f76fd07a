"""Twins as models of lume-base: inputs and outputs, what is refused, and the package missing."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from live_cases import small

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import lume_model

SETTINGS = ["q1.k1", "q2.k1"]


@pytest.fixture(scope="module")
def twin() -> pj.Twin:
    return small()


@pytest.fixture
def model(twin: pj.Twin) -> Any:
    pytest.importorskip("lume")
    return lume_model(twin, {"q1.k1": (15.0, 25.0), "q2.k1": None})


def assert_reads(model: Any, readings: dict[str, Any]) -> None:
    found = model.get(list(readings))
    for name, reading in readings.items():
        np.testing.assert_array_equal(found[name], reading)


def test_it_reads_what_the_twin_predicts(model: Any, twin: pj.Twin) -> None:
    assert_reads(model, twin.predict())
    model.set({"q1.k1": 21.0})
    model.set({"q2.k1": -19.0})
    both = {"q1.k1": 21.0, "q2.k1": -19.0}
    assert model.get(SETTINGS) == both
    assert_reads(model, twin.predict(both))
    assert not np.array_equal(model.get_value("middle.position"), twin.predict()["middle.position"])
    model.reset()
    assert model.get(SETTINGS) == {"q1.k1": 20.0, "q2.k1": -20.0}
    assert_reads(model, twin.predict())


def test_variables_say_what_may_be_set(model: Any, twin: pj.Twin) -> None:
    variables = model.supported_variables
    assert list(variables) == [*SETTINGS, *(d.name for d in twin.diagnostics)]
    assert [n for n, v in variables.items() if not v.read_only] == SETTINGS
    assert variables["q1.k1"].value_range == (15.0, 25.0)
    assert variables["q1.k1"].default_value == 20.0
    for diagnostic in twin.diagnostics:
        assert variables[diagnostic.name].shape == diagnostic.shape


@pytest.mark.parametrize(
    "values",
    [
        {"q1.k1": 26.0},
        {"q1.k1": float("nan")},
        {"q2.k1": float("inf")},
        {"q2.k1": "strong"},
        {"q3.k1": 1.0},
        {"q2.k1": -19.0, "q1.k1": 26.0},
    ],
)
def test_what_cannot_be_changes_nothing(model: Any, values: dict[str, Any]) -> None:
    before = model.get(list(model.supported_variables))
    with pytest.raises((ValueError, TypeError)):
        model.set(values)
    assert_reads(model, before)


def test_tracking_that_fails_changes_nothing(twin: pj.Twin) -> None:
    pytest.importorskip("lume")
    model = lume_model(twin, ["q1.k1", "beam.current"])
    before = model.get(list(model.supported_variables))
    with pytest.raises(pj.errors.InvalidValueError, match=r"beam\.current"):
        model.set({"q1.k1": 21.0, "beam.current": -1.0})
    assert_reads(model, before)


def test_readings_that_are_one_number(twin: pj.Twin) -> None:
    pytest.importorskip("lume")
    model = lume_model(twin.replace(diagnostics=[dg.LossCount("end")]), SETTINGS)
    (name,) = set(model.supported_variables) - set(SETTINGS)
    assert type(model.get_value(name)) is float


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ([], "without settings"),
        ("q1.k1", "list of addresses"),
        (["field.weights"], "one number"),
        (["q3.k1"], "q3"),
        ({"q1.k1": (21.0, 25.0)}, "as designed"),
        ({"q1.k1": (25.0, 15.0)}, "smallest <= largest"),
        ({"q1.k1": (15.0, float("nan"))}, "range of q1.k1"),
        ({"q1.k1": 20.0}, "range of q1.k1"),
        ([1.0], "each entry of settings"),
        (None, "list of addresses"),
    ],
)
def test_models_that_cannot_be(twin: pj.Twin, settings: Any, told: str) -> None:
    pytest.importorskip("lume")
    with pytest.raises(pj.PyJuTrackError, match=told):
        lume_model(twin, settings)


def test_no_twin() -> None:
    pytest.importorskip("lume")
    with pytest.raises(pj.errors.InvalidValueError, match="twin must be a twin"):
        lume_model("twin.safetensors", SETTINGS)  # type: ignore[arg-type]


def test_a_name_of_two_things_is_refused(twin: pj.Twin) -> None:
    pytest.importorskip("lume")
    named = twin.replace(diagnostics=[dg.BeamPosition("end", name="q1.k1")])
    with pytest.raises(pj.errors.InvalidValueError, match="a setting and a diagnostic"):
        lume_model(named, SETTINGS)


def test_without_the_package(twin: pj.Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lume.model", None)
    with pytest.raises(pj.errors.MissingPackageError, match=r"\.\[lume\]"):
        lume_model(twin, SETTINGS)
