"""Stepping a twin: quickly by programs, the same numbers as slowly by autograd's operators."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from live_cases import scan, small

import pyjutrack as pj
from pyjutrack.tracking.end import End
from pyjutrack.tracking.loop import Run


def slowly(twin: pj.Twin, settings: dict[str, float]) -> dict[str, np.ndarray]:
    """With a setting that asks for a derivative, tracking takes the other way."""
    asked = {
        a: torch.tensor(v, dtype=torch.float64, requires_grad=True) for a, v in settings.items()
    }
    return {n: r.detach().numpy() for n, r in twin.read(asked).items()}


@pytest.mark.parametrize("settings", scan(3))
def test_a_step_is_what_tracking_gives(settings: dict[str, float]) -> None:
    twin = small()
    expected = slowly(twin, settings)
    for name, reading in twin.predict(settings).items():
        np.testing.assert_allclose(reading, expected[name], rtol=0, atol=1e-13)


def test_a_step_goes_by_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []

    class Watched(Run):
        def end(self) -> End:
            runs.append(self)
            return super().end()

    monkeypatch.setattr("pyjutrack.tracking.loop.Run", Watched)
    small().predict({"q1.k1": 18.0, "beam.x": 1e-4})
    assert [run.compiled for run in runs] == [True]  # one, with an eye on the middle


def test_what_does_not_depend_on_settings_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = []
    monkeypatch.setattr(pj.SpaceCharge, "check", lambda self, beam: checks.append(self))
    twin = small()
    made = len(checks)
    for settings in scan(4):
        twin.predict(settings)
    assert 1 <= made == len(checks)


def test_steps_leave_no_trace() -> None:
    twin = small()
    first = twin.predict({"q1.k1": 18.0})
    twin.predict({"q1.k1": 22.0, "field.strength": 0.0, "beam.current": 0.0})
    again = twin.predict({"q1.k1": 18.0})
    for name, reading in first.items():
        np.testing.assert_array_equal(again[name], reading)


def test_threads_share_a_twin() -> None:
    twin, settings = small(), scan(24)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(twin.predict, settings))
    for asked, readings in zip(settings, together, strict=True):
        for name, reading in twin.predict(asked).items():
            # the parts in which densities are added up may differ
            np.testing.assert_allclose(readings[name], reading, rtol=0, atol=1e-14)


def test_an_impossible_beam_is_refused_at_the_first_step() -> None:
    twin = small(unknowns=())
    wide = twin.beam.coordinates.clone()
    wide[:, 0] *= 100
    with pytest.raises(pj.errors.InvalidValueError, match="larger than the space-charge box"):
        twin.replace(beam=twin.beam.replace(coordinates=wide)).predict()
