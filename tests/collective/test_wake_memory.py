"""Wakes that last: over turns, and from bunch to bunch, against sums over passages."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from wake_cases import CHARGE, ELECTRON, GAP, LIGHT, MODE, kicks, quiet, value

import pyjutrack as pj
from pyjutrack.collective import Resonator, Wake


def test_turns_of_a_memory_are_sums_over_passages() -> None:
    """Former lines, a closed ringing, and the sum over all charges of all passages."""
    period, mode = 0.7e-9, Resonator(frequency=5e9, shunt=1e6, quality=20.0)
    beam = quiet(4000, 6e-3)
    frozen = beam.coordinates.numpy()
    times = -frozen[:, 4] / (LIGHT * ELECTRON.beta)
    some = np.argsort(frozen[:, 4])[50:-50:400]
    lag = times[some][:, None] - times[None]
    for component, column in (("longitudinal", 5), ("dipole x", 1)):
        given = {"at": "gap", "component": component, "window": 0.08, "period": period}
        rung = Wake(mode, **given)
        after = pj.track(GAP, beam, effects=[rung], turns=4).coordinates.numpy()
        lines = dataclasses.replace(rung, turns=3)
        same = pj.track(GAP, beam, effects=[lines], turns=4).coordinates.numpy()
        size = np.abs(after - frozen)[:, column].max()
        np.testing.assert_allclose(same, after, rtol=0, atol=1e-11 * size)
        charges = CHARGE / len(frozen) * (frozen[:, 0] if column == 1 else 1.0)
        expected = sum(
            (value(lag + n * period, column == 1, mode) * charges).sum(1) * (4 - n)
            for n in range(4)
        ) / (ELECTRON.beta * ELECTRON.p0c)
        sign = 1 if column == 1 else -1
        found = sign * (after - frozen)[some, column]
        assert np.abs(found - expected).max() < 2e-4 * np.abs(expected).max()
        short = pj.track(GAP, beam, effects=[dataclasses.replace(rung, turns=1)], turns=4)
        assert np.abs(short.coordinates.numpy() - after).max() > 1e-2 * size, "turns count"


@dataclass(frozen=True, repr=False)
class Stretch(pj.Element):
    """A bunch that grows, and arrives earlier every turn."""

    def transport(self, state: Any, reference: pj.Reference, part: Any) -> Any:
        return state.apply(lambda x, px, y, py, z, d: (x, px, y, py, 1.3 * z + 4e-3, d))


@pytest.mark.parametrize("turns", [None, 3], ids=["ringing", "lines"])
def test_lines_that_follow_remember(turns: int | None) -> None:
    """A line longer and elsewhere every turn, against the sum over all charges of all passages."""
    period, mode = 0.7e-9, Resonator(frequency=5e9, shunt=1e6, quality=20.0)
    beam = quiet(4000, 4e-3)
    ring = pj.Lattice([pj.Marker(name="gap"), Stretch()])
    wake = Wake(mode, "gap", "dipole x", cells=200, period=period, turns=turns)
    end = pj.track(ring, beam, effects=[wake], turns=4).coordinates.numpy()
    passages = [beam.coordinates.numpy()[:, 4]]
    for _ in range(3):
        passages.append(1.3 * passages[-1] + 4e-3)
    some = np.argsort(passages[0])[50:-50:400]
    charges = CHARGE / len(end) * end[:, 0]
    times = [-z / (LIGHT * ELECTRON.beta) for z in passages]
    expected = sum(
        (value(times[now][some][:, None] - times[then] + (now - then) * period, True, mode)
         * charges).sum(1)
        for now in range(4) for then in range(now + 1)
    ) / (ELECTRON.beta * ELECTRON.p0c)  # fmt: skip
    assert np.abs(end[some, 1] - expected).max() < 2e-4 * np.abs(expected).max()


def test_a_bunch_that_grows_without_end_is_refused() -> None:
    """A particle that falls behind would ask for millions of cells."""

    @dataclass(frozen=True, repr=False)
    class Behind(pj.Element):
        def transport(self, state: Any, reference: pj.Reference, part: Any) -> Any:
            return state.apply(lambda x, px, y, py, z, d: (x, px, y, py, z - 1e8 * x**2, d))

    ring = pj.Lattice([pj.Marker(name="gap"), Behind()])
    wake = Wake(MODE, "gap", cells=64, period=1e-6, turns=2)
    beam = quiet(4000, 4e-3)
    with pytest.raises(pj.errors.InvalidValueError, match="cells of the first turn"):
        pj.track(ring, beam, effects=[wake], turns=2)


def test_a_train_meets_the_wakes_of_its_bunches() -> None:
    """Two bunches in one window, the second in the wake of the first alone and its own."""
    beam = quiet(2000, 2e-3)
    rows = beam.coordinates.clone()
    rows[1000:, 4] = rows[:1000, 4]
    rows[1000:, 4] -= 0.05
    train = beam.replace(coordinates=rows)
    long = Resonator(frequency=5e9, shunt=1e6, quality=50.0)
    some = np.arange(1050, 1950, 97)
    times = -rows[:, 4].numpy() / (LIGHT * ELECTRON.beta)
    lag = times[some][:, None] - times[None]
    expected = (value(lag, False, long) * CHARGE / 2000).sum(1) / (ELECTRON.beta * ELECTRON.p0c)
    found = -kicks(train, Wake(long, "gap", window=0.15, cells=3000))[some, 5]
    assert np.abs(found - expected).max() < 2e-4 * np.abs(expected).max()
