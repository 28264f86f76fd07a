"""Maps as JuTrack's power series: composed, differentiated, with knobs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from driven_rings import electrons, ring
from kind_cases import ELECTRON, EXACT, ORDERS, placement

import pyjutrack as pj
from pyjutrack.optics import jutrack

START = np.array([2e-4, 1e-4, -1e-4, 2e-4, 0.0, 3e-4])


@pytest.fixture(scope="module")
def reference():
    return electrons()


@pytest.fixture(scope="module")
def cell():
    return pj.Lattice(list(ring())[:12])


@pytest.fixture(scope="module")
def halves(cell, reference, julia):
    elements = list(cell)
    return [jutrack.taylor_map(pj.Lattice(e), reference, 3) for e in (elements[:6], elements[6:])]


def test_maps_compose(cell, reference, halves):
    first, second = halves
    whole = jutrack.taylor_map(cell, reference, 3)
    both = first.then(second)
    table = {tuple(e): c for e, c in zip(both.exponents, both.coefficients, strict=True)}
    found = np.array([table[tuple(e)] for e in whole.exponents])
    scale = np.abs(whole.coefficients).max(0)
    np.testing.assert_allclose(found / scale, whole.coefficients / scale, rtol=0, atol=1e-10)
    np.testing.assert_array_equal((second @ first).coefficients, both.coefficients)
    # and it is what passing one after the other does, to its order
    start = START / 10
    np.testing.assert_allclose(both(start), second(first(start)), rtol=0, atol=1e-11)
    assert np.abs(both(start) - first(second(start))).max() > 1e-7


def test_jacobians_of_maps(cell, reference, julia):
    """Of the linear part and of the rest, against the native engine, where slip is not."""
    found = jutrack.taylor_map(cell, reference, 4)
    for at in (np.zeros(6), START):
        expected = pj.jacobian(cell, reference, at=at)
        rows = [0, 1, 2, 3]
        np.testing.assert_allclose(found.jacobian(at)[rows], expected[rows], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("element", "knobs"),
    [
        (pj.Quadrupole(0.3, k1=2.0, tilt=0.3, dx=1e-3), []),
        (pj.SBend(1.0, angle=0.1, k1=0.3, e1=0.05, model="linear"), []),
        (pj.Quadrupole(0.3, k1=0.0), ["s.k2"]),
    ],
)
def test_elements_of_one_series_alone(element, knobs, reference, julia):
    """Through these JuTrack's first kind of series does not go, or another way than particles."""
    line = pj.Lattice([element, pj.Sextupole(0.2, k2=20.0, name="s")])
    found = jutrack.taylor_map(line, reference, 4, knobs=knobs)
    rows = [0, 1, 2, 3]
    expected = pj.track(line, pj.Beam.from_array(reference, START[None])).coordinates.numpy()[0]
    np.testing.assert_allclose(found(START)[rows], expected[rows], rtol=0, atol=3e-15)


def test_no_series_of_a_fringe(reference, julia):
    line = pj.Lattice([pj.Quadrupole(0.3, k1=2.0, fringe="hard-edge")])
    with pytest.raises(pj.errors.InvalidValueError, match="fringe fields are not implemented"):
        jutrack.taylor_map(line, reference, 3)


def test_maps_with_knobs(cell, reference, julia):
    knobs = ["sf.k2", "qd.k1"]
    found = jutrack.taylor_map(cell, reference, 3, knobs=knobs)
    assert found.knobs == tuple(knobs)
    assert found.exponents.shape == (165, 8)
    changes = {"sf.k2": 0.5, "qd.k1": 1e-4}
    moved = cell.with_values({k: cell.value(k) + change for k, change in changes.items()})
    expected = jutrack.taylor_map(moved, reference, 3)(START)
    left_out = np.abs(jutrack.taylor_map(cell, reference, 3)(START) - expected).max()
    assert left_out > 1e-8
    # what is beyond its order, a fourth of coordinates and knobs, is 2e-4 of that
    np.testing.assert_allclose(found(START, changes), expected, rtol=0, atol=1e-3 * left_out)


def test_slopes_by_knobs(cell, reference, julia):
    """Of all coefficients up to the order before, against maps made anew."""
    found = jutrack.taylor_map(cell, reference, 3, knobs=["sf.k2", "qd.k1"])
    for knob, step in (("sf.k2", 1e-2), ("qd.k1", 1e-4)):
        value = cell.value(knob)
        ends = [
            jutrack.taylor_map(cell.with_values({knob: value + d}), reference, 2)
            for d in (step, -step)
        ]
        table = {
            tuple(e[:6]): c
            for e, c in zip(*_terms(found.by_knob(knob)), strict=True)
            if not e[6:].any()
        }
        for n, exponents in enumerate(ends[0].exponents):
            expected = (ends[0].coefficients[n] - ends[1].coefficients[n]) / (2 * step)
            np.testing.assert_allclose(table[tuple(exponents)], expected, rtol=1e-6, atol=1e-6)


def _terms(series):
    return series.exponents, series.coefficients


def test_bad_questions(cell, reference, halves):
    with pytest.raises(pj.errors.UnknownNameError, match=r"sd\.k2"):
        halves[0](START, {"sd.k2": 1.0})
    with pytest.raises(pj.errors.UnknownNameError):
        halves[0].by_knob("sd.k2")
    with_knob = jutrack.taylor_map(cell, reference, 3, knobs=["sf.k2", "qd.k1"])
    with pytest.raises(pj.errors.InvalidValueError, match="different knobs"):
        halves[0].then(with_knob)


@pytest.mark.parametrize("start", [1e-4, [1e-4], [1e-4] * 5, np.ones((6, 2)), [np.nan] * 6])
def test_what_is_no_particle(start):
    """One number would be taken for all six."""
    drift = jutrack.TaylorMap(np.eye(6, dtype=int), np.eye(6))
    for ask in (drift, drift.jacobian):
        with pytest.raises(pj.errors.InvalidValueError, match=r"finite coordinates \(\.\.\., 6\)"):
            ask(start)


@pytest.mark.parametrize("label", [*EXACT, "solenoid", "paraxial bend", "gap in exact edges"])
@pytest.mark.parametrize("where", ["as designed", "elsewhere"])
def test_maps_of_every_kind(label, where, julia):
    """What the engine tracks, to the order that is left out; without the slip of electrons."""
    rng = np.random.default_rng([ord(letter) for letter in label])
    element = (EXACT.get(label) or ORDERS[label][1])(rng)
    if where == "elsewhere":
        element = dataclasses.replace(element, **placement(rng))
    mirror = np.array([1, 1, 1, 1, -1, 1])
    start = 2e-4 * rng.uniform(-1, 1, (5, 6))
    lattice = pj.Lattice([element])
    found = jutrack.taylor_map(lattice, ELECTRON, order=3)(start)
    end = pj.track(lattice, pj.Beam.from_array(ELECTRON, mirror * start), engine=julia)
    np.testing.assert_allclose(found, mirror * end.numpy(), rtol=0, atol=3e-11)
