"""Drifts of negative length: steps back along s, in tracking, optics, effects and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from element_cases import PROTON, points

import pyjutrack as pj
from pyjutrack import testing
from pyjutrack.collective import Place
from pyjutrack.maps.state import State
from pyjutrack.tracking.plan import plan_of

BACK = pj.Drift(-0.4, name="back")
QF, QD = pj.Quadrupole(0.5, 0.6, name="qf"), pj.Quadrupole(0.5, -0.6, name="qd")
#: steps back over most of a drift, farther than a betatron phase of half a radian
RING = [QF, pj.Drift(9.5), pj.Drift(-6.1, name="back"), QD, pj.Drift(3.4)]


def end_of(elements: list[pj.Element], rows: torch.Tensor) -> np.ndarray:
    return pj.track(pj.Lattice(elements), pj.Beam(PROTON, rows)).coordinates.numpy()


@pytest.mark.parametrize(
    "element", [BACK, pj.Drift(-0.7, model="paraxial"), pj.Monitor(-0.2)], ids=repr
)
def test_it_keeps_the_promises_of_elements(element: pj.Element) -> None:
    testing.check_element(element)


@pytest.mark.parametrize("model", ["exact", "paraxial"])
def test_a_step_back_undoes_a_drift(model: str) -> None:
    rows = points(20)
    found = end_of([pj.Drift(1.0, model=model), pj.Drift(-0.3, model=model)], rows)
    np.testing.assert_allclose(found, end_of([pj.Drift(0.7, model=model)], rows), atol=1e-15)


def test_it_is_that_of_xtrack() -> None:
    pytest.importorskip("xtrack")
    pytest.importorskip("xsuite")
    from examples_loader import load_example

    peer = load_example("rings/peer_xtrack")
    line = peer.to_line([BACK], PROTON)
    start = points(20).numpy()
    expected = peer.track(line, start, PROTON)
    np.testing.assert_allclose(end_of([BACK], torch.as_tensor(start)), expected, atol=1e-15)


def test_tunes_and_chromaticities_are_those_of_the_shorter_ring() -> None:
    """By the same ring without the step back, whose tunes have no whole numbers to lose."""
    stepping = pj.Lattice(RING)
    plain = pj.Lattice([QF, pj.Drift(3.4), QD, pj.Drift(3.4)])
    found = pj.twiss_table(stepping, PROTON, chromatic=True)
    expected = pj.twiss_table(plain, PROTON, chromatic=True)
    assert found.tune_x == pytest.approx(expected.tune_x, abs=1e-12)
    assert found.tune_y == pytest.approx(expected.tune_y, abs=1e-12)
    assert found.chromaticity_x == pytest.approx(expected.chromaticity_x, rel=1e-10)
    assert found.slip_factor == pytest.approx(expected.slip_factor, rel=1e-10)
    np.testing.assert_allclose(found.s, [0, 0.5, 10.0, 3.9, 4.4, 7.8], atol=1e-14)
    np.testing.assert_allclose(found.beta_x[[0, 1, 3, 4, 5]], expected.beta_x, rtol=1e-10)
    np.testing.assert_allclose(found.phase_x[[0, 1, 3, 4, 5]], expected.phase_x, atol=1e-12)


def test_tunes_are_those_of_xtrack() -> None:
    pytest.importorskip("xtrack")
    pytest.importorskip("xsuite")
    from examples_loader import load_example

    line = load_example("rings/peer_xtrack").to_line(RING, PROTON)
    expected = line.twiss(method="4d")
    found = pj.twiss_table(pj.Lattice(RING), PROTON)
    assert (found.tune_x, found.tune_y) == pytest.approx((expected.qx, expected.qy), abs=1e-8)
    np.testing.assert_allclose(found.s, expected.s, atol=1e-13)
    np.testing.assert_allclose(found.beta_x, expected.betx, rtol=1e-6)


@dataclass(frozen=True)
class Note(pj.CollectiveEffect):
    """Notes where it acts, and along how much."""

    seen: list[Place]
    max_step: float = 0.1

    def field(self, beam: pj.Beam, state: State, place: Place, memory: Any) -> Any:
        self.seen.append(place)

    def apply(self, state: State, field: Any, place: Place) -> State:
        return state


def test_slices_of_effects_step_back() -> None:
    note = Note([])
    lattice = pj.Lattice([pj.Drift(0.3), BACK])
    assert plan_of(lattice, [note]).slices() == (3, 4)
    pj.track(lattice, pj.Beam(PROTON, points()), effects=[note])
    back = note.seen[3:]
    np.testing.assert_allclose([float(p.ds) for p in back], [-0.1] * 4, atol=1e-15)
    np.testing.assert_allclose([p.s for p in back], [0.25, 0.15, 0.05, -0.05], atol=1e-15)


def space_charge() -> pj.SpaceCharge:
    return pj.SpaceCharge(pj.SpectralPoisson((0.03, 0.02), (48, 48)), max_step=0.05)


def bunch() -> torch.Tensor:
    rows = np.random.default_rng(4).normal(0, 1, (400, 6))
    return torch.as_tensor(rows * [2e-3, 1e-3, 1e-3, 1e-3, 4e-3, 1e-4])


def test_space_charge_is_undone_too() -> None:
    """The kicks of the way back are at the places, and in the fields, of those of the way out."""
    beam = pj.Beam(PROTON, bunch(), current=200.0)
    there = [pj.Drift(0.5), pj.Drift(-0.5)]
    found = pj.track(pj.Lattice(there), beam, effects=[space_charge()])
    kicked = pj.track(pj.Lattice(there[:1]), beam, effects=[space_charge()])
    free = pj.track(pj.Lattice(there[:1]), beam)
    size = float((kicked.coordinates - free.coordinates).abs().max())
    assert size > 1e-6
    np.testing.assert_allclose(found.coordinates, beam.coordinates, atol=1e-9 * size)


@pytest.mark.parametrize(
    "way",
    [
        {"mode": "forward"},
        *({"mode": "reverse", "adjoint": a} for a in ("store", "checkpoint", "reversible")),
    ],
    ids=lambda way: "-".join(way.values()),
)
def test_slopes_by_a_negative_length_under_space_charge(way: dict[str, str]) -> None:
    beam = pj.Beam(PROTON, bunch(), current=200.0)
    size = pj.observables.size("x")

    def line(length: float) -> pj.Lattice:
        return pj.Lattice([QF, pj.Drift(0.5), pj.Drift(length, name="back")])

    def at(length: float) -> float:
        return float(size(pj.track(line(length), beam, effects=[space_charge()])))

    # within one number of slices
    length, steps = -0.22, np.array([1e-3, 5e-4])
    coarse, fine = ((at(length + h) - at(length - h)) / (2 * h) for h in steps)
    expected = (4 * fine - coarse) / 3
    (found,) = pj.gradient(
        size, line(length), beam, wrt=["back.length"], effects=[space_charge()], **way
    )
    assert found == pytest.approx(expected, rel=1e-7)


def test_other_kinds_refuse_it_by_name() -> None:
    for make in (
        lambda: pj.Quadrupole(-0.1, 1.0, name="e"),
        lambda: pj.SBend(-0.1, 0.0, name="e"),
        lambda: pj.RFCavity(-0.1, name="e"),
    ):
        with pytest.raises(pj.errors.InvalidValueError, match=r"'e' has length -0\.1 m"):
            make()
    with pytest.raises(pj.errors.InvalidValueError, match="thin"):
        pj.Marker(length=-0.1)


def test_pictures_reach_as_far_as_the_orbit() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from pyjutrack.plotting.optics import interpolate_cubic

    lattice = pj.Lattice(RING)
    axes = pj.plotting.plot_lattice(Figure().subplots(), lattice)
    assert axes.get_xlim()[1] > 10.0
    s = np.array([0.0, 2.0, 0.5])
    places, values = interpolate_cubic(s, s**3, 3 * s**2)
    np.testing.assert_allclose(values, places**3, atol=1e-12)
    assert (places.max(), places[-1]) == (2.0, 0.5)
