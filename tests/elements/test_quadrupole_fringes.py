"""Hard-edge fringes of quadrupoles: the flow of their Hamiltonian, and xtrack's and pyAT's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from element_cases import PROTON, SYMPLECTIC, by_equations_of_motion, points
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack import maps

OPTIONS: dict[str, Any] = {"k1": 1.3, "fringe": "hard-edge"}


def hamiltonian(c: torch.Tensor, length: float, gradient: float) -> torch.Tensor:
    x, px, y, py, _, delta = c
    total = x**3 * px + 3 * x * y**2 * px - y**3 * py - 3 * x**2 * y * py
    return gradient / (12 * (1 + delta)) * total / length


def fringe(c: torch.Tensor, gradient: float) -> torch.Tensor:
    moved = maps.quadrupole_fringe(*c.unbind(-1), torch.tensor(gradient, dtype=torch.float64))
    return torch.stack(moved, -1)


def test_weak_ones_kick_by_the_slope_of_the_hamiltonian() -> None:
    for c in points(4):
        leaf = c.clone().requires_grad_()
        (slope,) = torch.autograd.grad(hamiltonian(leaf, 1.0, 1.0), leaf)
        found = (fringe(c, 0.1) - fringe(c, -0.1)) / 0.2
        torch.testing.assert_close(found, SYMPLECTIC @ slope, rtol=1e-5, atol=2e-16)


def test_it_is_the_flow_of_the_hamiltonian_to_third_order_in_the_gradient() -> None:
    c = points(2, seed=3)[0]

    def error(gradient: float) -> float:
        exact = by_equations_of_motion(hamiltonian, c, 1.0, gradient=gradient)
        return float(np.abs(fringe(c, gradient).numpy() - exact).max())

    assert error(4000.0) / error(2000.0) == pytest.approx(8, rel=0.1)
    assert error(100.0) < 1e-11


def test_the_opposite_gradient_undoes_it() -> None:
    c = points(50)
    torch.testing.assert_close(fringe(fringe(c, 40.0), -40.0), c, rtol=0, atol=1e-17)


def by_size(found: Any) -> np.ndarray:
    """Largest difference to another code at three amplitudes, each half of the one before."""
    rows = points(40).numpy()
    return np.array([np.abs(found(rows * [s, s, s, s, 0, 1])).max() for s in (1.0, 0.5, 0.25)])


QUADRUPOLES = {
    "normal": {"k1": 1.3},
    "strong": {"k1": -8.0},
    "skew": {"k1": 1.3, "k1s": 0.9},
    "error": {"k1": 1.3, "knl": (0.0, 0.2)},
}


@pytest.mark.parametrize("name", QUADRUPOLES)
def test_it_is_that_of_xtrack_to_leading_order(name: str) -> None:
    pytest.importorskip("xtrack")
    pytest.importorskip("xsuite")
    peer = load_example("rings/peer_xtrack")
    strengths = QUADRUPOLES[name]
    fine = {"order": 6, "steps": 40}
    element = pj.Quadrupole(0.4, **strengths, fringe="hard-edge", **fine)
    line = peer.to_line([element], PROTON)

    def ours(element: pj.Element, rows: np.ndarray) -> np.ndarray:
        beam = pj.Beam(PROTON, torch.as_tensor(rows))
        return pj.track(pj.Lattice([element]), beam).coordinates.numpy()

    def off(rows: np.ndarray) -> np.ndarray:
        return ours(element, rows) - peer.track(line, rows, PROTON)

    def moved(rows: np.ndarray) -> np.ndarray:
        return ours(element, rows) - ours(pj.Quadrupole(0.4, **strengths, **fine), rows)

    # of fifth order in the amplitude, where the fringe is of third
    differences, sizes = by_size(off), by_size(moved)
    np.testing.assert_allclose(sizes[:-1] / sizes[1:], 8, rtol=0.1)
    np.testing.assert_allclose(differences[:-1] / differences[1:], 32, rtol=0.2)
    assert differences[0] < 1e-2 * sizes[0]


@pytest.mark.parametrize("k1", [1.3, -3.0])
def test_it_is_that_of_at_to_leading_order(k1: float) -> None:
    at = pytest.importorskip("at")
    length = 0.4
    ring = [
        at.Quadrupole("q", length, k1, FringeQuadEntrance=1, FringeQuadExit=1, NumIntSteps=40,
                      PassMethod="StrMPoleSymplectic4Pass"),
    ]  # fmt: skip
    electron = pj.Reference.from_total("electron", 3e9)
    element = pj.Quadrupole(length, k1, fringe="hard-edge", model="paraxial", steps=40)

    def off(rows: np.ndarray) -> np.ndarray:
        start = np.asfortranarray(rows.T.copy())
        start[[4, 5]] = start[[5, 4]]
        lattice = at.Lattice(ring, energy=3e9, periodicity=1)
        theirs = np.asarray(lattice.track(start)[0]).reshape(6, -1)
        beam = pj.Beam(electron, torch.as_tensor(rows))
        mine = pj.track(pj.Lattice([element]), beam).coordinates.numpy().T
        return mine[:4] - theirs[:4]

    differences = by_size(off)
    np.testing.assert_allclose(differences[:-1] / differences[1:], 32, rtol=0.2)


def test_both_ends_of_no_length_leave_nothing() -> None:
    beam = pj.Beam(PROTON, points(20))
    for options in ({"k1s": 2.0}, {}):
        element = pj.Quadrupole(0.0, **OPTIONS, **options)
        found = pj.track(pj.Lattice([element]), beam).coordinates
        torch.testing.assert_close(found, beam.coordinates, rtol=0, atol=1e-16)


class Nothing(pj.CollectiveEffect):
    """An effect along lengths that does nothing."""

    max_step = 0.05

    def field(self, beam: pj.Beam, state: Any, place: Any, memory: Any) -> Any:
        return None

    def apply(self, state: Any, field: Any, place: Any) -> Any:
        return state


def test_the_ends_are_once_however_it_is_cut() -> None:
    beam, whole = pj.Beam(PROTON, points(20)), pj.Quadrupole(0.4, **OPTIONS)
    lattice = pj.Lattice([whole])
    cut = pj.track(lattice, beam, effects=[Nothing()])
    free = pj.track(lattice, beam)
    torch.testing.assert_close(cut.coordinates, free.coordinates, rtol=0, atol=1e-14)
    assert not whole.transmits_all
    assert pj.Quadrupole(0.4, 1.3).transmits_all
