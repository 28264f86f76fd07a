"""Statements of MAD files that change the machine: executed, or refused by their name."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from madx_program import madx

import pyjutrack as pj
from pyjutrack.io import LatticeFile, read_lattice

pytest.importorskip("cpymad.madx")
# its process leaves pipes open
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

RING = (
    "beam, particle=proton, pc=10; kq = 0.6; qf: quadrupole, l=0.5, k1:=kq;\n"
    "qd: quadrupole, l=0.5, k1=-0.6; bb: sbend, l=1.0, angle=0.1;\n"
    "ring: sequence, l=8; q1: qf, at=1.0; m1: marker, at=2; b1: bb, at=3; q2: qd, at=5.0;\n"
    "m2: marker, at=6; b2: bb, at=6.6; endsequence;\n"
)
THIN = "select, flag=makethin, class=quadrupole, slice=2; makethin, sequence=ring;\n"


def line_of(text: str, folder: Path) -> list[float]:
    """Betas at the end of a line, from 3 m and 4 m, and its length, of MAD-X."""
    with madx(text, folder) as program:
        table = program.twiss(betx=3, bety=4)
        return [float(table.betx[-1]), float(table.bety[-1]), float(table.summary.length)]


def ours(found: LatticeFile) -> list[float]:
    start = pj.optics.Twiss(beta_x=3.0, alpha_x=0.0, beta_y=4.0, alpha_y=0.0)
    assert found.reference is not None
    table = pj.twiss_table(found.lattice, found.reference, initial=start)
    return [float(table.beta_x[-1]), float(table.beta_y[-1]), float(found.lattice.length)]


@pytest.mark.parametrize(
    "more",
    [
        "extract, sequence=ring, from=m1, to=m2, newname=short; use, sequence=short;",
        "use, sequence=ring; extract, sequence=ring, from=m1, to=m2, newname=short;"
        "seqedit, sequence=short; flatten; endedit; use, sequence=short;",
        "other: sequence, l=4; q1: sextupole, l=0.2, k2=1, at=1; q2: quadrupole, k1=3, at=2;"
        "endsequence; use, sequence=other;",
        "other: sequence, l=4; q1: qd, at=1; qf: marker, at=2; endsequence; use, sequence=other;",
        "other: sequence, l=4; q1: qf, k1=0.1, at=1; endsequence; use, sequence=other;",
        "use, sequence=ring;" + THIN,  # of the next USE
    ],
)
def test_what_is_executed_is_as_in_madx(more: str, tmp_path: Path) -> None:
    (tmp_path / "a.madx").write_text(RING + more)
    found = read_lattice(tmp_path / "a.madx", strict=True)
    assert ours(found) == pytest.approx(line_of(RING + more, tmp_path), rel=1e-9)


def test_a_part_follows_its_variables(tmp_path: Path) -> None:
    more = "extract, sequence=ring, from=m1, to=m2, newname=short; use, sequence=short;"
    text = RING.replace("q2: qd, at=5.0", "a = 5; q2: qf, at:=a") + more
    (tmp_path / "a.madx").write_text(text)
    found = read_lattice(tmp_path / "a.madx")
    changed = LatticeFile(found.lattice.with_values(kq=0.3), found.reference)
    wanted = line_of(text.replace("kq = 0.6", "kq = 0.3"), tmp_path)
    assert ours(changed) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    ("said", "row"),
    [
        (THIN + "use, sequence=ring;", 5),
        (THIN, 5),
        (THIN + "outer: sequence, l=8; ring, at=4; endsequence; use, sequence=outer;", 5),
        ("use, sequence=ring; correct, flag=ring;", 5),
        ("setvars, table=values; use, sequence=ring;", 5),
        ("\nseterr, table=values; use, sequence=ring;", 6),
    ],
)
def test_what_changes_the_machine_and_is_not_executed_is_refused(
    said: str, row: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.madx"
    path.write_text(RING + said)
    for strict in (None, True):
        with pytest.raises(pj.errors.LatticeFileError, match=rf"a\.madx:{row}: .* not executed"):
            read_lattice(path, strict=strict)
    with pytest.warns(pj.errors.LatticeWarning, match=f"not executed, line {row}"):
        found = read_lattice(path, strict=False)
    assert found.lattice["q1"].k1 == 0.6


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ("from=m2, to=m1", "TO stands before"),
        ("from=q1, to=m2", "'q1' has a length"),
        ("from=m1, to=m2[2]", r"'m2\[2\]' is not in"),
        ("to=m2", "needs FROM"),
    ],
)
def test_parts_that_are_none(ends: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    path.write_text(f"{RING}extract, sequence=ring, {ends}, newname=short;")
    with pytest.raises(pj.errors.LatticeFileError, match=rf"a\.madx:5: .*{said}"):
        read_lattice(path)


def test_a_beam_that_is_reset_is_madx_s_own(tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    path.write_text(RING + "resbeam; use, sequence=ring;")
    with pytest.warns(pj.errors.LatticeWarning, match="1 GeV"):
        found = read_lattice(path)
    assert found.reference is not None
    assert found.reference.species.name == "positron"


MAD8 = """title
beam, particle=proton, pc=10
s1: subroutine
kq = 0.3
x1: constant = 2*kq
endsubroutine
callsubroutine, s1
p1: parameter = 3*kq
q1: quad, l=1, k1=kq
m: multipole, k1l=kq, t1, k2l=p1, t2=0.2
s: line=(q1,m)
use, s
"""


def test_subroutines_and_constants_of_mad8(tmp_path: Path) -> None:
    path = tmp_path / "a.mad8"
    path.write_text(MAD8)
    found = read_lattice(path, strict=True)
    assert found.lattice["q1"].k1 == 0.3
    assert float(found.lattice.with_values(kq=0.5)["q1"].k1) == 0.5
    # as MAD-X turns what it has as one multipole each
    text = (
        "beam, particle=proton, pc=10; q1: quadrupole, l=1, k1=0.3;\n"
        "m1: multipole, knl={0,0.3}, tilt=pi/4; m2: multipole, knl={0,0,0.9}, tilt=0.2;\n"
        "s: line=(q1,m1,m2); use, period=s;"
    )
    orbit = {"x": 1e-3, "px": 2e-4, "y": -5e-4, "py": 3e-4}
    with madx(text, tmp_path) as program:
        table = program.twiss(betx=1, bety=1, exact=True, **orbit)
        wanted = [float(table[name][-1]) for name in orbit]
    assert found.reference is not None
    beam = pj.Beam(found.reference, [[*orbit.values(), 0.0, 0.0]])
    end = pj.track(found.lattice, beam).coordinates[0].tolist()
    assert end[:4] == pytest.approx(wanted, rel=0, abs=1e-11)
    assert math.hypot(*found.lattice["m"].knl[1:2], *found.lattice["m"].ksl[1:2]) == 0.3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("endsubroutine\n", "", ":3: subroutine 's1' has no ENDSUBROUTINE"),
        ("callsubroutine, s1", "callsubroutine, s2", ":7: there is no macro 's2'"),
        ("kq = 0.3", "kq = 0.3)", ":4: its brackets do not match"),
    ],
)
def test_subroutines_that_cannot_be_executed(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mad8"
    path.write_text(MAD8.replace(old, new))
    with pytest.raises(pj.errors.LatticeFileError, match=said):
        read_lattice(path)
