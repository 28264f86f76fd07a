"""Outputs and slopes at one point and at many, for Xopt, which is not needed here."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import numpy as np
import pytest
from examples_loader import load_example
from xopt_cases import OUTPUTS, POINT, beam, by_hand, cell, effects, slopes_by_hand

import pyjutrack as pj
from pyjutrack.xopt import evaluation
from pyjutrack.xopt.evaluation import Evaluation, slope_column

WITH_CURRENT = POINT | {"beam.current": 150.0}


def make(**options: Any) -> Evaluation:
    return Evaluation(cell(), beam(), OUTPUTS, tuple(effects()), **options)


@pytest.mark.parametrize("slopes", [(), ("growth",), ("growth", "size")])
def test_one_point(slopes: tuple[str, ...]) -> None:
    found = make(slopes=slopes).evaluate(WITH_CURRENT)
    assert (found["growth"], found["size"]) == pytest.approx(by_hand(WITH_CURRENT), rel=1e-10)
    assert len(found) == 2 + 3 * len(slopes)
    assert all(isinstance(value, float) for value in found.values())


def test_slopes_are_those_of_what_is_made_anew() -> None:
    found = make(slopes=("growth",)).evaluate(WITH_CURRENT)
    for name, slope in slopes_by_hand(WITH_CURRENT).items():
        assert found[slope_column("growth", name)] == pytest.approx(slope, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("slopes", [(), ("growth",)])
def test_many_points_are_each_as_alone(slopes: tuple[str, ...]) -> None:
    """Of effects too: each setting's own current, and its own initial beam."""
    columns = {
        "q1.k1": [28.0, 29.5, 31.0],
        "q2.k1": [-29.0, -30.0, -28.5],
        "beam.current": [50.0, 150.0, 250.0],
    }
    evaluation = make(slopes=slopes)
    found = evaluation.evaluate(columns)
    assert {value.shape for value in found.values()} == {(3,)}
    for n in range(3):
        point = {name: values[n] for name, values in columns.items()}
        alone = evaluation.evaluate(point)
        assert (alone["growth"], alone["size"]) == pytest.approx(by_hand(point), rel=1e-9)
        for name, values in found.items():
            assert values[n] == pytest.approx(alone[name], rel=1e-9, abs=1e-13)


def test_many_points_are_one_tracking(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    track = pj.xopt.evaluation.track

    def counted(*args: Any, **options: Any) -> pj.Beam:
        calls.append(args)
        return track(*args, **options)

    monkeypatch.setattr(pj.xopt.evaluation, "track", counted)
    make().evaluate({name: [value] * 4 for name, value in POINT.items()})
    assert len(calls) == 1


def test_a_knob_that_moves_no_particle_has_all_settings() -> None:
    """A current without effects: the beam at the end is the same for each."""
    evaluation = Evaluation(cell(), beam(), {"size": OUTPUTS["size"]})
    found = evaluation.evaluate({"beam.current": [100.0, 200.0]})["size"]
    np.testing.assert_array_equal(found, found[0])
    assert found.shape == (2,)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ({"q9.k1": 1.0}, pj.errors.UnknownNameError, "q9.k1"),
        ({"q*.k1": 1.0}, pj.errors.UnknownNameError, r"q\*.k1"),
        ({}, pj.errors.InvalidValueError, "knob"),
        ({"q1.k1": "much"}, pj.errors.InvalidValueError, "q1.k1 must be a number"),
        ({"q1.k1": [29.0, np.nan]}, pj.errors.InvalidValueError, "q1.k1 must be finite"),
        ({"q1.k1": [29.0, 30.0], "q2.k1": [1.0] * 3}, pj.errors.InvalidValueError, "q2.k1"),
    ],
)
def test_inputs_that_are_refused(inputs: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make().evaluate(inputs)


def test_arguments_that_are_refused() -> None:
    with pytest.raises(pj.errors.UnknownNameError, match="grwth"):
        make(slopes=("grwth",))
    with pytest.raises(pj.errors.InvalidValueError, match="outputs"):
        Evaluation(cell(), beam(), {})
    with pytest.raises(pj.errors.InvalidValueError, match="objective"):
        Evaluation(cell(), beam(), {"size": pj.observables.size})
    with pytest.raises(pj.errors.InvalidValueError, match="turns"):
        make(turns=0)


def test_it_can_be_sent_to_a_process() -> None:
    sent = pickle.loads(pickle.dumps(make().evaluate))
    assert sent(POINT) == make().evaluate(POINT)


def test_it_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xopt", None)
    with pytest.raises(pj.errors.MissingPackageError, match="pip install xopt"):
        pj.xopt.evaluator(cell(), beam(), OUTPUTS)
    with pytest.raises(pj.errors.MissingPackageError, match="pip install xopt"):
        pj.xopt.gradient_generator(None)
    with pytest.raises(pj.errors.MissingPackageError, match="pip install xopt"):
        load_example("xopt_search").main(["--particles=100"])


def test_points_of_more_particles_than_memory_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are tracked some at a time."""
    points = {"q1.k1": np.linspace(28.0, 30.0, 5), "beam.current": np.linspace(100.0, 200.0, 5)}
    wanted, counts, track = make().evaluate(points), [], evaluation.track

    def noted(lattice: pj.Lattice, *args: Any, **given: Any) -> pj.Beam:
        end = track(lattice, *args, **given)
        counts.append(end.coordinates[..., 0, 0].numel())
        return end

    monkeypatch.setattr(evaluation, "track", noted)
    monkeypatch.setattr(evaluation, "_HELD", 2 * 500 * 6 * 8)
    found = make().evaluate(points)
    assert counts == [2, 2, 1]
    for name, values in wanted.items():
        assert found[name] == pytest.approx(values, rel=1e-12)
