"""Bends with a gradient: the linear part is exact, so that tunes do not hang on the steps."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pyjutrack as pj

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


@pytest.mark.parametrize("name", CELLS)
def test_tunes_do_not_depend_on_the_steps(name: str) -> None:
    """Chromaticities converge; the default is within 1e-4 of them."""
    cell, reference = CELLS[name]
    fine = cell(order=6, steps=32)
    expected = pj.twiss_table(fine, reference)
    for options in ({}, {"steps": 1, "order": 2}):
        found = pj.twiss_table(cell(**options), reference)
        assert found.tune_x == pytest.approx(expected.tune_x, abs=1e-12)
        assert found.tune_y == pytest.approx(expected.tune_y, abs=1e-12)
    np.testing.assert_allclose(
        pj.chromaticities(cell(), reference), pj.chromaticities(fine, reference), rtol=0, atol=1e-4
    )


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
