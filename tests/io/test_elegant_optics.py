"""What elements of elegant do, against MAD-X, closed forms, and differences of files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from lattice_text import reader
from mad_matrix import mad_matrix

import pyjutrack as pj
from pyjutrack.errors import LatticeWarning
from pyjutrack.optics import linear_optics, optics_gradient, transfer_matrices

ELECTRON = pj.Reference.from_total("electron", 3e9)


@pytest.fixture
def read(tmp_path: Path):
    return reader(tmp_path, "a.lte")


def matrix(lattice: pj.Lattice, reference: pj.Reference = ELECTRON) -> np.ndarray:
    """The matrix (6, 6) along a line, on the orbit that starts at zero."""
    return np.asarray(pj.jacobian(lattice, reference))


def test_slopes_by_a_stored_value_are_those_of_files(read) -> None:
    """The slope of a beta by `kk` against files with other numbers in its place."""
    text = (
        "% {kk} sto kk\n"
        'QF: QUAD, L=0.5, K1="kk"\nQD: QUAD, L=0.5, K1="kk 1.1 * chs"\nD: DRIF, L=0.75\n'
        "RING: LINE=(QF,D,QD,D)\n"
    )

    def beta(kk: float) -> float:
        ring = read(text.replace("{kk}", repr(kk))).lattice
        return float(linear_optics(ring, ELECTRON).beta_x[0])

    ring = read(text.replace("{kk}", "0.6")).lattice
    value, slope = optics_gradient(lambda t: t.beta_x[0], ring, ELECTRON, ["kk"])
    step = 1e-4
    difference = (8 * (beta(0.6 + step) - beta(0.6 - step))) / (12 * step)
    difference -= (beta(0.6 + 2 * step) - beta(0.6 - 2 * step)) / (12 * step)
    assert value == pytest.approx(beta(0.6), rel=1e-12)
    assert slope[0] == pytest.approx(difference, rel=1e-7)


def test_matrices_are_those_of_mad(read) -> None:
    """RBEN by its chord, faces, fringes, tilts, solenoids, kicks: all as in MAD."""
    elegant = read(
        "Q: QUAD, L=0.4, K1=1.1, TILT=0.2\nD: DRIF, L=0.6\n"
        "R: RBEN, L=1.2, ANGLE=-0.2, E1=0.03, K1=0.05, HGAP=0.02, FINT=0.4\n"
        "B: CSBEND, L=1.5, ANGLE=0.3, E1=0.1, E2=0.12, TILT=0.4, HGAP=0.03\n"
        "O: SOLE, L=0.5, KS=0.3\nV: ROTATE, TILT=0.1\n"
        "RING: LINE=(Q,D,R,D,O,V,B,D)\n"
    ).lattice
    mad = mad_matrix(
        "q: quadrupole, l=0.4, k1=1.1, tilt=0.2; d: drift, l=0.6;"
        "r: rbend, l=1.2, angle=-0.2, e1=0.03, k1=0.05, hgap=0.02, fint=0.4;"
        "b: sbend, l=1.5, angle=0.3, e1=0.1, e2=0.12, tilt=0.4, hgap=0.03, fint=0.5;"
        "o: solenoid, l=0.5, ks=0.3; v: srotation, angle=0.1;"
        "ring: line=(q,d,r,d,o,v,b,d);"
    )
    np.testing.assert_allclose(matrix(elegant)[:4, :4], mad, rtol=0, atol=2e-8)


def test_a_solenoid_is_that_of_the_manual(read) -> None:
    """With k = KS/2 and C, S of k L: x' = C^2 x + S C/k px + S C y + S^2/k py, y turned by -k L."""
    ks, length = 0.4, 0.7
    k = ks / 2
    c, s = math.cos(k * length), math.sin(k * length)
    half = np.array([[c, s / k], [-k * s, c]])
    expected = np.block([[c * half, s * half], [-s * half, c * half]])
    ring = read(f"S: SOLE, L={length}, KS={ks}\nR: LINE=(S)\n").lattice
    np.testing.assert_allclose(matrix(ring)[:4, :4], expected, atol=1e-12)


@pytest.mark.parametrize(("end", "keys"), [(1, (0, 1)), (2, (1, 0)), (None, (0, 0))])
def test_edges_are_switched_off(read, end: int | None, keys: tuple[int, int]) -> None:
    """Thin lenses tan(e)/rho and -tan(e - psi)/rho about the body, where they are on."""
    angle, length, e1, e2, gap, fint = 0.2, 1.3, 0.15, 0.05, 0.03, 0.5
    off = {1: "EDGE1_EFFECTS=0", 2: "EDGE2_EFFECTS=0", None: "EDGE1_EFFECTS=0,EDGE2EFFECTS=0"}
    text = f"B: CSBEND, L={length}, ANGLE={angle}, E1={e1}, E2={e2}, HGAP={gap}, {off[end]}\n"
    found = read(text + "R: LINE=(B)\nBACK: LINE=(-R)\n", line="R")
    assert found.notes == ()
    radius = length / angle

    def edge(e: float) -> np.ndarray:
        psi = 2 * gap * fint * (1 + math.sin(e) ** 2) / (radius * math.cos(e))
        lens = np.eye(4)
        lens[1, 0], lens[3, 2] = math.tan(e) / radius, -math.tan(e - psi) / radius
        return lens

    body = matrix(pj.Lattice([pj.SBend(length, angle)]))[:4, :4]
    one, other = (edge(e) if on else np.eye(4) for e, on in zip((e1, e2), keys, strict=True))
    np.testing.assert_allclose(matrix(found.lattice)[:4, :4], other @ body @ one, atol=1e-9)
    back = read(text + "R: LINE=(B)\nBACK: LINE=(-R)\n", line="BACK").lattice
    np.testing.assert_allclose(matrix(back)[:4, :4], one @ body @ other, atol=1e-9)


@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_a_bend_is_displaced_along_the_axes_at_its_entrance(read, tilt: float) -> None:
    """Frames moved there, and back along the axes at the exit of the bend as designed."""
    angle, moved = 0.4, (1e-3, -2e-3, 3e-3)
    dx, dy, dz = moved
    text = f"B: CSBEND, L=1.2, ANGLE={angle}, DX={dx}, DY={dy}, DZ={dz}, TILT={tilt}\n"
    found = read(text + "R: LINE=(B)\n")
    assert found.notes == ()
    cosine, sine = math.cos(tilt), math.sin(tilt)
    inward, across = cosine * dx + sine * dy, cosine * dy - sine * dx
    inward, dz_out = (
        math.cos(angle) * inward + math.sin(angle) * dz,
        math.cos(angle) * dz - math.sin(angle) * inward,
    )
    back = pj.Patch(
        dx=-(cosine * inward - sine * across), dy=-(sine * inward + cosine * across), dz=-dz_out
    )
    built = pj.Lattice([pj.Patch(dx=dx, dy=dy, dz=dz), pj.SBend(1.2, angle, tilt=tilt), back])
    rows = torch.tensor([[1e-3, 2e-3, -1e-3, 5e-4, 1e-3, 2e-3]], dtype=torch.float64)
    beam = pj.Beam(ELECTRON, rows)
    one, other = (np.asarray(pj.track(b, beam).coordinates) for b in (found.lattice, built))
    # s along the reference is counted anew by the frames
    np.testing.assert_allclose(one[0, :4], other[0, :4], atol=1e-12)
    assert one[0, 5] == other[0, 5] == 2e-3


def test_a_bend_may_be_displaced_about_its_middle(read) -> None:
    text = "B: CSBEND, L=1.2, ANGLE=0.4, DX=1e-3, DZ=2e-3, MALIGN_METHOD=2\nR: LINE=(B)\n"
    assert list(read(text).lattice) == [pj.SBend(1.2, 0.4, dx=1e-3, dz=2e-3, name="B")]


@pytest.mark.parametrize("changes", [0, 1])
def test_a_cavity_gains_by_its_phase(read, changes: int) -> None:
    """V sin(phase + omega t) for a particle that is late by t; 90 degrees is the crest."""
    volt, freq, phase, z = 2e6, 5e8, 120.0, -0.01
    text = f"C: RFCA, VOLT={volt}, FREQ={freq}, PHASE={phase}, CHANGE_P0={changes}\nR: LINE=(C)\n"
    ring = read(text).lattice
    rows = torch.tensor([[0, 0, 0, 0, z, 0.0]], dtype=torch.float64)
    out = pj.track(ring, pj.Beam(ELECTRON, rows))
    late = -z / float(ELECTRON.beta) / 299_792_458.0
    mass = ELECTRON.species.mass
    energy = math.hypot(float(ELECTRON.p0c), mass)
    after = energy + volt * math.sin(math.radians(phase) + 2 * math.pi * freq * late)
    crest = energy + changes * volt * math.sin(math.radians(phase))
    momentum = math.sqrt(after**2 - mass**2)
    assert float(out.reference.p0c) == pytest.approx(math.sqrt(crest**2 - mass**2), rel=1e-12)
    expected = momentum / float(out.reference.p0c) - 1
    assert float(out.coordinates[0, 5]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("stated", "focusing", "ends"),
    [
        ("", "none", "both"),
        ("BODY_FOCUS_MODEL=SRS, STANDING_WAVE=1", "standing-wave", "none"),
        ('BODY_FOCUS_MODEL="SRS", END1_FOCUS=1, END2_FOCUS=1', "standing-wave", "both"),
        ("BODY_FOCUS_MODEL=NONE, END1_FOCUS=1", "travelling-wave", "entrance"),
        ("END2_FOCUS=1", "travelling-wave", "exit"),
    ],
)
@pytest.mark.parametrize("kind", ["RFCA", "RFCW"])
@pytest.mark.filterwarnings("ignore:.*wakes are left out")
def test_focusing_of_cavities(read, kind: str, stated: str, focusing: str, ends: str) -> None:
    volt = "C: {}, L=1, VOLT=2e7, FREQ=1.3e9, PHASE=80, CHANGE_P0=1{}\nR: LINE=(C)\n"
    (cavity,) = read(volt.format(kind, f", {stated}" if stated else "")).lattice
    assert (cavity.focusing, cavity.ends) == (focusing, ends)


def test_matrix_of_srs_focusing(read) -> None:
    """The formulas of its body and its ends, by gamma. Source: rfca.c of elegant."""
    text = "C: RFCA, L=2, VOLT=2e9, FREQ=1.3e9, PHASE=90, CHANGE_P0=1, BODY_FOCUS_MODEL=SRS"
    line = read(f"{text}, END1_FOCUS=1, END2_FOCUS=1\nR: LINE=(C)\n").lattice
    found = pj.jacobian(line, ELECTRON)
    before = float(ELECTRON.gamma)
    gain = 2e9 / ELECTRON.species.mass
    after, turn, root = before + gain, math.log((before + gain) / before) / math.sqrt(8), 8**0.5
    body = np.array(
        [
            [math.cos(turn), root * before * 2 / gain * math.sin(turn)],
            [-math.sin(turn) * gain / (2 * after * root), before / after * math.cos(turn)],
        ]
    )
    first, last = (np.array([[1, 0], [-f, 1]]) for f in (gain / 4 / before, -gain / 4 / after))
    np.testing.assert_allclose(found[:2, :2], last @ body @ first, rtol=1e-6)
    np.testing.assert_allclose(found[2:4, 2:4], found[:2, :2], rtol=1e-12)


def test_fields_and_errors_of_bends_scale(read) -> None:
    b, c = read(
        "B: CSBEND, L=2, ANGLE=0.4, K1=0.3, K3=5, FSE=0.01, FSE_DIPOLE=0.02\n"
        "C: CSBEND, L=2, ANGLE=0.4, USE_BN=1, B1=0.5, B2=7\nR: LINE=(B,C)\n"
    ).lattice
    assert float(b.dk0) == pytest.approx(0.03 * 0.2)
    assert float(b.k1) == pytest.approx(0.3 * 1.01)
    assert b.knl == pytest.approx((0, 0, 0, 5 * 2 * 1.01))
    assert (float(c.k1), float(c.k2)) == pytest.approx((0.1, 1.4))


def test_a_ring_has_the_tunes_of_mad(read) -> None:
    cell = "QF: KQUAD, L=0.3, K1=1.6\nQD: KQUAD, L=0.3, K1=-1.5\nD: DRIF, L=0.9\n"
    cell += 'B: RBEN, L=1, ANGLE="pi 8 /"\nS: KSEXT, L=0.1, K2=3\nR: LINE=(QF,D,B,S,QD,B,D)\n'
    ring = read(cell).lattice
    ours = np.linalg.multi_dot(transfer_matrices(ring, ELECTRON)[::-1])[:4, :4]
    mad = mad_matrix(
        "qf: quadrupole, l=0.3, k1=1.6; qd: quadrupole, l=0.3, k1=-1.5; d: drift, l=0.9;"
        "b: rbend, l=1, angle=pi/8; s: sextupole, l=0.1, k2=3; ring: line=(qf,d,b,s,qd,b,d);"
    )
    traces = [(np.trace(m[:2, :2]) / 2, np.trace(m[2:, 2:]) / 2) for m in (ours, mad)]
    assert np.arccos(traces[0]) == pytest.approx(np.arccos(traces[1]), abs=1e-7)


def _entries(found: dict[str, float]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in found.items())


def _beyond_second_order(lattice: pj.Lattice, other: pj.Lattice, reference: pj.Reference) -> float:
    """How much larger the distance of two maps is at twice the amplitude: 8 of third order."""
    start = np.array([[3e-4, 2e-4, -1e-4, 4e-4, 5e-4, 3e-4]])

    def apart(size: float) -> float:
        beam = pj.Beam.from_array(reference, size * start)
        found = [pj.track(each, beam).numpy() for each in (lattice, other)]
        return float(np.abs(found[0] - found[1]).max())

    return apart(4.0) / apart(2.0)


def test_a_matrix_of_a_drift_is_the_drift_to_second_order(read) -> None:
    """x = x0 + L x', s = s0 + L sqrt(1 + x'^2 + y'^2); of protons, whose speed counts."""
    length = 1.7
    diagonal = {f"R{n}{n}": 1.0 for n in range(1, 7)}
    stated = {"R12": length, "R34": length, "T522": length / 2, "T544": length / 2, "C5": length}
    text = f"M: EMATRIX, L={length}, ORDER=2, {_entries(diagonal | stated)}\nR: LINE=(M)\n"
    proton = pj.Reference.from_kinetic("proton", 1e9)
    found = read(text, reference=proton)
    assert found.notes == ()
    drift = pj.Lattice([pj.Drift(length, model="exact")])
    assert _beyond_second_order(found.lattice, drift, proton) == pytest.approx(8, rel=0.05)
    np.testing.assert_allclose(matrix(found.lattice, proton), matrix(drift, proton), atol=1e-12)


def test_a_matrix_of_a_thin_lens_kicks_by_momentum_and_not_by_slope(read) -> None:
    """x' = x0' - x / (f (1 + delta)): of momenta the map is linear, rolled by TILT too."""
    k1l, tilt = 0.8, 0.3
    stated = {"R21": -k1l, "R43": k1l, "T261": k1l, "T463": -k1l}
    diagonal = {f"R{n}{n}": 1.0 for n in range(1, 7)}
    text = f"M: EMATRIX, ORDER=2, TILT={tilt}, {_entries(diagonal | stated)}\nR: LINE=(M)\n"
    found = read(text).lattice
    lens = pj.Lattice([pj.Multipole(knl=(0.0, k1l), tilt=tilt)])
    beam = pj.Beam.from_array(ELECTRON, [[1e-3, 2e-3, -1e-3, 1e-3, 0.0, 0.01]])
    np.testing.assert_allclose(
        pj.track(found, beam).numpy(), pj.track(lens, beam).numpy(), atol=1e-15
    )


def test_a_matrix_follows_stored_values(read) -> None:
    text = (
        '% 0.4 sto r\nM: EMATRIX, R11=1, R21="r chs", R22=1, R33=1, R44=1, R55=1, R66=1\n'
        "R: LINE=(M)\n"
    )
    found = read(text).lattice
    assert matrix(found.with_values(r=0.7))[1, 0] == pytest.approx(-0.7, abs=1e-15)


@pytest.mark.parametrize("stated", ["R15=0.1, R55=1", "R55=0.5", "DELTAP=1, R55=1", "R65=1, R55=1"])
def test_a_matrix_by_the_path_from_the_start_is_no_map(read, stated: str) -> None:
    with pytest.warns(LatticeWarning, match="path length"):
        found = read(f"M: EMATRIX, R11=1, R22=1, {stated}\nR: LINE=(M)\n")
    assert not found.lattice[0].is_modelled
