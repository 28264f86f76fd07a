"""MATCH in MAD-X files: variables become what MAD-X itself finds, or the file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from madx_program import madx

import pyjutrack as pj
from pyjutrack.io import read_lattice

pytest.importorskip("cpymad.madx")
# its process leaves pipes open
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

RING = (
    "beam, particle=proton, pc=3;\n"
    "kqf = 0.5; kqd = -0.5; k2f = 0; k2d = 0; ang = 0.1; half := kqf/2;\n"
    "qf: quadrupole, l=0.5, k1:=kqf; qd: quadrupole, l=0.5, k1:=kqd; bb: sbend, l=1, angle:=ang;\n"
    "sf: sextupole, l=0.2, k2:=k2f; sd: sextupole, l=0.2, k2:=k2d;\n"
    "ring: sequence, l=8; q1: qf, at=1; s1: sf, at=1.5; b1: bb, at=2.5; m1: marker, at=4;\n"
    "q2: qd, at=5; s2: sd, at=5.5; b2: bb, at=6.5; endsequence;\n"
)
QUADRUPOLES = "vary, name=kqf, step=1e-6; vary, name=kqd, step=1e-6;\n"
SEXTUPOLES = "vary, name=k2f, step=1e-4; vary, name=k2d, step=1e-4;\n"
END = "lmdif, calls=1000, tolerance=1e-22; endmatch;\n"
LINE = "match, sequence=ring, betx=9, bety=4, alfx=0.5, alfy=-0.3, dx=1.2, dpx=0.1;\n"
TUNES = "global, sequence=ring, q1=0.23, q2=0.21;\n"
BLOCKS = {
    "tunes": f"use, sequence=ring; match, sequence=ring; {QUADRUPOLES}{TUNES}{END}",
    "tunes, by jacobian": (
        f"use, sequence=ring; match, sequence=ring; {QUADRUPOLES}{TUNES}"
        "jacobian, calls=30, tolerance=1e-24; endmatch;"
    ),
    "tunes and chromaticities": (
        f"use, sequence=ring; match, chrom, sequence=ring; {QUADRUPOLES}{SEXTUPOLES}{TUNES}"
        f"global, dq1=-0.1, dq2=-0.2; weight, mux=3; {END}"
    ),
    "betas": (
        f"use, sequence=ring; match; {QUADRUPOLES}"
        f"constraint, sequence=ring, range=m1, betx=5, bety=10.5; {END}"
    ),
    "the end": (
        f"use, sequence=ring; match, sequence=ring; {QUADRUPOLES}"
        f"constraint, range=#e, betx=9.6; constraint, range=q2, alfy=1.8; {END}"
    ),
    "dispersion": (
        f"use, sequence=ring; match, sequence=ring; vary, name=ang, step=1e-6;"
        f"constraint, range=b1, dx=1.7; {END}"
    ),
    "a line": (
        f"use, sequence=ring; {LINE}{QUADRUPOLES}"
        f"constraint, range=#e, betx=8; constraint, range=m1, mux=0.05; {END}"
    ),
    "dispersion of a line": (
        f"use, sequence=ring; {LINE}vary, name=ang, step=1e-6; constraint, range=#e, dx=1.05; {END}"
    ),
    "once more": (
        f"use, sequence=ring; match, sequence=ring; {QUADRUPOLES}{TUNES}{END} kqf = kqf + 0.01;"
        f"match, sequence=ring; vary, name=kqf, step=1e-6; global, q1=0.24; {END}"
    ),
    "limits": (
        "use, sequence=ring; match, sequence=ring; vary, name=kqf, step=1e-6, lower=0.4, upper=1;"
        f"global, q1=0.23; {END}"
    ),
}
VARIED = ("kqf", "kqd", "k2f", "k2d", "ang", "half")


def theirs(text: str, folder: Path) -> dict[str, float]:
    with madx(text, folder) as program:
        return {name: float(program.globals[name]) for name in VARIED}


@pytest.mark.parametrize("name", BLOCKS)
def test_variables_are_those_that_madx_finds(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    path.write_text(RING + BLOCKS[name])
    found = read_lattice(path, strict=True).lattice
    wanted = theirs(RING + BLOCKS[name], tmp_path)
    seen = {variable: found.value(variable) for variable in VARIED}
    # MAD-X's chromaticities are of maps to second order
    near = 1e-5 if "chromaticities" in name else 2e-7
    assert seen == pytest.approx(wanted, rel=near, abs=1e-7)
    assert seen["kqf"] != 0.5 or seen["ang"] != 0.1
    assert found["q1"].k1 == seen["kqf"]  # a knob still
    assert float(found.with_values(kqf=0.7)["q1"].k1) == 0.7


#: what stands in MATCH, what is said of it, and in which row
REFUSED = {
    "an inequality": (f"{QUADRUPOLES}constraint, range=m1, betx<9; {END}", "betx<9", 8),
    "two places": (f"{QUADRUPOLES}constraint, range=q1/q2, betx=9, bety=3; {END}", "more than", 7),
    "everywhere": (f"{QUADRUPOLES}constraint, betx=9, bety=3; {END}", "more than one place", 7),
    "an expression": (f"{QUADRUPOLES}constraint, expr=kqf=2; {END}", "expr = ", 8),
    "no one solution": (f"{QUADRUPOLES}global, q1=0.23; {END}", "2 variables for 1", 7),
    "no solution": (f"{QUADRUPOLES}global, q1=0.23, q2=5; {END}", "off by", 7),
    "limits": (f"vary, name=kqf, upper=0.51; global, q1=0.4; {END}", "limits: kqf", 7),
    "outside": (f"vary, name=kqf, upper=0.3; global, q1=0.4; {END}", "outside its limits", 7),
    "another sequence": (f"{QUADRUPOLES}global, sequence=s2, q1=0.1, q2=0.1; {END}", "'s2'", 8),
    "follows": (f"vary, name=half; global, q1=0.23; {END}", "'half' is no variable", 7),
    "an attribute": (f"vary, name=q1->k1; global, q1=0.23; {END}", "is no variable", 7),
    "no place": (f"{QUADRUPOLES}constraint, range=zz, betx=9, bety=9; {END}", "'zz'", 7),
    "macros": (f"use_macro, name=m; {END}", "values from before", 7),
    "coupled": (
        f"q1->k1s = 0.02; {QUADRUPOLES}constraint, range=m1, betx=5, bety=10.5; {END}",
        "coupled",
        7,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_matched_is_refused(name: str, tmp_path: Path) -> None:
    block, said, row = REFUSED[name]
    path = tmp_path / "a.madx"
    text = f"{RING.rstrip()} use, sequence=ring;\nmatch, sequence=ring; {block}"
    path.write_text(text)
    with pytest.raises(pj.errors.LatticeFileError, match=rf"a\.madx:{row}: ") as caught:
        read_lattice(path)
    assert said in str(caught.value)
    assert "strict=False" in str(caught.value)
    with pytest.warns(pj.errors.LatticeWarning, match="not executed") as warned:
        found = read_lattice(path, strict=False)
    assert len(warned) == 1
    assert len(found.notes) == 1
    assert found.lattice.value("kqf") == 0.5


@pytest.mark.parametrize(
    "head", ["match, sequence=ring, beta0=b", "match, sequence=a, ring, betx=1"]
)
def test_starts_that_are_not_known(head: str, tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    path.write_text(f"{RING}use, sequence=ring;\n{head}; {QUADRUPOLES}{TUNES}{END}")
    with pytest.raises(pj.errors.LatticeFileError, match=r"a\.madx:8: .* has no counterpart"):
        read_lattice(path)


def test_without_a_method_nothing_is_done(tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    text = f"{RING}use, sequence=ring; match, sequence=ring; {QUADRUPOLES}{TUNES}endmatch;"
    path.write_text(text)
    assert read_lattice(path, strict=True).lattice.value("kqf") == 0.5
    assert theirs(text, tmp_path)["kqf"] == 0.5
