"""MAD-X and MAD8 files: elements by hand-computed parameters, and what cannot be read."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import pyjutrack as pj
from pyjutrack.errors import LatticeFileError, LatticeWarning
from pyjutrack.io import LatticeFile, read_lattice

MADX = """! a small ring
beam, particle=proton, energy=2.0;
lq := 0.4; kf = 1.2;
qf: quadrupole, l=lq, k1:=kf;
qd: quadrupole, l=lq, k1:=-kf, tilt=0.01;
b: rbend, l=1.0, angle=pi/8, e1=0.01, k1=0.1, fint=0.5, hgap=0.02;
sb: sbend, l=1.0, angle=pi/8, k2=0.3;
s1: sextupole, l=0.1, k2=3.0;
m: multipole, knl={0.0,0.1,2.0}, ksl={0,0.01};
c: rfcavity, l=0.5, volt=0.1, lag=0.1, harmon=4;
k: hkicker, l=0.0, kick=1e-4;
v: vkicker, l=0.2, kick=2e-4;
sol: solenoid, l=0.3, ks=0.2;
crab: crabcavity, l=0.0, volt=3.0, freq=400, lag=0.25;
mon: monitor;
ring: sequence, l=12.0, refer=centre;
qf, at=0.2; s1, at=0.6; b, at=1.5; m, at=2.2; qd, at=3.0; sb, at=4.0; c, at=6.0; k, at=7.0;
v, at=7.5; sol, at=8.0; crab, at=8.5; mon, at=9.0;
endsequence;
use, sequence=ring;
twiss;
"""
MAD8 = """QF: QUADRUPOLE, L=0.5, K1=1.0
D: DRIFT, L=1.0
B: SBEND, L=1.0, ANGLE=0.1, E1=0.02
CELL: LINE=(QF,D,B)
RING: LINE=(2*CELL,-CELL)
USE, RING
"""


@pytest.fixture
def read(tmp_path: Path):
    def written(text: str, name: str = "a.madx", **options: object) -> LatticeFile:
        path = tmp_path / name
        path.write_text(text)
        return read_lattice(path, **options)

    return written


def test_a_sequence_element_by_element(read) -> None:
    found = read(MADX)
    ring, proton = found.lattice, found.reference
    assert found.notes == ()
    assert proton == pj.Reference.from_total("proton", 2e9)
    assert float(ring.length) == pytest.approx(12.0, abs=1e-5)  # the chord of b is 1 m
    half = math.pi / 16
    arc = half / math.sin(half)
    expected = [
        pj.Quadrupole(0.4, 1.2, name="qf"),
        pj.Sextupole(0.1, 3.0, name="s1"),
        pj.RBend(arc, 2 * half, k1=0.1, e1=0.01, fint=0.5, fintx=0.5, hgap=0.02, name="b"),
        pj.Multipole((0.0, 0.1, 2.0), (0.0, 0.01), name="m"),
        pj.Quadrupole(0.4, -1.2, tilt=0.01, name="qd"),
        pj.SBend(1.0, 2 * half, k2=0.3, name="sb"),
        pj.RFCavity(
            0.5,
            1e5,
            frequency=4 * proton.beta * 299_792_458.0 / float(ring.length),
            phase=0.2 * math.pi,
            name="c",
        ),
        pj.Kicker(hkick=1e-4, name="k"),
        pj.Kicker(0.2, vkick=2e-4, name="v"),
        pj.Solenoid(0.3, 0.2, name="sol"),
        pj.CrabCavity(0.0, 3e6, frequency=4e8, phase=math.pi / 2, name="crab"),
        pj.Monitor(name="mon"),
    ]
    kept = [e for e in ring if not isinstance(e, pj.Drift)]
    assert [type(e) for e in kept] == [type(e) for e in expected]
    for element, wanted in zip(kept, expected, strict=True):
        for field in (*wanted.knobs, *wanted.placement, "name"):
            value = getattr(wanted, field)
            if isinstance(value, float):
                assert getattr(element, field) == pytest.approx(value, rel=1e-6, abs=1e-12), field
            else:
                assert getattr(element, field) == value, field
    centres = {"qf": 0.2, "b": 1.5, "sb": 4.0, "c": 6.0, "mon": 9.0}
    s = 0.0
    for element in ring:
        if element.name in centres:
            middle = s + float(element.length) / 2
            assert middle == pytest.approx(centres[element.name], abs=4e-3)
        s += float(element.length)


def test_mad8_lines_repeat_and_turn_round(read) -> None:
    ring = read(MAD8, "a.mad8").lattice
    order = [e.name for e in ring]
    assert order == ["qf", "d", "b", "qf", "d", "b", "b", "d", "qf"]
    assert ring["b"].e1 == pytest.approx(0.02)
    assert float(ring.length) == pytest.approx(7.5)


def test_what_is_not_modelled_is_a_placeholder_with_a_note(read) -> None:
    text = MADX.replace("mon: monitor;", "mon: elseparator, l=0.1, ex=3;")
    with pytest.warns(LatticeWarning, match="mon"):
        found = read(text)
    assert any(n.element == "mon" and "not modelled" in n.message for n in found.notes)
    assert found.lattice["mon"].settings == {"l": 0.1, "ex": 3.0}
    assert float(found.lattice.length) == pytest.approx(12.0, abs=1e-5)
    with pytest.raises(LatticeFileError, match="mon"):
        read(text, strict=True)


def test_another_reference_and_another_line(read) -> None:
    electron = pj.Reference.from_total("electron", 3e9)
    assert read(MADX, reference=electron).reference == electron
    cell = read(MAD8, "a.mad8", line="CELL").lattice
    assert [e.name for e in cell] == ["qf", "d", "b"]
    with pytest.raises(LatticeFileError, match="cello"):
        read(MAD8, "a.mad8", line="CELLO")


def test_attributes_that_are_set_later(read) -> None:
    lines = "q: quadrupole, l=0.5, k1=1.0; s: sextupole, l=0.1; r: line=(q,s); "
    elements = read(lines + "q->k1 = 1.5; b = 7; s -> k2 := b;").lattice
    assert [elements.value(k) for k in ("q.k1", "s.k2")] == [1.5, 7.0]
    mad8 = MAD8.replace("USE, RING", "QF[K1] = 1.5\nUSE, RING")
    assert read(mad8, "a.mad8").lattice.value("qf.k1") == 1.5


def test_a_bend_without_its_body_is_noted(read) -> None:
    with pytest.warns(LatticeWarning, match="kill_body = 1 is left out"):
        read("b: sbend, l=1, angle=0.1, kill_body=true; r: line=(b);")


def test_undefined_variables_are_zero_with_one_note(read) -> None:
    with pytest.warns(LatticeWarning):
        found = read("q: quadrupole, l=0.5, k1=1.0; q->k1 := unknown + 2*unknown; r: line=(q);")
    assert [str(n) for n in found.notes] == [
        "undefined variables are taken as 0, as MAD does: unknown"
    ]
    assert found.lattice.variables == {"unknown": 0.0}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.madx", "", "empty"),
        ("a.madx", "\0\1\2" * 40, "not a text file"),
        ("a.madx", "a: line=(b);\nb: line=(a); use, period=a;", r"cyclic lines: a -> b -> a"),
        (
            "a.madx",
            "q: quadrupole, l=1; r: sequence, l=2; r, at=1; endsequence;",
            "'r' is no element",
        ),
        ("a.madx", "q: kwad, l=1; r: sequence, l=2; q, at=1; endsequence;", "'kwad' is no class"),
        (
            "a.madx",
            "q: quadrupole, l=1 [m]; r: sequence, l=2; q, at=1; endsequence;",
            r"a.madx:1: .*'\[m\]' is not understood",
        ),
        ("a.madx", "q: quadrupole, l=1;", "no line and no sequence"),
        ("a.madx", MADX.replace("particle=proton", "particle=gnome"), "gnome"),
        ("a.madx", MADX.replace("energy=2.0", "energy=0.2"), "rest energy"),
        ("a.madx", MADX + "if (1 > 0) qf->k1 = 2;", r"a.madx:22: .*statements in \{ \}"),
        ("a.madx", MADX + "while (1 > 0) { a = 1; }", r"a.madx:22: .*more than the limit"),
        ("a.madx", MADX + "exec, f(1);", r"a.madx:22: there is no macro 'f'"),
        ("a.madx", MADX + "f(x): macro = { qf->k1 = x; } exec, f;", r"takes 1 arguments, not 0"),
        ("a.madx", MADX + "f(): macro = { exec, f(); } exec, f();", "in each other"),
        ("a.madx", MADX.replace("mon, at=9.0", "mon, at=8.05"), "'mon' overlaps 'crab' by 0.45 m"),
        ("a.madx", MADX.replace("mon, at=9.0", "mon, at=12.1"), "'mon' ends 0.1 m after the end"),
        ("a.madx", MADX.replace("at=9.0", "at=1, from=qz"), "from = 'qz' is no element"),
        ("a.madx", MADX.replace("at=9.0", "at=1, from=mon"), "the place of 'mon' needs itself"),
        ("a.madx", MADX.replace("k1:=kf", "k1:=table(twiss, b, betx)"), "computed by MAD"),
        ("a.madx", MADX.replace("k1:=kf", "k1:=sqrt(-kf)"), r"a.madx:4: .*no real number"),
        ("a.madx", MADX.replace("lq := 0.4", "lq := 2*lr; lr := lq"), "needs its own value: lq"),
        ("a.madx", MADX.replace("refer=centre", "refer=middle"), "refer = 'middle'"),
        ("a.madx", MADX + "cycle, start=mon;", "stands outside of SEQEDIT"),
        ("a.madx", MADX + "seqedit, sequence=rong;", "no sequence 'rong' to be edited"),
        ("a.madx", MADX + "seqedit, sequence=ring; remove, element=q9;", "'q9' is not in"),
        ("a.madx", MADX + "seqedit, sequence=ring; install, element=q9, at=1;", "no element 'q9'"),
        ("a.madx", MADX + "qf->k1 = 1.2 + 0", "no end; is the file cut off"),
        ("a.madx", MADX + "/* qf->k1 = 1.2;", "no end; is the file cut off"),
        ("a.madx", MADX[: MADX.index("endsequence")], "'ring' has no ENDSEQUENCE"),
        ("a.madx", MADX.replace("{0,0.01}", "{0,0.01"), r"a.madx:9: .*brackets do not match"),
        ("a.mad8", MAD8[: MAD8.index(",-CELL")], r"a.mad8:5: .*brackets do not match"),
    ],
)
def test_files_that_cannot_be_read(read, name: str, text: str, said: str) -> None:
    with pytest.raises(LatticeFileError, match=said) as caught:
        read(text, name)
    assert name in str(caught.value)


def test_unstated_parameters_of_a_crab_cavity_are_zero(tmp_path: Path) -> None:
    path = tmp_path / "crab.madx"
    path.write_text(
        "beam, particle=proton, energy=7000;\n"
        "c: crabcavity, volt=2.0; d: crabcavity, freq=400, lag=0.25, l=0.5;\n"
        "ring: line=(c, d); use, sequence=ring;\n"
    )
    with pytest.warns(pj.errors.AccuracyWarning, match="CrabCavity 'c' .* given no frequency"):
        bare, other = read_lattice(path).lattice
    assert isinstance(bare, pj.CrabCavity)
    assert isinstance(other, pj.CrabCavity)
    fields = ("length", "voltage", "frequency", "phase", "tilt")
    assert [getattr(bare, name) for name in fields] == [0.0, 2e6, 0.0, 0.0, 0.0]
    assert [getattr(other, name) for name in fields] == [0.5, 0.0, 4e8, math.pi / 2, 0.0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2^3^2", 64.0),
        ("2*3^2^2", 162.0),
        ("2^(-2)", 0.25),
        ("100-2^2", 96.0),
        ("round(2.5)", 2.0),
        ("round(3.5)", 4.0),
        ("10+round(-2.5)", 8.0),
    ],
)
def test_powers_and_halves_are_those_of_madx(read, text: str, value: float) -> None:
    """Values as MAD-X 5.09.03 prints them: powers from the left, halves to the even number."""
    found = read(f"d: drift, l={text}; r: line=(d);")
    assert float(found.lattice.length) == value


def test_what_is_written_is_read_again_and_means_the_same_to_madx(tmp_path: Path) -> None:
    """Kinds that MAD-X has, with variables, one of which moves what is behind it."""
    proton = pj.Reference.from_total("proton", 2e9)
    quarter = tuple(float(i == j) + 0.01 * (i == 1 and j == 0) for i in range(6) for j in range(6))
    cell = pj.Lattice(
        [
            pj.Quadrupole(0.4, name="QF"),
            pj.Drift(0.5, name="d"),
            pj.RBend(1.0, 0.2, e1=0.01, fint=0.5, fintx=0.3, hgap=0.02, name="B"),
            pj.SBend(1.0, 0.1, k1=0.02, k2=0.1, dk0=0.001, name="sb"),
            pj.Drift(0.4),
            pj.Quadrupole(0.4, k1s=0.01, tilt=0.02, name="qd"),
            pj.ThinBend(0.05, h=0.1, knl=(0.0, 0.02), name="tb"),
            pj.Multipole((0.0, 0.01, 0.3), (0.0, 0.002), name="m"),
            pj.DipoleEdge(0.1, 0.05, fint=0.4, hgap=0.03, name="edge"),
            pj.TaylorMap(quarter, variables="t pt", name="map"),
            pj.Kicker(0.1, hkick=1e-4, vkick=-2e-4, name="k"),
            pj.Sextupole(0.1, 3.0, name="s"),
            pj.Octupole(0.1, 5.0, name="o"),
            pj.Solenoid(0.2, 0.05, name="sol"),
            pj.RFCavity(0.3, 1e5, frequency=1e7, phase=0.3, name="rf"),
            pj.Patch(dx=1e-4, name="shift"),
            pj.Monitor(name="mon"),
            pj.Drift(0.6),
        ],
        variables={"kq": 0.9, "kd": "-kq*1.1", "l1": 0.5, "Odd name": 0.02},
        expressions={
            "QF.k1": "kq",
            "qd.k1": "kd",
            "d.length": "l1",
            "m.knl[1]": "`Odd name`/2",
            "B.angle": "0.2*l1/0.5",
        },
    )
    pj.io.write_lattice(tmp_path / "a.madx", cell, proton)
    found = read_lattice(tmp_path / "a.madx")
    assert found.notes == ()
    named = [e.name.lower() for e in cell if e.name and not isinstance(e, pj.Drift)]
    assert [e.name for e in found.lattice if not isinstance(e, pj.Drift)] == named
    assert float(found.lattice.length) == pytest.approx(float(cell.length), abs=1e-12)
    for change in ({}, {"kq": 0.8}, {"l1": 0.6}):
        ours = pj.twiss_table(cell.with_values(change), proton)
        again = pj.twiss_table(found.lattice.with_values(change), found.reference)
        for name in ("tune_x", "tune_y", "beta_x", "dispersion_x"):
            wanted, seen = (getattr(t, name) for t in (ours, again))
            wanted, seen = (v[-1] if getattr(v, "ndim", 0) else v for v in (wanted, seen))
            assert float(seen) == pytest.approx(float(wanted), rel=1e-11, abs=1e-12), (name, change)


@pytest.mark.parametrize(
    ("element", "said"),
    [
        (pj.Quadrupole(0.1, dx=1e-3, name="q"), "q.* is displaced"),
        (pj.Quadrupole(0.1, knl=(0.0, 0.1), name="q"), "MAD-X ignores the knl"),
        (pj.Multipole((0.1,), name="q"), "bends the reference orbit"),
        (pj.Multipole((0.0, 0.1), length=0.2, name="q"), "have no length"),
        (pj.RFCavity(0.1, 1e6, frequency=1e8, accelerate=True, name="q"), "reference momentum"),
        (pj.Patch(dx=1e-3, tilt=0.1, name="q"), "a Patch for each"),
        (pj.TaylorMap(name="q"), 'variables "t pt" only'),
        (pj.Aperture(half_width=0.01, name="q"), "MAD-X has no Aperture"),
    ],
)
def test_what_madx_has_not_is_not_written(tmp_path: Path, element: pj.Element, said: str) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=said):
        pj.io.write_lattice(tmp_path / "a.madx", pj.Lattice([element]))
    assert not (tmp_path / "a.madx").exists()
