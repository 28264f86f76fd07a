"""Compiled programs with first derivatives against PyTorch's transforms of the same maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from element_battery import FUSED
from element_cases import PROTON, SYMPLECTIC, Case, points
from rounding import OF_A_MAP
from running import Tracked, tracked, with_jacobians

import pyjutrack as pj
from pyjutrack.tracking import programs

#: the gap and the change of the reference, that no case of the battery has
GAP = pj.RFCavity(0.2, 1e7, frequency=1e7, phase=0.5, accelerate=True)
FORM = SYMPLECTIC.numpy()


def linearised(lattice: pj.Lattice, c: torch.Tensor, turns: int = 1) -> Any:
    return with_jacobians(lattice, pj.Beam(PROTON, c), turns)


def plainly(lattice: pj.Lattice, c: torch.Tensor, turns: int = 1) -> Tracked:
    return tracked(lattice, pj.Beam(PROTON, c), turns=turns)


def compiled(lattice: pj.Lattice, c: torch.Tensor, turns: int = 1) -> np.ndarray:
    found = linearised(lattice, c, turns)
    assert found is not None
    assert found[0].alive.all()
    return found[1]


def transformed(lattice: pj.Lattice, c: torch.Tensor, turns: int = 1) -> np.ndarray:
    """The same through PyTorch's forward mode."""

    def end(row: torch.Tensor) -> torch.Tensor:
        return pj.track(lattice, pj.Beam(PROTON, row.unsqueeze(0)), turns=turns).coordinates[0]

    return np.stack([torch.func.jacfwd(end)(row).numpy() for row in c])


@pytest.fixture
def ring() -> pj.Lattice:
    return pj.Lattice(
        [
            pj.Quadrupole(0.2, 1.5, name="qf"),
            pj.Aperture(half_width=0.006, half_height=0.02, name="collimator"),
            pj.SBend(1.0, 0.2, name="b", tilt=0.05),
            pj.Sextupole(0.1, 40.0, steps=3),
            pj.Quadrupole(0.2, -1.5, dx=1e-4),
            pj.SBend(1.0, 0.2, e1=0.1, e2=0.1, model="linear"),
            pj.RFCavity(0.1, 1e5, frequency=1e7),
        ]
    )


@pytest.mark.parametrize("case", FUSED, ids=lambda c: c.label)
def test_one_element(case: Case) -> None:
    c, lattice = points(2), pj.Lattice([case.element()])
    found = compiled(lattice, c)
    np.testing.assert_allclose(found, transformed(lattice, c), rtol=1e-12, atol=1e-13)
    # of rounding, the more the larger the matrix: an octupole kicks hard
    size = np.abs(found).max(axis=(1, 2), keepdims=True) ** 2
    off = found.swapaxes(1, 2) @ FORM @ found - FORM
    assert not case.element().is_symplectic or (np.abs(off) / size).max() < 1e-13


def test_coordinates_are_those_without_tangents() -> None:
    c = points(20)
    for case in FUSED:
        lattice = pj.Lattice([case.element()])
        found, plain = linearised(lattice, c, 1), plainly(lattice, c, 1)
        assert found is not None
        assert plain.compiled
        for one, other in zip(found[0].coordinates, plain.state.coordinates, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-13, atol=OF_A_MAP, msg=case.label)


def test_turns_and_losses(ring: pj.Lattice) -> None:
    c = 0.15 * points(300, seed=8)
    c[3, 5] = -1.5  # cannot enter at all
    found, plain = linearised(ring, c, 4), plainly(ring, c, 4)
    assert found is not None
    assert plain.compiled
    final, matrices = found
    alive = final.alive
    assert 30 < int(alive.sum()) < 270
    np.testing.assert_array_equal(alive, plain.state.alive)
    some = alive.nonzero()[:4, 0]
    np.testing.assert_allclose(matrices[some], transformed(ring, c[some], 4), rtol=0, atol=1e-12)
    # the lost keep what they had where they were last: here at the collimator, in the second turn
    np.testing.assert_array_equal(matrices[3], np.eye(6))
    caught = np.flatnonzero((plain.turn == 1) & (plain.element == 1))
    to_it = ring + pj.Lattice([ring[0]])
    np.testing.assert_allclose(matrices[caught], compiled(to_it, c[caught]), rtol=0, atol=1e-13)
    assert len(caught) > 5


def test_threads_share_particles(ring: pj.Lattice) -> None:
    c = 0.05 * points(3000, seed=3)
    found = linearised(ring, c, 9)
    assert found is not None
    some = [0, 1400, 1501, 2998]
    for n in some:
        alone = linearised(ring, c[n : n + 1], 9)
        assert alone is not None
        np.testing.assert_array_equal(found[1][n], alone[1][0])


def test_an_accelerated_reference_over_turns() -> None:
    line, c = pj.Lattice([pj.Drift(0.5), GAP]), points(3)
    found = compiled(line, c, turns=3)
    np.testing.assert_allclose(found, transformed(line, c, 3), rtol=0, atol=1e-12)
    # phase space shrinks as the momentum grows
    reference = pj.track(line, pj.Beam(PROTON, c), turns=3).reference
    shrunk = PROTON.p0c / reference.p0c
    off = found.swapaxes(1, 2) @ FORM @ found - shrunk * FORM
    assert shrunk < 0.995
    assert np.abs(off).max() < 1e-13


def test_jacobian_of_a_ring(ring: pj.Lattice) -> None:
    at = [1e-3, 2e-4, -1e-3, 1e-4, 0.02, 1e-3]
    found = pj.jacobian(ring, PROTON, turns=5, at=at)
    start = torch.tensor([at], dtype=torch.float64)
    np.testing.assert_allclose(found, transformed(ring, start, 5)[0], rtol=0, atol=1e-12)
    differences = pj.jacobian(ring, PROTON, turns=5, at=at, method="fd")
    np.testing.assert_allclose(found, differences, rtol=0, atol=1e-6)
    assert np.abs(found.T @ FORM @ found - FORM).max() < 1e-11
    beam = pj.Beam(PROTON, points(5), current=1.0)
    np.testing.assert_array_equal(pj.jacobian(ring, beam, turns=5, at=at), found)


def test_a_lost_particle_has_no_jacobian(ring: pj.Lattice) -> None:
    for at in ([0.01, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, -1.5]):
        with pytest.raises(pj.errors.ParticleLostError, match="at="):
            pj.jacobian(ring, PROTON, at=at)


def test_what_is_no_program(ring: pj.Lattice) -> None:
    strength = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    lattice = ring.with_values({"qf.k1": strength})
    at = [1e-3, 0, 1e-3, 0, 0, 0]
    start = torch.tensor([at], dtype=torch.float64)
    assert linearised(lattice, start, 1) is None
    expected = pj.jacobian(ring, PROTON, at=at)
    np.testing.assert_allclose(pj.jacobian(lattice, PROTON, at=at), expected, rtol=0, atol=1e-12)


def test_single_precision_is_not_linearised(ring: pj.Lattice) -> None:
    assert linearised(ring, points(2).float(), 1) is None


def test_a_lattice_is_recorded_once_for_a_reference(
    ring: pj.Lattice, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[pj.Reference] = []

    def counted(lattice: pj.Lattice, plan: object, effects: object, *rest: object) -> object:
        asked.append(rest[0])
        return made(lattice, plan, effects, *rest)

    made = programs._pieces
    monkeypatch.setattr(programs, "_pieces", counted)
    slow = pj.Reference.from_kinetic("proton", 1e7)
    first = pj.jacobian(ring, PROTON)
    pj.track(ring, pj.Beam(PROTON, points(3)))
    pj.jacobian(ring, pj.Reference.from_kinetic("proton", 1e9))  # an equal one
    assert asked == [PROTON]
    other = pj.jacobian(ring, slow)
    np.testing.assert_array_equal(pj.jacobian(ring, PROTON), first)
    assert asked == [PROTON, slow, PROTON]
    assert np.abs(other - first).max() > 1e-3
    stronger = pj.jacobian(ring.with_values({"qf.k1": 1.6}), PROTON)
    assert np.abs(stronger - first).max() > 1e-3
