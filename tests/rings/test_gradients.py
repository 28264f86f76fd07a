"""Gradients in thick magnets: tunes are right to 1e-6, whatever the model."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack.elements.part import Part
from pyjutrack.elements.steps import count_steps

ELECTRON = pj.Reference.from_total("electron", 3e9)
PROTON = pj.Reference.from_p0c("proton", 26e9)


def achromat(bend: dict, quadrupoles: tuple, drifts: tuple, **options) -> pj.Lattice:
    """Two bends between a quadrupole in the middle and doublets at the ends."""
    face = bend["angle"] / 2
    dipole = pj.SBend(**bend, e1=face, e2=face, **options)
    first, second, centre = quadrupoles
    half = [
        pj.Drift(drifts[0]),
        pj.Quadrupole(0.35, k1=first),
        pj.Drift(drifts[1]),
        pj.Quadrupole(0.35, k1=second),
        pj.Drift(drifts[2]),
        dipole,
        pj.Drift(drifts[3]),
    ]
    return pj.Lattice([*half, pj.Quadrupole(0.5, k1=centre), *half[::-1]])


def spear3(**options) -> pj.Lattice:
    bend = {"length": 1.5048, "angle": 2 * math.pi / 36, "k1": -0.33}
    return achromat(bend, (1.61, -1.43, 2.09), (1.5, 0.6, 0.4, 0.9), **options)


def alba(**options) -> pj.Lattice:
    bend = {"length": 1.384, "angle": 2 * math.pi / 32, "k1": -0.5656}
    return achromat(bend, (2.08, -1.56, 2.23), (1.5, 0.3, 0.4, 0.8), **options)


def ps(**options) -> pj.Lattice:
    """Combined-function magnets alone, focusing and defocusing."""

    def bend(k1: float) -> pj.SBend:
        return pj.SBend(2.2, 2 * math.pi / 200, k1=k1, **options)

    f, d = bend(0.0571), bend(-0.0571)
    return pj.Lattice([pj.Drift(0.8), f, d, pj.Drift(1.6), d, f, pj.Drift(0.8)])


CELLS = {"SPEAR3": (spear3, ELECTRON), "ALBA": (alba, ELECTRON), "PS": (ps, PROTON)}


def matrix(length: float, h: float, k1: float) -> np.ndarray:
    """Of (x, px, y, py) through a combined-function sector, MAD's closed form."""
    found = np.zeros((4, 4))
    for i, strength in ((0, h * h + k1), (2, -k1)):
        root = np.sqrt(complex(strength))
        c, s = np.cos(root * length), np.sinc(root * length / np.pi) * length
        found[i : i + 2, i : i + 2] = np.real([[c, s], [-strength * s, c]])
    return found


@pytest.mark.parametrize("k1", [0.8, -0.8, -0.01, 1e-9, 0.0])
@pytest.mark.parametrize("given", ["k1", "knl"])
@pytest.mark.parametrize("model", ["exact", "linear"])
def test_its_matrix_is_that_of_the_closed_form(model: str, given: str, k1: float) -> None:
    """With one step, also where k1 + h^2 vanishes, and with the gradient as an error."""
    length, h = 1.4, 0.1
    field = {"k1": k1} if given == "k1" else {"knl": (0.0, k1 * length)}
    bend = pj.SBend(length, h * length, model=model, edges="none", steps=1, order=2, **field)
    found = pj.jacobian(pj.Lattice([bend]), PROTON)[:4, :4]
    np.testing.assert_allclose(found, matrix(length, h, k1), rtol=0, atol=1e-13)


def tunes(lattice: pj.Lattice, reference: pj.Reference, delta: float = 0.0) -> np.ndarray:
    found = pj.twiss_table(lattice, reference, delta=delta)
    return np.array([found.tune_x, found.tune_y])


@pytest.mark.parametrize("name", CELLS)
def test_tunes_do_not_depend_on_the_steps(name: str) -> None:
    """Chromaticities, by differences, converge; the default is within 1e-4 of them."""
    cell, reference = CELLS[name]
    fine, step = cell(order=6, steps=2), 1e-4
    for options in ({}, {"steps": 1, "order": 2}):
        np.testing.assert_allclose(
            tunes(cell(**options), reference), tunes(fine, reference), rtol=0, atol=1e-12
        )
    found, expected = (
        (tunes(line, reference, step) - tunes(line, reference, -step)) / (2 * step)
        for line in (cell(), fine)
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("order", [4, 6])
def test_integrated_gradients_take_the_steps_that_they_want(name: str, order: int) -> None:
    """Of bends in the paraxial model, without and beside integrated quadrupoles."""
    cell, reference = CELLS[name]
    expected = pj.twiss_table(cell(model="linear"), reference)
    line = cell(model="paraxial", order=order)
    integrated = [
        replace(e, model="exact", order=order) if isinstance(e, pj.Quadrupole) else e for e in line
    ]
    for lattice in (line, pj.Lattice(integrated)):
        found = pj.twiss_table(lattice, reference)
        assert found.tune_x == pytest.approx(expected.tune_x, abs=1e-6)
        assert found.tune_y == pytest.approx(expected.tune_y, abs=1e-6)


KICKED = {
    "quadrupole": lambda k, **options: pj.Quadrupole(0.5, k1=k, **options),
    "skew": lambda k, **options: pj.Quadrupole(0.5, k1s=k, **options),
    "gradient of a sextupole": lambda k, **options: pj.Sextupole(
        0.5, k2=3.0, knl=(0.0, 0.5 * k), **options
    ),
    "skew of a kicker": lambda k, **options: pj.Kicker(0.5, ksl=(0.0, 0.5 * k), **options),
    "multipole": lambda k, **options: pj.Multipole(length=0.5, knl=(0.0, 0.5 * k), **options),
}


@pytest.mark.parametrize("order", [4, 6])
@pytest.mark.parametrize("name", KICKED)
@pytest.mark.parametrize("model", ["exact", "paraxial"])
def test_every_kind_of_magnet_meets_a_gradient_that_it_kicks(name, model, order) -> None:
    """The trace of its block, which is what tunes are made of, to what the rule promises."""
    k = 1.7
    found = pj.jacobian(pj.Lattice([KICKED[name](k, model=model, order=order)]), PROTON)
    if name.startswith("skew"):
        quarter = math.sqrt(0.5)
        roll = np.kron([[quarter, -quarter], [quarter, quarter]], np.eye(2))
        found[:4, :4] = roll @ found[:4, :4] @ roll.T
    expected = matrix(0.5, 0.0, k)
    phase = math.sqrt(k) * 0.5
    # 2 cos of the phase, whose square is met to 1e-8
    bound = 1e-8 * phase * math.sinh(phase)
    assert np.trace(found[:2, :2]) == pytest.approx(np.trace(expected[:2, :2]), abs=bound)
    assert np.trace(found[2:4, 2:4]) == pytest.approx(np.trace(expected[2:, 2:]), abs=bound)


def test_curvature_alone_is_a_gradient_too() -> None:
    bend = pj.SBend(2.0, math.pi / 2, model="paraxial", edges="none")
    found = pj.jacobian(pj.Lattice([bend]), PROTON)[:4, :4]
    expected = np.trace(matrix(2.0, math.pi / 4, 0.0)[:2, :2])
    assert np.trace(found[:2, :2]) == pytest.approx(expected, abs=1e-8 * math.pi / 2)


def test_stated_steps_are_taken_as_they_are() -> None:
    """And a slice takes its share of those that are not stated."""
    magnet = pj.Quadrupole(0.5, k1=1.7, model="exact")
    assert count_steps(replace(magnet, steps=3), (0.85,), 0.5) == 3
    whole = count_steps(magnet, (0.85,), 0.5)
    assert count_steps(magnet, (0.85,), 0.5, Part(0.25, 0.5)) == math.ceil(whole / 4)
    assert count_steps(magnet, (0.0,), 0.5) == 4
    assert count_steps(pj.Sextupole(0.5), (0.0,), 0.5) == 1
    columns = torch.tensor([0.1, -0.85], dtype=torch.float64)
    assert count_steps(magnet, (columns,), 0.5) == whole


def test_a_gradient_that_no_magnet_has_is_refused() -> None:
    """Its steps would take for ever."""
    lattice = pj.Lattice([pj.Quadrupole(0.5, k1=1e12, model="exact", name="q")])
    with pytest.raises(pj.errors.InvalidValueError, match="'q' turns particles by a phase of 5e"):
        pj.jacobian(lattice, PROTON)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("model", ["paraxial", "linear"])
def test_tunes_are_those_of_pyat(name: str, model: str) -> None:
    """With sixty steps a bend there."""
    pytest.importorskip("at")
    peer = load_example("rings/peer_at")
    cell, reference = CELLS[name]
    ours = pj.twiss_table(cell(model=model), reference)
    fine = [
        replace(e, model="paraxial", steps=60) if isinstance(e, (pj.SBend, pj.Quadrupole)) else e
        for e in cell()
    ]
    theirs = pj.tunes(peer.to_lattice(fine, reference).find_m44()[0])
    assert ours.tune_x % 1 == pytest.approx(theirs[0], abs=1e-6)
    assert ours.tune_y % 1 == pytest.approx(theirs[1], abs=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_tunes_are_those_of_xtrack(name: str) -> None:
    """With a hundred kicks a bend there."""
    xtrack = pytest.importorskip("xtrack")
    pytest.importorskip("xsuite", reason="xtrack's compiled kernels are in the package xsuite")
    cell, reference = CELLS[name]
    ours = pj.twiss_table(cell(), reference)
    line = xtrack.Line(elements=[of_xtrack(xtrack, e) for e in cell()])
    line.particle_ref = xtrack.Particles(mass0=reference.species.mass, p0c=reference.p0c)
    theirs = line.twiss(method="4d", strengths=False)
    assert ours.tune_x % 1 == pytest.approx(theirs.qx % 1, abs=1e-6)
    assert ours.tune_y % 1 == pytest.approx(theirs.qy % 1, abs=1e-6)


def of_xtrack(xtrack, element: pj.Element):
    if isinstance(element, pj.SBend):
        return xtrack.Bend(
            length=element.length,
            angle=element.angle,
            k1=element.k1,
            edge_entry_angle=element.e1,
            edge_exit_angle=element.e2,
            edge_entry_model="full",
            edge_exit_model="full",
            model="bend-kick-bend",
            integrator="yoshida-6",
            num_multipole_kicks=100,
        )
    if isinstance(element, pj.Quadrupole):
        return xtrack.Quadrupole(length=element.length, k1=element.k1)
    return xtrack.Drift(length=element.length)
