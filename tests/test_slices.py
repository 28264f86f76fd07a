"""Slices of elements: nominal lengths are off the edge, and zero lengths have their slopes."""

from __future__ import annotations

import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack.collective import Place
from pyjutrack.maps.state import State
from pyjutrack.tracking.plan import plan_of

PROTON = pj.Reference.from_kinetic("proton", 1e9)
KICK = pj.SpaceCharge(pj.SpectralPoisson((0.04, 0.04), (32, 32)), max_step=0.1)


@pytest.fixture(scope="module")
def beam() -> pj.Beam:
    rows = np.random.default_rng(1).normal(0, 1e-3, (2000, 6)) * [3, 1, 3, 1, 1, 1]
    return pj.Beam.from_array(PROTON, rows, current=2000.0)


def slope_of_size(final: pj.Beam, initial: pj.Beam) -> object:
    return (final.coordinate("x") * final.coordinate("px")).mean() * 1e6


@pytest.mark.parametrize("change", [-1e-4, -1e-6, 0.0, 1e-6, 1e-4])
@pytest.mark.parametrize(
    ("length", "step", "slices"), [(1.0, 0.1, 10), (0.2, 0.05, 4), (30, 0.1, 300)]
)
def test_small_changes_of_a_nominal_length_keep_its_slices(
    length: float, step: float, slices: int, change: float
) -> None:
    kick = pj.SpaceCharge(max_step=step)
    line = pj.Lattice([pj.Drift(length * (1 + change))])
    assert plan_of(line, [kick]).slices() == (slices,)


def test_a_difference_by_a_nominal_length_is_the_gradient(beam: pj.Beam) -> None:
    def at(length: float) -> float:
        return float(
            slope_of_size(pj.track(pj.Lattice([pj.Drift(length)]), beam, effects=[KICK]), beam)
        )  # type: ignore[arg-type]

    h = 1e-5
    line = pj.Lattice([pj.Drift(1.0, name="d")])
    (slope,) = pj.gradient(slope_of_size, line, beam, wrt=["d.length"], effects=[KICK])  # type: ignore[arg-type]
    assert (at(1 + h) - at(1 - h)) / (2 * h) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("kind", [pj.Drift, pj.Quadrupole])
def test_a_zero_length_has_the_slope_of_its_kicks(kind: type, mode: str, beam: pj.Beam) -> None:
    def line(length: float) -> pj.Lattice:
        return pj.Lattice([pj.Drift(0.1), kind(length, name="d"), pj.Marker(), pj.Drift(0.1)])

    def at(length: float) -> float:
        return float(slope_of_size(pj.track(line(length), beam, effects=[KICK]), beam))  # type: ignore[arg-type]

    h = 1e-4  # one-sided, second order: a length is not negative
    expected = (4 * at(h) - 3 * at(0.0) - at(2 * h)) / (2 * h)
    (slope,) = pj.gradient(
        slope_of_size,  # type: ignore[arg-type]
        line(0.0),
        beam,
        wrt=["d.length"],
        effects=[KICK],
        mode=mode,  # type: ignore[arg-type]
    )
    assert slope == pytest.approx(expected, rel=1e-5)


def test_a_plain_zero_length_is_not_kicked(beam: pj.Beam) -> None:
    calls = 0

    class Counting(pj.SpaceCharge):
        def field(self, beam: pj.Beam, state: State, place: Place, memory: object = None) -> object:
            nonlocal calls
            calls += 1
            return super().field(beam, state, place)

    kick = Counting(KICK.potential, max_step=0.1)
    pj.track(pj.Lattice([pj.Drift(0.0), pj.Marker(), pj.Drift(0.1)]), beam, effects=[kick])
    assert calls == 1
