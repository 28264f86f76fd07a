"""Whole lattices as compiled programs against the same maps one by one."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from element_battery import FUSED
from element_cases import PROTON, Case, move, points
from rounding import OF_A_MAP
from running import tracked, with_jacobians

import pyjutrack as pj
from pyjutrack.elements.potentials import Perceptron
from pyjutrack.kernels import parallel
from pyjutrack.maps import radiate_photons
from pyjutrack.maps.base import MAPS
from pyjutrack.maps.multipole import multipole_kick
from pyjutrack.maps.state import State
from pyjutrack.tracking.plan import plan_of
from pyjutrack.tracking.programs import pieces_of


def recorded(line: pj.Lattice) -> Any:
    return pieces_of(line, plan_of(line, ()), (), PROTON)


def test_every_map_is_in_the_battery() -> None:
    gap = pj.RFCavity(voltage=1e6, frequency=1e8, phase=1.0, accelerate=True)
    elements = [*(case.element() for case in FUSED), gap]
    found = {m for e in elements for m in recorded(pj.Lattice([e]))[0].program.maps}
    ours = {m for m in MAPS.values() if m.function.__module__.startswith("pyjutrack.")}
    line = pj.Lattice([pj.SBend(1.0, 0.1, name="ip")])
    effects = [
        pj.collective.Radiation(),
        pj.collective.BeamBeam2D("ip", 1e-9, 1e-3, 1e-3),
        pj.collective.BeamBeam("ip", 1e-9, 1e-3, 1e-3, 0.1, angle=0.1),
    ]
    found |= set(pieces_of(line, plan_of(line, effects), effects, PROTON)[0].program.maps)
    assert found == {m for m in ours if m.traceable} - {radiate_photons}


@pytest.mark.parametrize("case", FUSED, ids=lambda c: c.label)
def test_one_element(case: Case) -> None:
    c, lattice = points(600), pj.Lattice([case.element()])
    found = tracked(lattice, pj.Beam(PROTON, c))
    assert found.compiled
    expected = move(case.element(), c)
    torch.testing.assert_close(found.coordinates, expected, rtol=1e-13, atol=OF_A_MAP)
    assert found.state.alive.all()
    assert (found.element == -1).all()


@pytest.fixture
def ring() -> pj.Lattice:
    return pj.Lattice(
        [
            pj.Quadrupole(0.2, 1.5, name="qf"),
            pj.Aperture(half_width=0.006, half_height=0.02, name="collimator"),
            pj.SBend(1.0, 0.2, name="b"),
            pj.Sextupole(0.1, 40.0),
            pj.Quadrupole(0.2, -1.5, dx=1e-4),
            pj.SBend(1.0, 0.2, e1=0.1, e2=0.1, model="linear"),
            pj.RFCavity(0.1, 1e5, frequency=1e7),
        ]
    )


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")  # of the same particles
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_turns_and_losses(ring: pj.Lattice, dtype: torch.dtype) -> None:
    c = (0.15 * points(700, seed=8)).to(dtype)
    c[3, 5] = -1.5  # cannot enter at all
    out = pj.track(ring, pj.Beam(PROTON, c), turns=4)
    leaf = c.clone().requires_grad_()  # takes the way with derivatives
    plain = pj.track(ring, pj.Beam(PROTON, leaf), turns=4)
    assert out.coordinates.dtype == dtype
    np.testing.assert_array_equal(out.alive, plain.alive)
    assert 100 < int(out.alive.sum()) < 600
    tolerance = 1e-12 if dtype == torch.float64 else 2e-5
    torch.testing.assert_close(out.coordinates, plain.coordinates.detach(), rtol=0, atol=tolerance)
    found = tracked(ring, pj.Beam(PROTON, c), turns=4)
    assert found.compiled
    lost = ~found.state.alive.numpy()
    assert (found.element[~lost] == -1).all()
    assert set(found.turn[lost]) == {0, 1, 2, 3}
    assert set(found.element[lost]) == {0, 1}  # at the start, and by the collimator
    assert found.element[3] == 0


@pytest.mark.parametrize(("rows", "calls"), [(0, 35), (9, 20), (40, 5), (80, 3)])
def test_cut_into_calls_nothing_changes(
    ring: pj.Lattice, rows: int, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An element, some of them, a turn, and two turns of 38 operations a call: the same bits."""
    c = 0.15 * points(700, seed=8)
    c[3, 5] = -1.5  # lost at once
    beam = pj.Beam(PROTON, c)
    whole, wholly = tracked(ring, beam, turns=5), with_jacobians(ring, beam, 5)
    assert set(whole.turn) == {-1, 0, 1, 2, 3, 4}
    for limit in ("_CALL", "_TANGENT_CALL"):
        monkeypatch.setattr(f"pyjutrack.tracking.array_particles.{limit}", 700 * rows)
    ran, run = [], parallel.run

    def counted(*args: Any) -> None:
        ran.append(args)
        run(*args)

    monkeypatch.setattr(parallel, "run", counted)
    cut = tracked(ring, beam, turns=5)
    assert len(ran) == calls
    cut_too = with_jacobians(ring, beam, 5)
    np.testing.assert_array_equal(cut_too[1], wholly[1])
    for part, one in ((cut.state, whole.state), (cut_too[0], wholly[0])):
        np.testing.assert_array_equal(part.alive, one.alive)
        for found, expected in zip(part.coordinates, one.coordinates, strict=True):
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(cut.turn, whole.turn)
    np.testing.assert_array_equal(cut.op, whole.op)


def test_an_accelerated_reference_over_turns() -> None:
    ring = pj.Lattice(
        [pj.Drift(0.5), pj.RFCavity(0.2, 1e7, frequency=1e7, phase=0.5, accelerate=True)]
    )
    beam = pj.Beam(PROTON, points(50))
    out = pj.track(ring, beam, turns=3)
    leaf = beam.replace(coordinates=beam.coordinates.clone().requires_grad_())
    plain = pj.track(ring, leaf, turns=3)
    assert out.reference == plain.reference
    torch.testing.assert_close(out.coordinates, plain.coordinates.detach(), rtol=0, atol=1e-14)


def test_what_is_no_program(ring: pj.Lattice) -> None:
    """Derivatives take the other way, from where they come in."""
    c = points(5)
    beam = pj.Beam(PROTON, c)
    assert tracked(ring, beam).compiled
    assert not tracked(ring, pj.Beam(PROTON, c.clone().requires_grad_())).compiled
    assert tracked(ring, pj.Beam(PROTON, c.expand(2, 5, 6))).compiled
    strength = torch.tensor(1.5, dtype=torch.float64)
    knobbed = ring.with_values({"qf.k1": strength})
    assert tracked(knobbed, beam).compiled  # a tensor is a number where no derivative is asked for
    assert not tracked(ring.with_values({"qf.k1": strength.requires_grad_()}), beam).compiled
    strength.requires_grad_(False)
    out, expected = (pj.track(line, pj.Beam(PROTON, c)) for line in (knobbed, ring))
    torch.testing.assert_close(out.coordinates, expected.coordinates, rtol=0, atol=1e-15)


@dataclasses.dataclass(frozen=True, repr=False)
class Mirror(pj.Element):
    """An element of a user, of plain tensors: no kernel knows it."""

    abstract: ClassVar[bool] = True  # not one of the package's kinds

    def transport(self, state: State, reference: pj.Reference, part: object) -> State:
        x, px, *rest = state.coordinates
        return State((-x, -px - 40 * x * x, *rest), state.alive & (x.detach().abs() < 0.003))


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Listed(pj.Element):
    """Kicks by numbers of a tensor that is no knob."""

    abstract: ClassVar[bool] = True
    strengths: Any = None

    def transport(self, state: Any, reference: pj.Reference, part: Any) -> Any:
        return state.apply(multipole_kick, tuple(self.strengths.tolist()), (0.0,))


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Exchange(pj.Element):
    """x and y in each other's place, by a plain function."""

    abstract: ClassVar[bool] = True

    def transport(self, state: Any, reference: pj.Reference, part: Any) -> Any:
        return state.apply(lambda x, px, y, py, z, delta: (y, py, x, px, z, delta))


def test_tangents_of_coordinates_that_change_places() -> None:
    line = pj.Lattice([pj.Quadrupole(0.2, 1.5), Exchange(), pj.Drift(0.5)])
    wake = pj.collective.Wake(pj.collective.Resonator(1e9, 1e6), "place", window=2.0)
    beam = pj.Beam(PROTON, points(50), charge=1e-9)
    matrix = pj.jacobian(line, PROTON)
    first, last = (pj.jacobian(pj.Lattice([line[i]]), PROTON) for i in (0, 2))
    np.testing.assert_allclose(matrix, last @ first[[2, 3, 0, 1, 4, 5]], rtol=0, atol=1e-14)
    placed = pj.Lattice([line, pj.Marker(name="place"), line])
    found = pj.jacobian(placed, beam, effects=[wake])[:4, :4]
    expected = pj.jacobian(placed, beam, effects=[wake], method="fd")[:4, :4]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)
    assert np.abs(found - (matrix @ matrix)[:4, :4]).max() > 1e-5, "the wake counts"


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_tensors_that_change_in_place(dtype: torch.dtype) -> None:
    strengths = torch.tensor([1e-3, 0.5], dtype=dtype)
    k1 = torch.tensor(1.25, dtype=torch.float64)
    line = pj.Lattice([Listed(strengths=strengths), pj.Quadrupole(0.2, k1), pj.Drift(1.0)])
    beam = pj.Beam(PROTON, points(20))
    before = pj.track(line, beam).coordinates
    assert len(recorded(line)) == 1
    for tensor in (strengths, k1):
        tensor.mul_(2.0)
        again = pj.track(pj.Lattice(line.elements), beam).coordinates
        after = pj.track(line, beam).coordinates
        assert torch.equal(after, again)
        assert not torch.equal(after, before)
        before = after


def test_parameters_without_gradients_are_numbers() -> None:
    """In a Jacobian, which is an array, and where gradients are off."""
    k1 = torch.nn.Parameter(torch.tensor(1.25, dtype=torch.float64))
    line = pj.Lattice([pj.Quadrupole(0.2, k1), pj.Drift(1.0)])
    plain = pj.Lattice([pj.Quadrupole(0.2, 1.25), pj.Drift(1.0)])
    np.testing.assert_array_equal(pj.jacobian(line, PROTON), pj.jacobian(plain, PROTON))
    beam = pj.Beam(PROTON, points(20))
    with torch.no_grad():
        assert recorded(line)[0].program is not None
        assert torch.equal(pj.track(line, beam).coordinates, pj.track(plain, beam).coordinates)
    pj.track(line, beam).coordinates.sum().backward()
    assert k1.grad is not None


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")
def test_an_element_without_kernels_is_a_step_between_two_programs(ring: pj.Lattice) -> None:
    gap = pj.RFCavity(voltage=1e6, frequency=1e8, phase=0.3, accelerate=True)
    form = Perceptron((6,), (0.02, 0.02))
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(form.count, dtype=torch.float64, generator=generator)
    kick = pj.HamiltonianKick(form, weights)
    half = len(ring) // 2
    line = pj.Lattice([*ring[:half], Mirror(), *ring[half:], kick, gap, Mirror()])
    c = 0.5 * points(300)
    beam = pj.Beam(PROTON, c)
    pieces = recorded(line)
    assert [p.program is None for p in pieces] == [False, True, False, True, False, True]
    end, losses = pj.track(line, beam, turns=3), pj.loss_map(line, beam, turns=3)
    one_by_one = pj.track(line, beam.replace(coordinates=c.clone().requires_grad_()), turns=3)
    torch.testing.assert_close(end.coordinates, one_by_one.coordinates.detach(), rtol=0, atol=1e-14)
    assert torch.equal(end.alive, one_by_one.alive)
    assert 0 < end.lost < 300
    assert losses.counts[half] > 0
    assert set(losses.turn[losses.element == half]) <= {0, 1, 2}
    assert losses.counts.sum() == end.lost
    start = torch.tensor([1e-4, 0, 2e-4, 0, 0, 0], dtype=torch.float64)

    def final(row: torch.Tensor) -> torch.Tensor:
        return pj.track(line, pj.Beam(PROTON, row.unsqueeze(0)), turns=2).coordinates[0]

    expected = torch.func.jacrev(final)(start)
    found = pj.jacobian(line, PROTON, at=start, turns=2)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-12, atol=1e-12)
