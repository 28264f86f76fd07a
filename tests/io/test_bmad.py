"""Bmad's files against lattices built by hand.

What a file means is in The Bmad Reference Manual (2025).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from bmad_text import ELECTRON, START
from lattice_text import reader

import pyjutrack as pj
from pyjutrack.errors import LatticeFileError, LatticeWarning
from pyjutrack.io import read_lattice


@pytest.fixture
def read(tmp_path: Path):
    return reader(tmp_path, "a.bmad", START)


def test_a_file_element_by_element(read) -> None:
    found = read(
        """! a ring
a = 0.3; b := 2*a            ! constants
Q1: Quad, L = 0.5, k1 = b,   ! goes on after a comma
    type = "Main Ring"
q2: q1, k1 = -q1[k1]
d: drift, l = 1.0 &
  + a
bb: sbend, l = 1, g = 0.1, e1 = 0.02,
  hgap = 0.01
  , fint                      ! and before one
s: sext, l = 0.1, k2 = 3, tilt, x_offset = 1e-3, y_pitch = 2e-3
rf: rfcavity, l = 0.1, voltage = 1e6, rf_frequency = 5e8, phi0 = 0.1
k: hkicker, kick = 1e-4
m: monitor, l = 0.2
cell: line = (q1, d, q2)
ring: line = (2*cell, bb, s, -cell, rf, k, m)
*[tracking_method] = bmad_standard
use, ring
"""
    )
    assert found.notes == ()
    assert found.reference == ELECTRON
    q1, q2 = pj.Quadrupole(0.5, 0.6, name="q1"), pj.Quadrupole(0.5, -0.6, name="q2")
    d = pj.Drift(1.3, name="d")
    assert list(found.lattice) == [
        *(q1, d, q2, q1, d, q2),
        pj.SBend(1.0, 0.1, e1=0.02, hgap=0.01, fint=0.5, fintx=0.5, name="bb"),
        pj.Sextupole(0.1, 3.0, tilt=math.pi / 6, dx=1e-3, x_rot=-2e-3, name="s"),
        *(q2, d, q1),
        pj.RFCavity(0.1, 1e6, frequency=5e8, phase=math.pi - 2 * math.pi * 0.1, name="rf"),
        pj.Kicker(hkick=1e-4, name="k"),
        pj.Monitor(0.2, name="m"),
    ]
    assert dict(found.lattice.variables) == {"a": 0.3, "b": 0.6}
    written = {address: str(e) for address, e in found.lattice.expressions.items()}
    assert written == {"b": "2*a", "q1.k1": "b", "q2.k1": "-b", "d.length": "1 + a"}


def test_overlays_and_groups_are_expressions(read) -> None:
    text = (
        "q1: quad, l = 0.5, k1 = 0.7; q2: quad, l = 0.5; b: sbend, l = 1, angle = 0.1\n"
        "ov1: overlay = {q2[k1]: -2*a, b[dg]}, var = {a, c}, a = {a}\n"
        "ov2: overlay = {q2[k1]:3}, var = {x}, x = 0.1\n"
        "ov3: overlay = {ov2[x]: y^2}, var = {y}, y = 0.2\n"
        "gr: group = {quadrupole::q1[k1]: v^2}, var = {v}, v = 2, old_v = 1\n"
        "r: line = (q1, b, q2); use, r\n"
    )
    found = read(text.replace("{a}", "0.4"))
    q1, b, q2 = found.lattice
    assert found.notes == ()
    assert float(q1.k1) == pytest.approx(0.7 + 2**2 - 1**2)
    assert float(b.dk0) == pytest.approx(0.4)  # the first variable where none is written
    assert float(q2.k1) == pytest.approx(-0.8 + 3 * 0.2**2)
    moved = found.lattice.with_values({"ov1.a": 0.5, "gr.v": 3.0})
    again = read(text.replace("{a}", "0.5").replace("v = 2", "v = 3")).lattice
    assert list(moved) == list(again)


def test_elements_are_superimposed_on_drifts(read) -> None:
    found = read(
        "d: drift, l = 4; q: quad, l = 1, k1 = 1\n"
        "m: marker, superimpose, ref = q, ref_origin = end\n"
        "s: sext, l = 0.5, superimpose, ref = d, offset = 0.5\n"
        "k: kicker, l = 0.1, superimpose, ref = d, ref_origin = end, ele_origin = end\n"
        "superimpose, element = p, offset = 1, ele_origin = beginning\n"
        "p: pipe, l = 0.25\n"
        "r: line = (d, q); use, r\n"
    )
    ends = np.cumsum([float(e.length) for e in found.lattice])
    placed = {e.name: end for e, end in zip(found.lattice, ends, strict=True)}
    assert ends[-1] == pytest.approx(5.0)
    assert placed["s"] == pytest.approx(2.75)
    assert placed["k"] == pytest.approx(4.0)
    assert placed["p"] == pytest.approx(1.25)
    assert found.lattice[-1].name == "m"
    with pytest.warns(LatticeWarning, match="stands over 'q'; left out"):
        read("q: quad, l = 2; s: sext, l = 1, superimpose, ref = q; r: line = (q)\n")


def test_what_does_not_follow_its_variables_is_noted(read) -> None:
    with pytest.warns(LatticeWarning):
        found = read(
            "a = 0.5; d: drift, l = 4*a\n"
            "q: quad, l = 0.1, x_limit = a/10, superimpose, offset = 1 + a\n"
            "r: line = (d); use, r\n"
        )
    assert [str(note) for note in found.notes] == [
        "quadrupole q: the drifts about it do not follow the expressions of its offset and length",
        "drift d: its parts do not follow the expression of its length",
        "quadrupole q: x_limit keeps its value, whatever becomes of a/10",
    ]
    assert float(found.lattice.length) == pytest.approx(2.0)


def test_lines_turn_and_take_arguments(read) -> None:
    text = (
        "a: marker; b: marker; c: marker; d: drift, l = 1\n"
        "l0(x, y): line = (x, a, y); l1: line = (b, l0(c, d)); l2: line = (-l1, -2*(a, b))\n"
        "l3: line[multipass] = (--l1); use, l2\n"
    )
    with pytest.warns(LatticeWarning, match="multipass"):
        assert [e.name for e in read(text).lattice] == ["d", "a", "c", "b", "b", "a", "b", "a"]
    with pytest.warns(LatticeWarning):
        assert [e.name for e in read(text, line="L3").lattice] == ["d", "a", "c", "b"]
    with pytest.raises(LatticeFileError, match="--q: elements that the beam meets from their exit"):
        read("q: quad, l = 1; r: line = (--q)\n")


def test_attributes_are_set_by_patterns(read) -> None:
    ring = read(
        "qa1: quad, l = 1; qa2: quad, l = 1; qb: quad, l = 1; sa: sext, l = 1\n"
        "r: line = (qa1, qa2, qb, sa); use, r\n"
        "*a*[l] = 2; quadrupole::q%[k1] = 0.3; qa%[k1] = 0.1; quad::*[k1] = 2 * %[k1]\n"
        "sextupole[k2] = 7\n"
    ).lattice
    assert [float(e.length) for e in ring] == [2.0, 2.0, 1.0, 2.0]
    assert [float(e.k1) for e in ring[:3]] == pytest.approx([0.2, 0.2, 0.6])
    assert float(ring[3].k2) == 7.0


def test_files_are_called(read, tmp_path: Path) -> None:
    (tmp_path / "Sub").mkdir()
    (tmp_path / "Sub" / "More.bmad").write_text("q: quad, l = w\nend_file\nnonsense\n")
    text = (
        "title\nwhatever: this is\nprint it is `w`\nw = 2\nsetenv HERE = Sub\n"
        "call, no_abort_on_open_error, file = none.bmad\n"
        "call, file = {}\nr: line = (q)\nno_digested\n"
    )
    for name in ("$HERE/More.bmad", "'$LATTICE_ROOT_DIR/Sub/More.bmad'", '"Sub/More.bmad"'):
        with pytest.warns(LatticeWarning, match="does without it"):
            assert float(read(text.format(name)).lattice.length) == 2.0


def test_bmad_is_recognised_by_its_content(read, tmp_path: Path) -> None:
    assert len(read("q: quad, l = 1; r: line = (q); use, r\n", "a.lat").lattice) == 1
    (tmp_path / "b.lat").write_text("QUAD QF = (L = 1)\n")
    with pytest.raises(LatticeFileError, match="the content is none of 'bmad'"):
        read_lattice(tmp_path / "b.lat")


def test_references_of_files(tmp_path: Path) -> None:
    path = tmp_path / "a.bmad"
    path.write_text("q: quad, l = 1; r: line = (q); use, r\n")
    with pytest.warns(LatticeWarning, match="1000 rest energies"):
        found = read_lattice(path).reference
    assert found == pj.Reference.from_total("positron", 1000 * found.species.mass)
    path.write_text(
        "beam, energy = 2, particle = Proton\nq: quad, l = 1; r: line = (q); s: line = (q, q)\n"
        "s[p0c] = 5e9; use, r\n"
    )
    assert read_lattice(path).reference == pj.Reference.from_total("proton", 2e9)
    assert read_lattice(path, line="s").reference == pj.Reference.from_p0c("proton", 5e9)
    path.write_text("parameter[particle] = #12C+6\nq: quad, l = 1, k1 = 2; r: line = (q)\n")
    with pytest.warns(LatticeWarning, match=r"'#12C\+6' is not known"):
        assert read_lattice(path).reference is None


def test_openings_and_what_has_no_counterpart(read) -> None:
    with pytest.warns(LatticeWarning):
        found = read(
            "c: ecollimator, l = 0.5, x_limit = 0.02, y_limit = 0.01, aperture_at = both_ends\n"
            "q: quad, l = 1, x1_limit = 0.25, x2_limit = 0.75, fringe_type = soft_edge_only\n"
            "w: wiggler, l = 2, b_max = 1; t: taylor; n: null_ele\n"
            "off: quad, l = 1, k1 = 3, is_on = F\n"
            "g: girder = {q, c}, x_offset = 0.1\n"
            "bmad_com[radiation_damping_on] = T\n"
            "r: line = (c, q, w, n, t, off); use, r\n"
        )
    ellipse = pj.Aperture(half_width=0.02, half_height=0.01, shape="ellipse", name="c_aperture")
    assert list(found.lattice) == [
        *(ellipse, pj.Drift(0.5, name="c"), ellipse),
        pj.Quadrupole(1.0, name="q"),
        pj.Aperture(half_width=0.5, dx=0.25, name="q_aperture"),
        pj.Placeholder(2.0, stands_for="wiggler", settings={"l": 2.0, "b_max": 1.0}, name="w"),
        *(pj.Placeholder(stands_for="taylor", name="t"), pj.Drift(1.0, name="off")),
    ]
    assert [str(note) for note in found.notes] == [
        "girder g: no counterpart; left out",
        "quadrupole q: fringe_type = soft_edge_only is left out",
        "wiggler w: not modelled; a placeholder, which `Lattice.skip_placeholders` makes space of",
        "taylor t: not modelled; a placeholder, which `Lattice.skip_placeholders` makes space of",
        "bmad_com: synchrotron radiation is left out",
    ]


def test_a_bend_that_is_off_is_noted_for_its_orbit(read) -> None:
    with pytest.warns(LatticeWarning, match="sbend b: it is off, and its reference orbit"):
        found = read("b: sbend, l = 1, angle = 0.1, is_on = F\nr: line = (b); use, r\n")
    assert list(found.lattice) == [pj.Drift(1.0, name="b")]


def test_openings_move_with_collimators_only(read) -> None:
    """OFFSET_MOVES_APERTURE is true for collimators, and false for all others."""
    text = "{}: {}, x_limit = 0.02, x_offset = 0.01, tilt = 0.1{}; r: line = ({})\n"
    for name, kind, more, moved in (
        *(("c", "rcollimator", "", True), ("q", "quad", "", False)),
        *(("c", "rcollimator", ", offset_moves_aperture = F", False),),
        *(("q", "quad", ", offset_moves_aperture = T", True),),
    ):
        opening = read(text.format(name, kind, more, name)).lattice[-1]
        placed = {"dx": 0.01, "tilt": 0.1} if moved else {}
        assert opening == pj.Aperture(half_width=0.02, name=f"{name}_aperture", **placed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1; a = 2\n", r"a\.bmad:2: 'a' is defined already"),
        ("a = b\n", r"a\.bmad:2: .*'b' is not defined before it is used"),
        ("a = 1/0\n", r"a\.bmad:2: 1/0 is no real number"),
        ("a = ran_gauss()\n", "there is no function 'ran_gauss'"),
        ("q: kwad, l = 1\n", r"a\.bmad:2: 'kwad' is no class of elements"),
        ("q: s, l = 1\n", "'s' may be sad_mult, sample, sbend"),
        ("q: quad, l = (1\n", "its brackets do not match"),
        ("q[k1] = 2\n", "there is no element 'q'"),
        ("r: line = (q); use, r\n", "line 'r' needs 'q', which is not defined"),
        ("q: marker; r: line = (q); s: line = (q)\n", "name one with line=: r, s"),
        ("r: line = (s); s: line = (r); use, r\n", "cyclic lines: r -> s -> r"),
        ("q: marker; r: line = (1000000000*q)\n", "limit of 1,000,000"),
        ("q: multipole, k1000l = 1; r: line = (q)\n", "order 1000, above the limit of 100"),
        ("a = " + "(" * 200 + "1" + ")" * 200 + "\n", "limit of 100 levels"),
        ("call, file = a.bmad\n", "files that call files: 21, above the limit of 20"),
        ("call, file = ../b.bmad\n", r"a\.bmad:2: the file '\.\./b\.bmad' lies outside"),
        ("call, file = $HOME/b.bmad\n", "needs a variable of the environment"),
        ("o: overlay = {o[a]: a}, var = {a}; q: marker; r: line = (q)\n", "needs its own value"),
        ("o: overlay = {z[k1]: a}, var = {a}\n", "overlay 'o': there is no element 'z'"),
        ("q: quad, l = 1, &\n", "no end; is the file cut off"),
    ],
)
def test_files_that_cannot_be_read(read, text: str, said: str) -> None:
    with pytest.raises(LatticeFileError, match=said):
        read(text)


def test_constants_may_be_defined_anew_on_demand(read) -> None:
    ring = read(
        "a = 1; d: drift, l = a; redef: a = a + 2; e: drift, l = a; r: line = (d, e)\n"
    ).lattice
    assert [float(e.length) for e in ring] == [1.0, 3.0]
    assert [float(e.length) for e in ring.with_values(a=2.0)] == [2.0, 4.0]


def test_wild_cards_take_little_time(read) -> None:
    text = "q" + "a" * 4000 + ": marker; r: line = (q" + "a" * 4000 + ")\n"
    ring = read(text + "*a" * 500 + "b[l] = 2; use, r\n").lattice
    assert float(ring.length) == 0.0
