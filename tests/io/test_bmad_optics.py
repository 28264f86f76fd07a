"""What elements of Bmad do, against MAD-X, closed forms, and differences of files.

Signs of phases and kicks are those of its source, track_a_rfcavity and multipole_ele_to_ab.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from bmad_text import ELECTRON, START
from lattice_text import reader
from mad_matrix import mad_matrix

import pyjutrack as pj
from pyjutrack.optics import linear_optics, optics_gradient

LIGHT = 299_792_458.0


@pytest.fixture
def read(tmp_path: Path):
    return reader(tmp_path, "a.bmad", START)


def pass_one(lattice: pj.Lattice, *row: float, reference: pj.Reference = ELECTRON) -> np.ndarray:
    """Coordinates of a particle at the end of a lattice."""
    rows = torch.tensor([row or (0.0,) * 6], dtype=torch.float64)
    return np.asarray(pj.track(lattice, pj.Beam(reference, rows)).coordinates)[0]


def test_matrices_are_those_of_mad(read) -> None:
    """Bends by chord, curvature or angle, their faces and fringes, tilts, solenoids."""
    ours = read(
        "q: quadrupole, l = 0.4, k1 = 1.1, tilt = 0.2; d: drift, l = 0.6\n"
        "r: rbend, l = 1.2, angle = -0.2, e1 = 0.03, k1 = 0.05, hgap = 0.02, fint = 0.4\n"
        "s: rbend, l = 1.1, g = 0.2, e2 = 0.05\n"
        "b: sbend, l = 1.5, g = 0.2, e1 = 0.1, e2 = 0.12, ref_tilt = 0.4, hgap = 0.03, fint,\n"
        "   hgapx = 0.06, fintx = 0.25\n"
        "o: solenoid, l = 0.5, ks = 0.3\n"
        "ring: line = (q, d, r, d, s, o, b, d); use, ring\n"
    )
    assert ours.notes == ()
    half = math.asin(0.5 * 0.2 * 1.1)
    mad = mad_matrix(
        "q: quadrupole, l=0.4, k1=1.1, tilt=0.2; d: drift, l=0.6;"
        "r: rbend, l=1.2, angle=-0.2, e1=0.03, k1=0.05, hgap=0.02, fint=0.4;"
        f"s: rbend, l=1.1, angle={2 * half!r}, e2=0.05;"
        "b: sbend, l=1.5, angle=0.3, e1=0.1, e2=0.12, tilt=0.4, hgap=0.03, fint=0.5;"
        "o: solenoid, l=0.5, ks=0.3; ring: line=(q,d,r,d,s,o,b,d);"
    )
    found = np.asarray(pj.jacobian(ours.lattice, ELECTRON))[:4, :4]
    np.testing.assert_allclose(found, mad, rtol=0, atol=2e-8)


@pytest.mark.parametrize("phi0", [0.0, 0.1, -0.3])
def test_a_cavity_gains_by_its_phase(read, phi0: float) -> None:
    """V sin(2 pi phi0 - omega t) for a particle that is late by t."""
    text = f"c: rfcavity, voltage = 2e6, rf_frequency = 5e8, phi0 = {phi0}; r: line = (c); use, r\n"
    z = -0.01
    late = -z / float(ELECTRON.beta) / LIGHT
    mass, p0c = ELECTRON.species.mass, float(ELECTRON.p0c)
    energy = math.hypot(p0c, mass) + 2e6 * math.sin(2 * math.pi * (phi0 - 5e8 * late))
    delta = math.sqrt(energy**2 - mass**2) / p0c - 1
    out = pass_one(read(text).lattice, 0, 0, 0, 0, z, 0)
    assert out[5] == pytest.approx(delta, abs=1e-13)


def test_a_crab_cavity_kicks_by_its_phase(read) -> None:
    """V sin(2 pi phi0 - omega t) / (p0 c) for a particle that is late by t."""
    text = "c: crab_cavity, voltage = 2e6, rf_frequency = 5e8, phi0 = 0.1; r: line = (c); use, r\n"
    z = -0.01
    late = -z / float(ELECTRON.beta) / LIGHT
    kick = 2e6 / float(ELECTRON.p0c) * math.sin(2 * math.pi * (0.1 - 5e8 * late))
    assert pass_one(read(text).lattice, 0, 0, 0, 0, z, 0)[1] == pytest.approx(kick, abs=1e-13)


def test_a_bend_is_an_arc_from_the_curvature_zero_on(read) -> None:
    """As long as 2 asin(g L / 2) / g, for the chord L."""
    text = "gg = 0; b: rbend, l = 1, g = gg; r: line = (b); use, r\n"
    bend = read(text).lattice.with_values(gg=0.2)[0]
    assert float(bend.length) == pytest.approx(2 * math.asin(0.1) / 0.2, rel=1e-14)
    assert float(bend.angle) == pytest.approx(2 * math.asin(0.1), rel=1e-14)


@pytest.mark.parametrize("charge", [2, -2])
def test_ions_gain_the_voltage_once(read, charge: int) -> None:
    """dE = V sin(phase) for the reference particle. Source: track_a_rfcavity of Bmad."""
    ion = pj.Reference.from_total(pj.Species("he", 3.7e9, charge), 1e10)
    text = "c: rfcavity, voltage = 2e6, rf_frequency = 5e8, phi0 = 0.1; r: line = (c); use, r\n"
    momentum = float(ion.p0c) * (1 + pass_one(read(text, reference=ion).lattice, reference=ion)[5])
    gain = math.hypot(momentum, 3.7e9) - 1e10
    assert gain == pytest.approx(2e6 * math.sin(2 * math.pi * 0.1), abs=1e-3)
    text = "c: lcavity, l = 1, voltage = 2e6, rf_frequency = 5e8; r: line = (c); use, r\n"
    end = read(text, reference=ion).lattice["c"].exit_reference(ion)
    assert float(end.gamma) * 3.7e9 == pytest.approx(1e10 + 2e6, rel=1e-12)


def test_fields_are_divided_by_the_rigidity_where_they_stand(read) -> None:
    """A quadrupole after an accelerating cavity is weaker, by the momentum there."""
    found = read(
        "q: quad, l = 0.5, b1_gradient = -4; c: lcavity, l = 1, gradient = 1e9, phi0 = 0.05,\n"
        "rf_frequency = 1e9\nr: line = (q, c, q); use, r\n"
    )
    first, _, cavity, _, last = found.lattice
    mass = ELECTRON.species.mass
    energy = 3e9 + 1e9 * math.cos(2 * math.pi * 0.05)
    momenta = float(ELECTRON.p0c), math.sqrt(energy**2 - mass**2)
    strengths = [float(first.k1), float(last.k1)]
    assert strengths == pytest.approx([-4 * -1 * LIGHT / p for p in momenta], rel=1e-12)
    assert float(cavity.exit_reference(ELECTRON).p0c) == pytest.approx(momenta[1], rel=1e-12)


def test_a_linac_cavity_is_a_wave_along_its_whole_cells(read) -> None:
    """A late particle gains by cos(2 pi phi0 + omega t). Source: track_a_lcavity of Bmad."""
    text = (
        "c: lcavity, l = 1, voltage = 2e7, rf_frequency = 1.3e9, phi0 = 0.1{}; d: drift, l = 1\n"
        "r: line = (c, d); use, r\n"
    )
    line = read(text.format("")).lattice
    half_wave = LIGHT / 2.6e9
    assert [e.name for e in line] == ["c_end", "c", "c_end", "d"]
    assert [float(e.length) for e in line][:3] == pytest.approx(
        [(1 - 8 * half_wave) / 2, 8 * half_wave, (1 - 8 * half_wave) / 2], rel=1e-12
    )
    cavity = line["c"]
    assert (cavity.focusing, cavity.ends, cavity.accelerate) == ("standing-wave", "both", True)
    z = -0.01
    energies = [
        math.hypot(float(end.reference.p0c) * (1 + end.coordinates[0, 5]), ELECTRON.species.mass)
        for end in (pass_beam(line, start) for start in (0.0, z))
    ]
    turns = -z * 1.3e9 / LIGHT
    gains = [2e7 * math.cos(2 * math.pi * (0.1 + t)) for t in (0.0, turns)]
    assert energies[1] - energies[0] == pytest.approx(gains[1] - gains[0], rel=1e-5)
    other = read(text.format(", cavity_type = traveling_wave, fringe_at = exit_end, n_cell = 2"))
    wave = other.lattice["c"]
    assert (wave.focusing, wave.ends) == ("travelling-wave", "exit")
    assert float(wave.length) == pytest.approx(2 * half_wave, rel=1e-12)
    whole = read(
        "c: lcavity, l = 1, voltage = 1e6, rf_frequency = c_light\nr: line = (c); use, r\n"
    )
    assert len(whole.lattice) == 1
    thin = read(text.format(", n_cell = 0")).lattice["c"]
    assert (thin.focusing, float(thin.length)) == ("none", 1.0)


def pass_beam(line: pj.Lattice, z: float) -> pj.Beam:
    rows = torch.tensor([[0, 0, 0, 0, z, 0.0]], dtype=torch.float64)
    return pj.track(line, pj.Beam(ELECTRON, rows))


def test_slopes_by_an_overlay_are_those_of_files(read) -> None:
    text = (
        "qf: quad, l = 0.5; qd: quad, l = 0.5; d: drift, l = 0.75\n"
        "ov: overlay = {qf[k1]: k, qd[k1]: -1.1*k}, var = {k}, k = {k}\n"
        "r: line = (qf, d, qd, d); use, r\n"
    )

    def beta(k: float) -> float:
        return float(
            linear_optics(read(text.replace("{k}\nr", f"{k!r}\nr")).lattice, ELECTRON).beta_x[0]
        )

    ring = read(text.replace("{k}\nr", "0.6\nr")).lattice
    value, slope = optics_gradient(lambda t: t.beta_x[0], ring, ELECTRON, ["ov.k"])
    step = 1e-4
    difference = (8 * (beta(0.6 + step) - beta(0.6 - step))) / (12 * step)
    difference -= (beta(0.6 + 2 * step) - beta(0.6 - 2 * step)) / (12 * step)
    assert value == pytest.approx(beta(0.6), rel=1e-12)
    assert slope[0] == pytest.approx(difference, rel=1e-7)


def test_multipoles_are_complex_powers(read) -> None:
    """Kicks -(b_n + i a_n) (x + i y)^n in px - i py; K_nL / n! e^(-i (n + 1) T_n) for MULTIPOLE."""
    x, y = 2e-3, -3e-3
    ring = read(
        "m: ab_multipole, b2 = 3.0, a1 = 0.2, b0 = 1e-4\n"
        "t: multipole, k2l = 5, t2 = 0.3, k1sl = 0.1\n"
        "r: line = (m, t); use, r\n"
    ).lattice
    field = 1e-4 + 0.2j * (x + 1j * y) + 3 * (x + 1j * y) ** 2
    turned = 5 / 2 * np.exp(-3j * 0.3) * (x + 1j * y) ** 2 + 0.1j * (x + 1j * y)
    out = pass_one(ring, x, 0, y, 0, 0, 0)
    total = field + turned
    assert (out[1], out[3]) == pytest.approx((-total.real, total.imag), abs=1e-15)


def test_errors_of_magnets_are_in_units_of_their_strength(read) -> None:
    """b_n of a quadrupole are multiplied by K1 L and by r0^(1 - n)."""
    q, p = read(
        "q: quad, l = 0.5, k1 = 2, b2 = 1e-2, a3 = 3.0, r0_mag = 0.1\n"
        "p: q, scale_multipoles = F; r: line = (q, p); use, r\n"
    ).lattice
    assert q.knl == pytest.approx((0, 0, 2 * 1e-2 / 0.1))
    assert q.ksl == pytest.approx((0, 0, 0, 6 * 3.0 / 0.1**2))
    assert p.knl == pytest.approx((0, 0, 2e-2))


def test_kicks_turn_with_kickers_only(read) -> None:
    found = read(
        "k: kicker, hkick = 1e-4, vkick = 2e-4, tilt = 0.3\n"
        "q: quad, l = 0.5, hkick = 1e-4, vkick = 2e-4, tilt = 0.3\n"
        "r: line = (k); s: line = (q); use, r\n",
    )
    c, s = math.cos(0.3), math.sin(0.3)
    out = pass_one(found.lattice)
    assert (out[1], out[3]) == pytest.approx((c * 1e-4 - s * 2e-4, s * 1e-4 + c * 2e-4))
    straight = read("q: quad, l = 0.5, hkick = 1e-4, vkick = 2e-4, tilt = 0.3; r: line = (q)\n")
    out = pass_one(straight.lattice)
    assert (out[1], out[3]) == pytest.approx((1e-4, 2e-4))


def test_pitches_turn_about_the_middle(read) -> None:
    """A quadrupole with x_pitch p: its exit stands at p L / 2, its axis along p."""
    p, length, k = 1e-5, 0.8, 1.5
    ring = read(f"q: quad, l = {length}, k1 = {k}, x_pitch = {p}; r: line = (q)\n").lattice
    w = math.sqrt(k)
    m = np.array(
        [
            [math.cos(w * length), math.sin(w * length) / w],
            [-w * math.sin(w * length), math.cos(w * length)],
        ]
    )
    inside = m @ np.array([p * length / 2, -p])
    expected = inside + np.array([p * length / 2, p])
    assert pass_one(ring)[:2] == pytest.approx(expected, abs=1e-13)
    upright = read(f"q: quad, l = {length}, k1 = {-k}, y_pitch = {p}; r: line = (q)\n").lattice
    assert pass_one(upright)[2:4] == pytest.approx(
        inside + np.array([p * length / 2, p]), abs=1e-13
    )


def test_a_patch_moves_the_frame(read) -> None:
    """A particle on the old axis is at -x_offset, and runs along -x_pitch, in the new frame."""
    moved, turned = read(
        "p: patch, x_offset = 1e-3, y_offset = 2e-3, z_offset = 0.3\n"
        "q: patch, x_pitch = 0.1, tilt = 0.2; r: line = (p, q); use, r\n"
    ).lattice
    out = pass_one(pj.Lattice([moved]))
    assert (out[0], out[2]) == pytest.approx((-1e-3, -2e-3), abs=1e-15)
    assert float(moved.dz) == 0.3
    out = pass_one(pj.Lattice([turned]))
    expected = -math.sin(0.1) * math.cos(0.2), math.sin(0.1) * math.sin(0.2)
    assert (out[1], out[3]) == pytest.approx(expected, rel=1e-12)


def _edge(row: np.ndarray, k1: float) -> np.ndarray:
    """Bmad's hard edge of a quadrupole at its entrance, of which the exit has -k1.

    x and y gain f and g of the generating function, momenta follow by its derivatives. Source: The
    Bmad Reference Manual, 2025, Fringe Fields, Quadrupole and Higher Multipole Hard Edge Fringe.
    """
    x, px, y, py, z, delta = row
    c = k1 / (12 * (1 + delta))
    gain = c * np.array([x**3 + 3 * x * y**2, -(y**3) - 3 * y * x**2])
    slopes = c * np.array([[3 * (x**2 + y**2), 6 * x * y], [-6 * x * y, -3 * (x**2 + y**2)]])
    px, py = np.linalg.solve((np.eye(2) + slopes).T, [px, py])
    z = z - (px * gain[0] + py * gain[1]) / (1 + delta)
    return np.array([x + gain[0], px, y + gain[1], py, z, delta])


@pytest.mark.parametrize("kind", ["full", "hard_edge_only"])
def test_quadrupoles_have_the_hard_edges_of_bmad(read, kind: str) -> None:
    text = "q: quadrupole, l = 0.6, k1 = 1.3{}\nr: line = (q)\n"
    row = np.array([0.011, 2e-3, -0.008, 3e-3, 1e-3, 6e-3])
    plain = read(text.format("")).lattice
    expected = _edge(pass_one(plain, *_edge(row, 1.3)), -1.3)
    found = pass_one(read(text.format(f", fringe_type = {kind}")).lattice, *row)
    assert np.abs(found - pass_one(plain, *row)).max() > 1e-7
    np.testing.assert_allclose(found, expected, atol=3e-11)
    none = read(text.format(f", fringe_type = {kind}, fringe_at = no_end")).lattice
    np.testing.assert_array_equal(pass_one(none, *row), pass_one(plain, *row))
