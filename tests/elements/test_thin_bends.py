"""Thin bends: rings of them beside MAD-X and xtrack, and beside thick bends of many slices."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from madx_program import madx

import pyjutrack as pj

PROTON = pj.Reference.from_kinetic("proton", 9e9)
ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
QF, QD = pj.Quadrupole(0.5, 0.6, name="qf"), pj.Quadrupole(0.5, -0.6, name="qd")


def ring(bend: pj.Element) -> list[pj.Element]:
    """A FODO cell of 8 m, a bend between its quadrupoles."""
    gaps = map(pj.Drift, (0.75, 1.25, 2.25, 1.25, 1.5))
    return [next(gaps), QF, next(gaps), bend, next(gaps), QD, next(gaps), bend, next(gaps)]


@pytest.mark.parametrize("lrad", [0.0, 1.0, 2.0])
def test_optics_are_those_of_madx(lrad: float) -> None:
    text = f"""
        beam, particle=proton, pc=10;
        qf: quadrupole, l=0.5, k1=0.6; qd: quadrupole, l=0.5, k1=-0.6;
        bb: multipole, knl={{0.1, 0.02}}, ksl={{0, 0.01}}, lrad={lrad};
        ring: sequence, l=8;
        q1: qf, at=1.0; b1: bb, at=2.5; q2: qd, at=5.0; b2: bb, at=6.5;
        endsequence; use, sequence=ring;"""
    with madx(text) as mad:
        table = mad.twiss()
        expected = float(table.summary.q1), float(table.summary.q2)
        dispersion, alpha_c = float(table.dx[0]), float(table.summary.alfa)
        mass = float(mad.sequence.ring.beam.mass)
    bend = pj.ThinBend(0.1, h=0.1 / lrad if lrad else 0.0, knl=(0.0, 0.02), ksl=(0.0, 0.01))
    reference = pj.Reference(pj.Species("proton", mass * 1e9, 1.0), 10e9)
    found = pj.twiss_table(pj.Lattice(ring(bend)), reference)
    assert (found.tune_x, found.tune_y) == pytest.approx(expected, abs=1e-8)
    # MAD-X counts dispersion by its pt, in units of beta
    assert found.dispersion_x[0] == pytest.approx(dispersion * reference.beta, rel=1e-7)
    assert found.momentum_compaction == pytest.approx(alpha_c, rel=1e-7)


def test_chromaticities_and_dispersion_are_those_of_xtrack() -> None:
    pytest.importorskip("xtrack")
    pytest.importorskip("xsuite")
    from examples_loader import load_example

    bend = pj.ThinBend(0.1, h=0.2, knl=(1e-4, 0.02, 0.3))
    line = load_example("rings/peer_xtrack").to_line(ring(bend), PROTON)
    expected = line.twiss(method="4d")
    found = pj.twiss_table(pj.Lattice(ring(bend)), PROTON, chromatic=True)
    assert (found.tune_x, found.tune_y) == pytest.approx((expected.qx, expected.qy), abs=1e-8)
    assert found.chromaticity_x == pytest.approx(expected.dqx, abs=1e-6)
    assert found.chromaticity_y == pytest.approx(expected.dqy, abs=1e-6)
    np.testing.assert_allclose(found.dispersion_x, expected.dx, rtol=1e-5)
    np.testing.assert_allclose(found.orbit[:, 0], expected.x, atol=1e-10)


def test_many_between_drifts_become_a_sector_bend() -> None:
    """In second order of their number, as drifts and kicks do."""
    rows = 1e-3 * torch.randn(10, 6, generator=torch.Generator().manual_seed(2)).double()
    thick = pj.SBend(1.0, 0.2, k1=0.3, model="linear", edges="none")
    beam = pj.Beam(PROTON, rows)
    expected = pj.track(pj.Lattice([thick]), beam).coordinates

    def error(count: int) -> float:
        half = pj.Drift(0.5 / count, model="paraxial")
        bend = pj.ThinBend(0.2 / count, h=0.2, knl=(0.0, 0.3 / count))
        found = pj.track(pj.Lattice([half, bend, half] * count), beam).coordinates
        return float((found - expected).abs().max())

    # what is left is the curvature's third-order term, which the linear model lacks
    assert error(10) / error(20) == pytest.approx(4, rel=0.05)
    assert error(200) < 1e-6


def test_radiation_is_that_of_thick_bends_in_many_slices() -> None:
    count, length, angle = 100, 1.0, 0.1

    def found(bend: list[pj.Element]) -> pj.optics.Radiation:
        cell = [*ring(pj.Marker())]
        lattice = [x for e in cell for x in (bend if isinstance(e, pj.Marker) else [e])]
        return pj.optics.radiation_integrals(pj.Lattice(lattice), ELECTRON)

    half = pj.Drift(length / count / 2, model="paraxial")
    thin = pj.ThinBend(angle / count, h=angle / length)
    one, other = (
        found([pj.SBend(length, angle, model="linear", edges="none")]),
        found([half, thin, half] * count),
    )
    for name in ("i1", "i2", "i3", "i4", "i5", "energy_loss"):
        a, b = getattr(other, name), getattr(one, name)
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-12, err_msg=name)
    assert one.i2 == pytest.approx(2 * angle**2 / length)


def test_radiation_over_no_length_is_refused_by_name() -> None:
    for h in (0.0, -0.1):
        lattice = pj.Lattice(ring(pj.ThinBend(0.1, h=h, name="bb")))
        with pytest.raises(pj.errors.InvalidValueError, match=r"ThinBend 'bb' bends by 0\.1 rad"):
            pj.optics.radiation_integrals(lattice, ELECTRON)


def test_the_orbit_turns_a_displaced_one_is_a_kick() -> None:
    """A bend that is moved along s by d, on a straight incoming orbit, sends particles aside.

    By the closed form of two lines that meet at the bend: they are d tan(angle) off at its plane.
    """
    angle, shift = 0.1, 2e-3
    line = pj.Lattice([pj.ThinBend(angle, dz=shift), pj.Drift(1.0)])
    beam = pj.Beam(PROTON, torch.zeros(1, 6, dtype=torch.float64))
    x, px, *_ = pj.track(line, beam).coordinates[0].tolist()
    # the kick of a thin bend is its angle, in px, and no rotation: the same to third order in it
    assert px == pytest.approx(0.0, abs=angle**3)
    assert x == pytest.approx(shift * math.sin(angle), abs=2 * shift * angle**2 + angle**3)
