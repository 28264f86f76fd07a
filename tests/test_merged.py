"""Lattices of first order: matrices of runs, what stays, batches and derivatives."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from element_cases import PROTON
from torch import Tensor

import pyjutrack as pj
from pyjutrack.cli.paper import fodo
from pyjutrack.lattice import merging

CELL = [
    pj.Quadrupole(0.2, 1.6, name="qf"),
    pj.Drift(0.5, name="d1"),
    pj.SBend(0.5, 0.2, e1=0.1, e2=0.1, name="b"),
    pj.Quadrupole(0.2, -1.5, name="qd", tilt=0.1),
    pj.Sextupole(0.1, 20.0, name="s", dx=1e-3),
    pj.Drift(0.4, name="d2"),
    pj.Solenoid(0.3, 0.2, name="sol"),
    pj.RFCavity(0.1, 1e5, frequency=1e8, phase=math.pi, name="rf"),
    pj.Kicker(knl=(1e-4,), name="k"),
]
LINE = pj.Lattice(CELL * 3)
FACTORS = torch.tensor([1.0, 1.05, 0.9], dtype=torch.float64)


def bunch(size: float = 1e-4, count: int = 50) -> pj.Beam:
    draw = np.random.default_rng(4)
    return pj.Beam(PROTON, draw.normal(size=(count, 6)) * size)


def lens(k1: float, length: float) -> np.ndarray:
    """The matrix of a quadrupole in x and px, from a textbook."""
    root = np.sqrt(complex(k1))
    c, s = np.cos(root * length), np.sin(root * length)
    return np.array([[c, s / root], [-root * s, c]]).real


def test_thick_lenses() -> None:
    line = pj.Lattice(
        [pj.Quadrupole(0.2, 1.6), pj.Drift(0.5), pj.Quadrupole(0.3, -1.1), pj.Drift(0.1)] * 7
    )
    (found,) = line.merged(PROTON)
    cell = lens(1e-30, 0.1) @ lens(-1.1, 0.3) @ lens(1e-30, 0.5) @ lens(1.6, 0.2)
    matrix = np.reshape(found.matrix, (6, 6))
    wanted = np.linalg.matrix_power(cell, 7)
    np.testing.assert_allclose(matrix[:2, :2], wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())
    assert found.length == pytest.approx(7.7, rel=1e-14)
    assert not any(found.kick)


def test_it_is_the_jacobian_where_orbits_are_straight() -> None:
    line = pj.Lattice([dataclasses.replace(e, dx=0.0) for e in CELL if e.name != "k"] * 2)
    merged = line.merged(PROTON)
    assert len(merged) == 1
    wanted = pj.jacobian(line, PROTON)
    found = np.reshape(merged[0].matrix, (6, 6))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


def test_it_misses_what_is_of_second_order() -> None:
    """Half the amplitude, of beam and errors, leaves half of the difference."""

    def difference(size: float) -> float:
        line = LINE.with_values({"s.dx": 10 * size, "k.knl[0]": size})
        beam = bunch(size)
        exact, first = (pj.track(one, beam).coordinates for one in (line, line.merged(PROTON)))
        return float((exact - first).abs().max() / exact.abs().max())

    large, small = difference(2e-4), difference(1e-4)
    assert 1.8 < large / small < 2.2
    assert small < 0.004


@pytest.mark.parametrize("address", ["qf.k1", "d1.length", "qd.tilt", "s.dx", "k.knl[0]", "b.k1"])
def test_settings_and_slopes(address: str) -> None:
    """Of each setting what it has by itself, and derivatives too."""
    value = float(LINE.value(address)) or 0.1
    beam, leaf = bunch(), (value * FACTORS).requires_grad_()

    def end(v: float | Tensor) -> Tensor:
        return pj.track(LINE.with_values({address: v}).merged(PROTON), beam).coordinates

    found = end(leaf)
    for n, factor in enumerate(FACTORS):
        own = torch.tensor(value * float(factor), dtype=torch.float64, requires_grad=True)
        alone = end(own)
        torch.testing.assert_close(found[n], alone, rtol=1e-12, atol=1e-16)
        plain = end(float(own.detach()))
        torch.testing.assert_close(plain, alone.detach(), rtol=1e-12, atol=1e-16)
    (slopes,) = torch.autograd.grad(found.square().sum(), leaf)
    step = 1e-6 * value
    ends = [end(float(leaf.detach()[1]) + sign * step).square().sum() for sign in (1, -1)]
    assert float(slopes[1]) == pytest.approx(float(ends[0] - ends[1]) / (2 * step), rel=1e-5)
    numbers = end(leaf.detach())  # through programs
    torch.testing.assert_close(numbers, found.detach(), rtol=1e-12, atol=1e-16)


def test_machines_with_errors() -> None:
    ring = LINE.with_unique_names().with_errors({"q*.dx": 1e-4}, count=5, seed=1)
    beam = bunch(1e-6)
    first, exact = pj.track(ring.merged(PROTON), beam), pj.track(ring, beam)
    moved = exact.coordinates[..., 0].mean(-1)
    assert moved.std() > 1e-5
    torch.testing.assert_close(first.coordinates[..., 0].mean(-1), moved, rtol=0.1, atol=5e-6)


def test_what_stays() -> None:
    class Own(pj.Element):
        """A kind of a user that says nothing of merging."""

        def transport(self, state: object, reference: object, part: object) -> object:
            return state

    wall = pj.Aperture(half_width=1e-2, half_height=1e-2, name="wall")
    line = [*CELL, wall, *CELL, pj.Marker(name="m"), *CELL, Own(name="own"), pj.Monitor(name="bpm")]
    merged = pj.Lattice(line).merged(PROTON)
    assert [e.name for e in merged] == ["", "wall", "", "m", "", "own", "bpm"]
    kept = LINE.merged(PROTON, keep=["q?"])
    assert [e.name for e in kept] == ["qf", "", "qd", ""] * 3
    assert LINE.merged(PROTON, keep=["*"]).elements == LINE.elements
    (only,) = pj.Lattice(CELL[:1]).merged(PROTON)
    assert only is CELL[0]  # a run of one is exact, and no slower
    with pytest.raises(pj.errors.UnknownNameError, match="'x\\*' in `keep`"):
        LINE.merged(PROTON, keep=["x*"])


def test_effects_act_where_they_did() -> None:
    """On elements that stay; the others are matrices."""
    cell, beam = fodo.cell(), fodo.beam(500, seed=1)
    steps = {"Drift": 0.05, "Quadrupole": 0.025}
    effects = [pj.SpaceCharge(fodo.solver(), max_step=steps)]
    assert cell.merged(beam.reference, effects=effects).elements == cell.elements
    photons = [pj.collective.Radiation()]
    bent = LINE.merged(pj.Reference.from_total("electron", 1e9), effects=photons)
    assert {"b", "qf"} < {e.name for e in bent}
    assert len(bent) < len(LINE)


def test_matrices_are_of_the_momentum_where_they_stand() -> None:
    """Past a cavity that accelerates the reference, the same elements are others."""
    cavity = pj.RFCavity(0.2, 2e8, frequency=1e8, phase=math.pi / 2, accelerate=True, name="rf")
    line = pj.Lattice([*CELL[:4], cavity, *CELL[:4]])
    merged = line.merged(PROTON)
    assert [e.name for e in merged] == ["", "rf", ""]
    assert merged[0].matrix != merged[2].matrix
    found, exact = (pj.jacobian(one, PROTON) for one in (merged, line))
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-9 * np.abs(exact).max())


def test_variables_rule_it_no_more() -> None:
    line = pj.Lattice(CELL, variables={"k": 1.6}, expressions={"qf.k1": "k"})
    with pytest.raises(pj.errors.UnknownNameError):
        line.merged(PROTON).with_values(k=1.7)


def test_cells_that_come_again_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    inner = merging.linearise

    def note(element: pj.Element, reference: pj.Reference) -> merging.Affine:
        made.append(element.name)
        return inner(element, reference)

    monkeypatch.setattr(merging, "linearise", note)
    marked = pj.Lattice([LINE, pj.Marker(), LINE])  # nor again past what stays
    marked.merged(PROTON)
    assert sorted(made) == sorted(e.name for e in CELL)


def test_a_particle_that_is_lost_has_no_matrix() -> None:
    line = pj.Lattice([pj.Kicker(knl=(2.0,), name="k"), pj.Drift(1.0), pj.Drift(1.0)])
    assert len(line.merged(PROTON)) == 1  # about the reference orbit at each entrance
    across = pj.Lattice([pj.Drift(1.0), pj.Drift(1.0, y_rot=2.0, name="d")])
    with pytest.raises(pj.errors.ParticleLostError, match=r"Drift 'd'.*`keep`"):
        across.merged(PROTON)


def test_matrices_refuse_what_they_do_not_stand_for() -> None:
    """Another momentum, derivatives by it, and effects that they were not merged for."""
    merged, beam = LINE.merged(PROTON), fodo.beam(100, seed=1)
    beam = beam.replace(reference=PROTON)
    assert pj.track(merged, beam).lost == 0
    other = pj.Reference.from_p0c("proton", 1.01 * PROTON.p0c)
    leaf = pj.Reference.from_p0c("proton", torch.tensor(PROTON.p0c, requires_grad=True))
    kick = pj.SpaceCharge(fodo.solver(), max_step=100.0)
    for call, remedy in (
        (lambda: pj.jacobian(merged, other), "merged\\(beam.reference\\)"),
        (lambda: pj.track(merged, beam.replace(reference=other)), "merged\\(beam.reference\\)"),
        (lambda: pj.track(merged, beam.replace(reference=leaf)), "derivatives by the momentum"),
        (lambda: pj.Lattice([merged, merged]).merged(other), "merged at p0c = "),
        (lambda: pj.track(merged, beam, effects=[kick]), "effects=effects"),
    ):
        with pytest.raises(pj.errors.InvalidValueError, match=remedy):
            call()


def test_derivatives_by_the_momentum() -> None:
    """Of a reference that carries them, as without merging to first order."""
    rows = 1e-5 * fodo.beam(20, seed=1).coordinates

    def slope(merge: bool) -> float:
        p0c = torch.tensor(PROTON.p0c, dtype=torch.float64, requires_grad=True)
        reference = pj.Reference.from_p0c("proton", p0c)
        line = LINE.merged(reference) if merge else LINE
        shifted = rows + torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 1e-6])
        end = pj.track(line, pj.Beam(reference, shifted))
        (found,) = torch.autograd.grad(end.coordinate("z").mean() / 1e-6, p0c)
        return float(found) * PROTON.p0c

    assert slope(True) == pytest.approx(slope(False), rel=1e-4)
    assert abs(slope(True)) > 0.01
