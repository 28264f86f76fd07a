"""Passes of a channel against the same tracking step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from element_cases import PROTON
from running import task, tracked

import pyjutrack as pj
from pyjutrack.elements.part import Part
from pyjutrack.kernels.columns import stack_columns
from pyjutrack.maps.state import State
from pyjutrack.tracking.adjoint.record import Record
from pyjutrack.tracking.plan import Act, Traverse, plan_of
from pyjutrack.tracking.programs import pieces_of


class Stepped(pj.SpaceCharge):
    """Space charge that no kernel knows, so that tracking goes in single steps."""

    def fused(self):
        return None


def step_by_step(line, beam, effects, turns=1) -> pj.Beam:
    """With a derivative that is not asked for, tracking runs step by step."""
    leaf = beam.replace(coordinates=beam.coordinates.clone().requires_grad_())
    out = pj.track(line, leaf, effects=effects, turns=turns, adjoint="store")
    return out.replace(coordinates=out.coordinates.detach())


@pytest.mark.parametrize("assignment", ["bspline", "quadratic", "catmull-rom", "cic"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_same_as_step_by_step(cell, make_beam, assignment, dtype) -> None:
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.02, 0.016), (128, 100), assignment), max_step=0.03)
    bend = pj.SBend(0.3, 0.02, k1=0.5, name="b")
    line = pj.Lattice([cell, bend, pj.Quadrupole(0.1, 3.0, dx=1e-4, tilt=0.1), pj.Marker()])
    beam = make_beam(4001).to(dtype)
    out = tracked(line, beam, [kick], 2)
    assert out.compiled
    if assignment == "cic":  # has no derivative to take the other way for
        expected = pj.track(line, beam, effects=[Stepped(kick.potential, kick.max_step)], turns=2)
    else:
        expected = step_by_step(line, beam, [kick], turns=2)
    tolerance = 1e-14 if dtype == torch.float64 else 1e-7
    if assignment == "cic" and dtype == torch.float32:
        tolerance = 1e-5  # its slope jumps where rounding puts a particle into the next cell
    found = out.coordinates
    torch.testing.assert_close(found, expected.coordinates, rtol=0, atol=tolerance)
    assert found.dtype == dtype
    assert out.state.alive.all()


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")  # of the same particles
def test_losses_are_recorded(cell, make_beam) -> None:
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.012, 0.012), (64, 64)), max_step=0.1)
    scraper = pj.Aperture(half_width=1.4e-3, half_height=1.6e-3, shape="ellipse")
    line = pj.Lattice([scraper, cell, scraper, cell])
    c = make_beam(3000, current=100.0).coordinates.clone()
    c[5] = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, -2.0])  # cannot enter
    c[6, 1] = 0.02  # leaves the box of the kick
    c[8, 0] = float("nan")
    alive = torch.ones(3000, dtype=torch.bool)
    alive[7:9] = False
    beam = pj.Beam(PROTON, c, 100.0, alive)
    out, expected = tracked(line, beam, [kick], 2), step_by_step(line, beam, [kick], 2)
    assert out.compiled
    assert torch.equal(out.state.alive, expected.alive)
    assert 100 < expected.lost < 2000
    found = out.coordinates
    torch.testing.assert_close(found, expected.coordinates, rtol=0, atol=1e-14, equal_nan=True)
    lost = alive & ~out.state.alive
    assert (out.op[~lost] == -1).all()
    places = out.element[lost]
    names = [type(line.elements[i]).__name__ for i in places]
    assert (out.turn[5], out.op[5]) == (0, 0)
    assert isinstance(out.plan.ops[out.op[6]], Act)
    assert names.count("Aperture") > 100
    losses = pj.loss_map(line, beam, effects=[kick], turns=2)
    np.testing.assert_array_equal(losses.element[lost], places)
    np.testing.assert_array_equal(losses.turn[lost], out.turn[lost])


class Stretch(pj.Drift):
    """A thick element that no program can hold: half a drift, a bend of all that is off, half."""

    abstract = True  # unknown to all that goes through the kinds

    def transport(self, state: State, reference: pj.Reference, part: Part) -> State:
        x, px, *rest = state.coordinates
        moved = x + self.length * part.fraction * px, px - 0.1 * part.fraction * x.sin(), *rest
        pairs = zip(moved, state.coordinates, strict=True)
        kept = [torch.where(state.alive, a, b) for a, b in pairs]
        return State(tuple(kept), state.alive & ((x.abs() < 1.2e-3) | (part.start != 0)))


def learned(count: int) -> pj.HamiltonianKick:
    form = pj.elements.potentials.Spline((0.02, 0.02), (8, 8))
    draw = torch.Generator().manual_seed(count)
    weights = torch.randn(form.count, generator=draw, dtype=torch.float64)
    return pj.HamiltonianKick(form, weights, name=f"field{count}")


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")  # of the same particles
@pytest.mark.parametrize("place", [0, 1, 3, 5])
def test_maps_without_a_program_stand_between_passes(cell, make_beam, place) -> None:
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.012, 0.012), (48, 48)), max_step=0.1)
    elements = list(cell)
    elements[place:place] = [learned(1), Stretch(0.3, name="s"), learned(2)]
    line = pj.Lattice([*elements, pj.Aperture(half_width=1.5e-3, half_height=1.5e-3)])
    beam = make_beam(2000)
    out, expected = tracked(line, beam, [kick], 2), step_by_step(line, beam, [kick], 2)
    assert out.compiled
    assert torch.equal(out.state.alive, expected.alive)
    assert 20 < expected.lost < 1500
    found = out.coordinates
    torch.testing.assert_close(found, expected.coordinates, rtol=0, atol=1e-14)
    lost = ~out.state.alive.numpy()
    losses = pj.loss_map(line, beam, effects=[kick], turns=2)
    np.testing.assert_array_equal(losses.element[lost], out.element[lost])
    np.testing.assert_array_equal(losses.turn[lost], out.turn[lost])
    assert (out.op[~lost] == -1).all()


def test_gradients_through_learned_elements_take_the_other_way(cell, kick, make_beam) -> None:
    line, beam = pj.Lattice([cell, learned(1), cell]), make_beam(300)
    weights = line["field1"].weights.clone().requires_grad_()
    asked = line.with_values({"field1.weights": weights})
    assert not tracked(asked, beam, [kick]).compiled
    with torch.no_grad():
        assert tracked(asked, beam, [kick]).compiled


def test_columns_are_saved_before_effects(cell, kick, make_beam) -> None:
    beam = make_beam(500)
    asked = task(cell, beam, [kick], 2)
    acts = [n for n, op in enumerate(asked.plan.ops) if isinstance(op, Act)]
    record = Record(asked, [acts[3], len(asked.plan) + acts[5]])
    out = tracked(cell, beam, [kick], 2, [record])
    assert out.compiled
    assert list(record.saved) == [acts[3], len(asked.plan) + acts[5]]
    x, _, y, *_ = record.saved[acts[3]]
    # four kicks of 0.05 m stand at 0.025, 0.075, 0.125 and 0.175 m
    third = pj.SpaceCharge(kick.potential, max_step=0.05)
    to = step_by_step(pj.Lattice([pj.Drift(0.15), pj.Drift(0.025)]), beam, [third])
    assert float((x - to.coordinate("x")).abs().max()) < 2e-5
    assert float((y - to.coordinate("y")).abs().max()) < 2e-5


def test_test_particles_go_along(cell, kick, make_beam) -> None:
    beam, start = make_beam(2000), [1e-3, 2e-4, -5e-4, 1e-4, 0.0, 1e-3]
    exact = pj.jacobian(cell, beam, effects=[kick], at=start, turns=2)
    differences = pj.jacobian(cell, beam, effects=[kick], at=start, turns=2, method="fd")
    np.testing.assert_allclose(exact, differences, rtol=0, atol=3e-7)
    unit = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])
    np.testing.assert_allclose(exact.T @ unit @ exact, unit, rtol=0, atol=1e-13)
    with pytest.raises(pj.errors.ParticleLostError):
        pj.jacobian(cell, beam, effects=[kick], at=[0.0, 0.05, 0.0, 0.0, 0.0, 0.0])


@pytest.mark.filterwarnings("ignore:.*counts twice:pyjutrack.errors.AccuracyWarning")
def test_what_else_goes_by_passes(cell, kick, make_beam, make_surrogate) -> None:
    """Several effects, tensors that are plain numbers, an accelerated reference, networks."""
    beam, other = make_beam(200), pj.SpaceCharge(pj.SpectralPoisson((0.016, 0.014), (80, 96)))
    gap = pj.RFCavity(0.1, 1e6, frequency=1e8, phase=0.5, accelerate=True)
    number = torch.tensor(29.6, dtype=torch.float64)
    network = pj.SpaceCharge(make_surrogate("linear", domain=None), max_step=0.1)
    for line, effects in (
        (cell, [kick, kick]),
        (cell, [kick, other]),
        (cell, [Stepped(kick.potential, 0.1), kick]),
        (cell.with_values({"q1.k1": number}), [kick]),
        (pj.Lattice([cell, gap, cell]), [kick]),
        (cell, [network]),
    ):
        out = tracked(line, beam, effects, 2)
        assert out.compiled
        expected = step_by_step(line, beam, effects, 2)
        torch.testing.assert_close(out.coordinates, expected.coordinates, rtol=0, atol=1e-14)


def test_derivatives_take_the_other_way_from_where_they_come_in(cell, kick, make_beam) -> None:
    beam = make_beam(200)
    current = torch.tensor(200.0, dtype=torch.float64, requires_grad=True)
    assert not tracked(cell, beam.replace(current=current), [kick]).compiled
    last = cell.with_values(
        {"d3.length": torch.tensor(0.2, dtype=torch.float64, requires_grad=True)}
    )
    end = tracked(last, beam, [kick])
    assert not end.compiled
    expected = pj.track(cell, beam, effects=[kick]).coordinates
    torch.testing.assert_close(end.coordinates.detach(), expected, rtol=0, atol=1e-14)


def test_one_pass_for_each_kick(cell, kick) -> None:
    plan = plan_of(cell, [kick])
    acts = sum(plan.slices())
    pieces = pieces_of(cell, plan, [kick], PROTON)
    assert sum(p.program is None for p in pieces) == acts
    assert sum(p.program is not None for p in pieces) == acts + 1
    parts = [op.part for op in plan.ops if isinstance(op, Traverse) and op.place == 0]
    assert [p.stop for p in parts] == pytest.approx([0.125, 0.375, 0.625, 0.875, 1.0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("size", [1, 7, 50_000])
def test_columns_are_copied_however_they_lie(size: int, dtype: torch.dtype) -> None:
    rows = torch.rand(size, 6, dtype=dtype)
    for coordinates in (rows, rows.T.contiguous().T, torch.cat([rows, rows], 1)[:, 3:9]):
        made = stack_columns(coordinates.unbind(-1))
        assert made.is_contiguous()
        assert torch.equal(made, coordinates.T)
        made.zero_()
        assert bool((coordinates != 0).any())


@pytest.mark.parametrize("kicked", [True, False])
def test_a_tracked_beam_has_memory_of_its_own(cell, kick, make_beam, kicked: bool) -> None:
    """Also where nothing moves, and where coordinates lie in columns already."""
    effects = [kick] if kicked else []
    first = pj.track(cell, make_beam(500), effects=effects)
    for beam, lattice in ((first, cell), (first, pj.Lattice([pj.Marker(name="m")]))):
        before = beam.numpy()
        end = pj.track(lattice, beam, effects=effects)
        end.coordinates.zero_()
        end.alive.zero_()
        assert (beam.numpy() == before).all()
        assert beam.lost == 0
