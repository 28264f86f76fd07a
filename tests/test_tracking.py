"""Tracking: what passes, what is counted, what is refused, and what linear optics demands."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from conftest import BeamFactory

import pyjutrack as pj
from pyjutrack.collective import Place
from pyjutrack.maps.state import State
from pyjutrack.tracking.plan import Act, plan_of


def test_marker_does_nothing(make_beam: BeamFactory, kick: pj.SpaceCharge) -> None:
    beam = make_beam(100)
    out = pj.track(pj.Lattice([pj.Marker(name="m")]), beam, effects=[kick])
    np.testing.assert_array_equal(out.numpy(), beam.numpy())
    assert out.current == beam.current


@pytest.mark.parametrize("with_kick", [False, True])
def test_turns_are_repeated_tracking(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge, with_kick: bool
) -> None:
    beam, effects = make_beam(2000), [kick] if with_kick else []
    twice = pj.track(cell, beam, effects=effects, turns=2)
    again = pj.track(cell, pj.track(cell, beam, effects=effects), effects=effects)
    unrolled = pj.track(cell * 2, beam, effects=effects)
    for other in (again, unrolled):
        np.testing.assert_allclose(other.numpy(), twice.numpy(), rtol=1e-13, atol=1e-16)


def test_plan_of_the_paper(cell: pj.Lattice, kick: pj.SpaceCharge) -> None:
    assert plan_of(cell, [kick]).slices() == (4, 4, 8, 4, 4)
    assert plan_of(cell, []).slices() == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("length", "step", "count"),
    [
        (0.1 + 0.2, 0.1, 3),  # 0.30000000000000004
        (0.7 * 3, 0.7, 3),
        (1.1, 0.1, 11),  # 1.1 / 0.1 = 11.000000000000002
        (0.3, 0.05, 6),
        (0.30001, 0.05, 6),  # longer than the step by less than a thousandth
        (0.3005, 0.05, 7),
        (0.01, 0.05, 1),
        (0.0, 0.05, 1),  # for its slope; it is kicked only where the length is a tensor
    ],
)
def test_plan_does_not_feel_rounding(length: float, step: float, count: int) -> None:
    line = pj.Lattice([pj.Drift(length)])
    assert plan_of(line, [pj.SpaceCharge(max_step=step)]).slices() == (count,)


@pytest.mark.filterwarnings("ignore:.*both space charge:pyjutrack.errors.AccuracyWarning")
def test_each_effect_acts_as_often_as_it_asks() -> None:
    effects = [pj.SpaceCharge(max_step=0.5), pj.SpaceCharge(max_step={"Drift": 0.1})]
    line = pj.Lattice([pj.Drift(1.0), pj.Quadrupole(1.0), pj.Multipole(knl=(0.1,))])
    plan = plan_of(line, effects)
    assert plan.slices(0) == (2, 2, 1)
    assert plan.slices(1) == (10, 10, 1)  # a kind without a step takes the finest
    meeting = [op for op in plan.ops if isinstance(op, Act) and op.place == 2]
    assert [op.effect for op in meeting] == [0, 1]  # in their order


class ConstantForce(pj.CollectiveEffect):
    """A kick that is the same for all particles: its effect over a length is known."""

    max_step = 0.06

    def field(self, beam: pj.Beam, state: State, place: Place, memory: object) -> float:
        return 1e-3

    def apply(self, state: State, field: float, place: Place) -> State:
        x, px, *rest = state.coordinates
        return State((x, px + field * place.ds, *rest), state.alive)


@pytest.mark.parametrize("turns", [1, 3])
def test_kicks_sit_in_the_middle_of_slices_that_fill_the_element(
    proton: pj.Reference, turns: int
) -> None:
    """A constant force moves by force times length^2 / 2, which the midpoint rule has exactly."""
    line = pj.Lattice([pj.Drift(0.5, model="paraxial"), pj.Drift(0.2, model="paraxial")])
    beam = pj.Beam.from_array(proton, np.zeros((2, 6)))
    x, px, *_ = pj.track(line, beam, effects=[ConstantForce()], turns=turns).numpy()[0]
    length = 0.7 * turns
    assert px == pytest.approx(1e-3 * length, rel=1e-14)
    assert x == pytest.approx(1e-3 * length**2 / 2, rel=1e-14)


@pytest.mark.parametrize("turns", [0, -1])
def test_turns_below_one(cell: pj.Lattice, make_beam: BeamFactory, turns: int) -> None:
    with pytest.raises(
        pj.errors.InvalidValueError, match=f"turns must be a whole number of 1 or more, got {turns}"
    ):
        pj.track(cell, make_beam(10), turns=turns)


def test_no_particle_alive(cell: pj.Lattice, make_beam: BeamFactory) -> None:
    beam = make_beam(10).replace(alive=torch.zeros(10, dtype=torch.bool))
    with pytest.raises(pj.errors.InvalidValueError, match="alive"):
        pj.track(cell, beam)


def test_impossible_beams(cell: pj.Lattice, make_beam: BeamFactory) -> None:
    beam = make_beam(10)
    with pytest.raises(pj.errors.InvalidValueError, match="current"):
        pj.track(cell, beam.replace(current=-1.0))
    rows = beam.coordinates.clone()
    rows[3, 2] = math.nan
    with pytest.raises(pj.errors.InvalidValueError, match="particle 3 has y"):
        pj.track(cell, beam.replace(coordinates=rows))


def test_an_element_without_a_map(make_beam: BeamFactory) -> None:
    class Mystery(pj.Element):
        pass

    with pytest.raises(pj.errors.InvalidValueError, match="Mystery"):
        pj.track(pj.Lattice([Mystery()]), make_beam(10))


def test_the_callers_beam_is_left_as_it_is(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge
) -> None:
    beam = make_beam(1000)
    before, alive = beam.numpy(), beam.alive.clone()
    out = pj.track(cell, beam, effects=[kick])
    np.testing.assert_array_equal(beam.numpy(), before)
    assert torch.equal(beam.alive, alive)
    assert np.abs(out.numpy() - before).max() > 1e-4


def test_tracking_repeats_to_the_last_bit(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge
) -> None:
    first, second = (pj.track(cell, make_beam(3000), effects=[kick]).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_particles_outside_the_box_are_lost_where_they_left(
    make_beam: BeamFactory, kick: pj.SpaceCharge
) -> None:
    beam = make_beam(1000, current=0.0)
    rows = beam.coordinates.clone()
    rows[7] = torch.tensor(
        [9e-3, 1e-2, 0, 0, 0, 0], dtype=torch.float64
    )  # passes 10 mm after 0.1 m
    beam = beam.replace(coordinates=rows)
    out = pj.track(pj.Lattice([pj.Drift(1.0)]), beam, effects=[kick])
    assert out.lost == 1
    assert not out.alive[7]
    assert 10e-3 < float(out.coordinates[7, 0]) < 10e-3 + 0.05 * 1.1e-2
    assert out.coordinates[7, 1] == 1e-2


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_the_lost_do_not_leak_into_gradients(
    make_beam: BeamFactory, kick: pj.SpaceCharge, value: float, mode: str
) -> None:
    """Same gradient as without them (with their share of the current taken off)."""
    line = pj.Lattice(
        [
            pj.Drift(0.2, name="d"),
            pj.Quadrupole(0.1, k1=20.0, name="q"),
            pj.Multipole(knl=(0.0, 0.1, 30.0), name="m"),
            pj.Quadrupole(0.1, k1=5.0, name="i", model="exact"),
        ]
    )
    whole = make_beam(500, current=100.0)
    rows, alive = whole.coordinates.clone(), whole.alive.clone()
    rows[400:], alive[400:] = value, False
    holed = whole.replace(coordinates=rows, alive=alive)
    kept = pj.Beam(whole.reference, whole.coordinates[:400], 80.0)
    wrt = ["d.length", "q.k1", "m.knl[2]", "i.k1"]
    found, expected = (
        pj.gradient(
            pj.observables.emittance_growth("x"), line, b, wrt=wrt, effects=[kick], mode=mode
        )
        for b in (holed, kept)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def linear(cell: pj.Lattice) -> pj.Lattice:
    """The cell with its drifts paraxial: exactly linear at delta = 0."""
    return pj.Lattice(
        pj.Drift(e.length, model="paraxial") if isinstance(e, pj.Drift) else e for e in cell
    )


def test_a_matched_beam_keeps_its_sizes_over_a_cell(
    cell: pj.Lattice, make_beam: BeamFactory, proton: pj.Reference
) -> None:
    beam, matched, size = make_beam(2000, current=0.0), pj.twiss(cell, proton), 5e-7
    # a sample whose second moments are the matched ones to the last digit
    c = beam.numpy()[:, :4]
    c -= c.mean(0)
    c = np.linalg.solve(np.linalg.cholesky(c.T @ c / len(c)), c.T).T
    sigma = np.zeros((4, 4))
    for i, (beta, alpha) in enumerate(
        ((matched.beta_x, matched.alpha_x), (matched.beta_y, matched.alpha_y))
    ):
        block = [[beta, -alpha], [-alpha, (1 + alpha**2) / beta]]
        sigma[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = size * np.array(block)
    rows = np.zeros((2000, 6))
    rows[:, :4] = c @ np.linalg.cholesky(sigma).T
    out = pj.track(linear(cell), pj.Beam.from_array(proton, rows))
    found = np.asarray(pj.moments.covariance(out))[:4, :4]
    np.testing.assert_allclose(found, sigma, rtol=1e-12, atol=1e-12 * sigma.max())


def test_emittance_is_kept_by_linear_maps(cell: pj.Lattice, make_beam: BeamFactory) -> None:
    beam = make_beam(2000, current=0.0)
    out = pj.track(linear(cell), beam, turns=3)
    for plane in "xy":
        assert float(
            pj.moments.emittance(out, plane) / pj.moments.emittance(beam, plane)
        ) == pytest.approx(1.0, rel=1e-12)


def test_no_current_is_no_kick(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge
) -> None:
    beam = make_beam(500, current=0.0)
    kicked, free = pj.track(cell, beam, effects=[kick]), pj.track(cell, beam)
    np.testing.assert_allclose(kicked.numpy(), free.numpy(), rtol=0, atol=1e-15)


def test_splitting_is_of_second_order(cell: pj.Lattice, make_beam: BeamFactory) -> None:
    beam, solver = (
        make_beam(500, quiet=True),
        pj.SpectralPoisson((0.02, 0.02), (64, 64), modes=(16, 16)),
    )
    ends = [
        pj.track(cell, beam, effects=[pj.SpaceCharge(solver, max_step=s)]).numpy()
        for s in (0.05, 0.025, 0.0125, 0.00625)
    ]
    steps = [np.abs(a - b)[:, :4].max() for a, b in itertools.pairwise(ends)]
    assert np.log2(steps[0] / steps[1]) == pytest.approx(2, abs=0.3)
    assert np.log2(steps[1] / steps[2]) == pytest.approx(2, abs=0.3)
