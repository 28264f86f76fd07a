"""elegant's files against lattices built by hand.

What a file means is in elegant's manual and element dictionary.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from lattice_text import reader

import pyjutrack as pj
from pyjutrack.errors import LatticeFileError, LatticeWarning

Q1 = pj.Quadrupole(0.5, 0.6, name="Q1")
D1 = pj.Drift(0.75, name="D1")
B1 = pj.SBend(1.0, 0.1, name="B1")
START = "Q1: QUAD, L=0.5, K1=0.6\nD1: DRIF, L=0.75\nB1: CSBEND, L=1, ANGLE=0.1\n"


@pytest.fixture
def read(tmp_path: Path):
    return reader(tmp_path, "a.lte")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # names in quotes keep their case, all others are in upper case
        (
            '"q1": quad, l=0.5, k1=0.6\nQ1: quad, l=0.5, k1=0.3\nd1: drif, l=0.75\n'
            'ring: line=("q1",Q1,d1)\n',
            [pj.Quadrupole(0.5, 0.6, name="q1"), pj.Quadrupole(0.5, 0.3, name="Q1"), D1],
        ),
        (
            '"LTP:Q1": QUAD, L=0.5, K1=0.6\n"LTP:D1": DRIF, L=0.7\n'
            '"LTP": LINE=("LTP:Q1","LTP:D1")\n"RING": LINE=("LTP","LTP:D1")\n',
            [
                pj.Quadrupole(0.5, 0.6, name="LTP:Q1"),
                *[pj.Drift(0.7, name="LTP:D1")] * 2,
            ],
        ),
        (
            START + "R1: RFCA, VOLT=40.e6, FREQ=2856.E6, L=3., PHASE=90.\nRING: LINE=(Q1,R1)\n",
            [
                Q1,
                pj.RFCavity(3.0, 40e6, frequency=2856e6, phase=90 * (math.pi / 180), name="R1"),
            ],
        ),
        (
            START + "Q2: QUAD, L=0.5, K1=0.6, FSE=0.01, DX=1e-3, HKICK=1e-4\n"
            "RING: LINE=(Q2,D1,B1)\n",
            [
                pj.Quadrupole(0.5, 0.6 * 1.01, dx=1e-3, knl=(-1e-4,), name="Q2"),
                D1,
                B1,
            ],
        ),
        ("q1: quad, l=0.5, k1=0.6\nd1: drif, l=0.75\nring: line=(q1,d1)\nuse, ring\n", [Q1, D1]),
        (START + "M1: MARKER\nRING: LINE=(Q1,D1,M1,B1)\n", [Q1, D1, pj.Marker(name="M1"), B1]),
        (
            START + "H: LINE=(Q1,D1)\nRING: LINE=(2*H,3*(D1,Q1),B1)\n",
            [Q1, D1, Q1, D1, D1, Q1, D1, Q1, D1, Q1, B1],
        ),
        (
            "Q1: QUAD, L=0.5, K1=0.6\nD1: DRIF, L=0.75\n"
            "B1: CSBEND, L=1, ANGLE=0.1, E1=0.08, E2=-0.02, HGAP=0.03\n"
            "H: LINE=(Q1,D1,B1)\nRING: LINE=(H,-H)\n",
            [
                *(Q1, D1),
                pj.SBend(1, 0.1, e1=0.08, e2=-0.02, hgap=0.03, fint=0.5, fintx=0.5, name="B1"),
                pj.SBend(1, 0.1, e1=-0.02, e2=0.08, hgap=0.03, fint=0.5, fintx=0.5, name="B1_2"),
                *(D1, Q1),
            ],
        ),
        (
            'B1: CSBEND, L=1, ANGLE="pi 10 /", E1="pi 20 /"\nD1: DRIF,L="2 sqrt"\n'
            "RING: LINE=(D1,B1)\n",
            [
                pj.Drift(math.sqrt(2), name="D1"),
                pj.SBend(1.0, math.pi / 10, e1=math.pi / 20, name="B1"),
            ],
        ),
        (
            "Q1: QUAD, L=0.5, K1=0.6 ! comment\n! Q1: nothing\nD1: DRIF, &\n  L=0.75\n"
            "RING: LINE=(Q1, &\n  D1)\n",
            [Q1, D1],
        ),
        (
            START + "S1: SOLENOID, L=0.5, KS=0.2\nRING: LINE=(Q1,D1,S1,B1)\n",
            [Q1, D1, pj.Solenoid(0.5, 0.2, name="S1"), B1],
        ),
        (
            START + 'B2: CSBEND, L=1, ANGLE=0.1, TILT="pi 2 /"\nRING: LINE=(Q1,D1,B2)\n',
            [Q1, D1, pj.SBend(1.0, 0.1, tilt=math.pi / 2, name="B2")],
        ),
        (
            START + "A1: DRIFT, L=0\nZ: LINE=(A1)\nRING: LINE=(Z,Q1,D1,B1)\n",
            [pj.Marker(name="A1"), Q1, D1, B1],
        ),
    ],
)
def test_small_files_element_by_element(read, text: str, expected: list[pj.Element]) -> None:
    found = read(text)
    assert found.notes == ()
    assert [type(e) for e in found.lattice] == [type(e) for e in expected]
    assert list(found.lattice) == expected


def test_stored_values_are_variables(read) -> None:
    text = (
        "% 0.6 sto kk\n% 2 kk * sto k2\n"
        'Q1: QUAD, L="1 2 /", K1="kk"\nQ2: QUAD,L=0.5,K1="k2 chs"\nD1: DRIF,L="0.5 0.25 +"\n'
        "RING: LINE=(Q1,D1,Q2,D1)\n"
    )
    found = read(text)
    assert found.notes == ()
    q2 = pj.Quadrupole(0.5, -1.2, name="Q2")
    assert list(found.lattice) == [Q1, D1, q2, D1]
    assert dict(found.lattice.variables) == {"kk": 0.6, "k2": 1.2}
    written = {address: str(e) for address, e in found.lattice.expressions.items()}
    assert written == {"k2": "2*kk", "Q1.k1": "kk", "Q2.k1": "-k2"}
    changed = read(text.replace("0.6 sto", "0.7 sto")).lattice
    assert list(found.lattice.with_values(kk=0.7)) == list(changed)


def test_a_value_that_is_stored_again_leaves_what_was_computed_before(read) -> None:
    ring = read(
        '% 1 sto a\nQ1: QUAD, L=1, K1="a"\n% a 1 + sto a pop\nQ2: QUAD, L=1, K1="a"\n'
        "R: LINE=(Q1,Q2)\n"
    ).lattice
    assert [float(e.k1) for e in ring] == [1.0, 2.0]
    assert [float(e.k1) for e in ring.with_values(a=3.0)] == [3.0, 4.0]


def test_types_are_known_by_a_unique_beginning(read) -> None:
    text = "Q: {type}, L=1\nR: LINE=(Q)\n"
    for word, kind in (
        *(("KQUADRUPOLE", pj.Quadrupole), ("QUADRUPOLE", pj.Quadrupole), ("CSBEN", pj.SBend)),
        *(("VKICKER", pj.Kicker), ("KICK", pj.Kicker), ("SEXTUPOLE", pj.Sextupole)),
        *(("MONITOR", pj.Monitor), ("drift", pj.Drift), ('"EDRIFT"', pj.Drift)),
    ):
        (element,) = read(text.format(type=word)).lattice
        assert type(element) is kind
    with pytest.raises(LatticeFileError, match=r"a\.lte:1: 'RFTM' may be RFTMEZ0, RFTM110"):
        read(text.format(type="RFTM"))
    with pytest.raises(LatticeFileError, match="'INSTRUMENT' is no type of elements"):
        read(text.format(type="INSTRUMENT"))


def test_elements_are_copied(read) -> None:
    ring = read("Q1: QUAD, L=1, K1=2\nQ2: Q1, K1=3\nSCR: WATCH\nR: LINE=(Q1,SCR,Q2)\n").lattice
    assert [(e.name, float(e.length)) for e in ring] == [("Q1", 1.0), ("SCR", 0.0), ("Q2", 1.0)]
    assert float(ring[2].k1) == 3.0


def test_collimators_are_openings(read) -> None:
    """A size of zero is no limit; those of a length stop at both ends."""
    ring = read(
        "A: ECOL, L=0.5, X_MAX=0.02, Y_MAX=0.01, DX=1e-3\nB: RCOL, X_MAX=0.03\n"
        "C: RCOL, L=0.1\nR: LINE=(A,B,C)\n"
    ).lattice
    ellipse = pj.Aperture(half_width=0.02, half_height=0.01, shape="ellipse", dx=1e-3, name="A")
    assert list(ring) == [
        *(ellipse, pj.Drift(0.5, name="A_2"), ellipse),
        *(pj.Aperture(half_width=0.03, name="B"), pj.Drift(0.1, name="C")),
    ]


def test_what_has_no_counterpart_is_named(read) -> None:
    text = START + (
        "A1: ENERGY, MATCH_BEAMLINE=1\nB2: CSRCSBEND, L=1, ANGLE=0.1, BINS=500\n"
        "C: CHARGE, TOTAL=1e-9\nE: CSRDRIFT, L=0.3, DZ=0.01\nW: CWIGGLER, L=2, PERIODS=3\n"
        'QE: KQUAD, L=1, K1=1, SYSTEMATIC_MULTIPOLES="m.sdds", SYNCH_RAD=1\n'
        "M: MAXAMP, X_MAX=0.1\nMAL: MALIGN\nT: RFCW, VOLT=1e6, CELL_LENGTH=0.03, L=3\n"
        "RING: LINE=(Q1,A1,B2,C,E,W,QE,M,MAL,T)\n"
    )
    with pytest.warns(LatticeWarning):
        found = read(text)
    assert [str(note) for note in found.notes] == [
        "energy A1: acts on the beam as a whole; left out",
        "csrcsbend B2: coherent synchrotron radiation is left out; give an effect in its place",
        "charge C: acts on the beam as a whole; left out",
        "csrdrift E: coherent synchrotron radiation is left out; give an effect in its place",
        "cwiggler W: not modelled; a placeholder, which `Lattice.skip_placeholders` makes space of",
        "synchrotron radiation (SYNCH_RAD, ISR) is left out",
        "kquad QE: systematic_multipoles = m.sdds is left out",
        "maxamp M: acts on the beam as a whole; left out",
        "rfcw T: its wakes are left out",
    ]
    assert float(found.lattice.length) == pytest.approx(0.5 + 1 + 0.3 + 2 + 1 + 3)


def test_no_fragment_is_taken_for_the_machine(read) -> None:
    lines = "HALF: LINE=(Q1,D1)\nOTHER: LINE=(D1,B1,Q1)\n"
    with pytest.raises(LatticeFileError, match="name one with line=: HALF, OTHER"):
        read(START + lines)
    assert len(read(START + lines, line="half").lattice) == 2
    assert len(read(START + lines + "USE, OTHER\nQ1: nothing\n").lattice) == 3
    whole = read(START + lines + 'RING: LINE=(OTHER,"-HALF")\n').lattice
    assert [e.name for e in whole] == ["D1", "B1", "Q1", "D1", "Q1"]
    # the same elements in the same order are a part, by whatever name
    copied = read(START + "HALF: LINE=(Q1,D1)\nRING: LINE=(B1,Q1,D1,B1)\n").lattice
    assert len(copied) == 4
    with pytest.raises(LatticeFileError, match="no line named 'RING'; the file defines HALF"):
        read(START + lines + "USE, RING\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Q: QUAD, L=1\nQ: QUAD, L=2\nR: LINE=(Q)\n", r"a\.lte:2: 'Q' is defined twice"),
        ("R: LINE=(Q)\nQ: LINE=(R)\nUSE, R\n", "cyclic lines: R -> Q -> R"),
        ("R: LINE=(Q,D)\nQ: QUAD, L=1\n", "needs 'D', which is not defined"),
        ('Q: QUAD, L="1 0 /"\nR: LINE=(Q)\n', r"a\.lte:1: .* is no real number"),
        ('Q: QUAD, L="1 +"\nR: LINE=(Q)\n', r"a\.lte:1: l: '\+' lacks values before it"),
        ('Q: QUAD, L="1 2"\nR: LINE=(Q)\n', "leaves 2 values where one is needed"),
        ("% 1 sto\nR: LINE=(Q)\n", r"a\.lte:1: 'sto' stores the last value"),
        ("% 2 " + "= * " * 2000 + "sto a\nR: LINE=(Q)\n", "beyond double precision"),
        ("% 2 sto a\n% a " + "= * " * 40 + "sto b\nR: LINE=(Q)\n", "operations|steps"),
        ("R: LINE=(1000000000*Q)\nQ: MARK\n", "limit of 1,000,000"),
        ("Q: MULT, KNL=1, ORDER=1000\nR: LINE=(Q)\n", r"a\.lte:1: order = 1000, above"),
        ("Q: QUAD, N_KICKS=1e9\nR: LINE=(Q)\n", r"a\.lte:1: n_kicks = 1e\+09, above"),
        ("#INCLUDE: ../b.lte\n", r"a\.lte:1: the file '\.\./b\.lte' lies outside"),
        ("#INCLUDE: a.lte\n", "files that call files: 21, above the limit of 20"),
    ],
)
def test_files_that_cannot_be_read(read, text: str, said: str) -> None:
    with pytest.raises(LatticeFileError, match=said):
        read(text)


def test_what_elegant_reads_of_a_damaged_number_is_noted(read) -> None:
    """elegant reads a number as far as it is one; and so do its users' files."""
    with pytest.warns(LatticeWarning, match=r"'L=\.5;' is read as \.5, as elegant does, line 1"):
        (drift,) = read("D: DRIF, L=.5;\nR: LINE=(D)\n").lattice
    assert float(drift.length) == 0.5


def test_included_files_share_names_and_values(read, tmp_path: Path) -> None:
    (tmp_path / "b.lte").write_text('% 2 sto k\nQ: QUAD, L=1, K1="k"\nRETURN\nnonsense\n')
    ring = read('#INCLUDE: b.lte\nQ2: Q, L="k"\nR: LINE=(Q,Q2)\n').lattice
    assert float(ring.length) == 3.0
    assert float(ring.with_values(k=4.0).length) == 5.0


def test_a_drift_may_run_backwards(read) -> None:
    try:
        pj.Drift(-0.25)
    except pj.errors.InvalidValueError:
        pytest.skip("drifts of negative length")
    ring = read(START + "D2: DRIF, L=-0.25\nRING: LINE=(Q1,D1,D2,B1)\n").lattice
    assert float(ring.length) == pytest.approx(2.0)
