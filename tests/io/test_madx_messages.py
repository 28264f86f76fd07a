"""Errors of MAD files name the file, the row, what stands there, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyjutrack as pj
from pyjutrack.io import read_lattice

RING = (
    "beam, particle=proton, pc=10;\nq: quadrupole, l=0.5, k1=0.6;\n"
    "s: sequence, l=8;\nq1: q, at=1;\nq2: q, at=3;\nendsequence;\n"
)
ERRORS = "use, sequence=s; select, flag=error, full;"
CASES = {
    "a long number": ("use, sequence=s, range=q1[" + "1" * 5000 + "];", "7: q1.* no occurrence"),
    "occurrence 0": (
        "use, sequence=s, range=q1[0];",
        "7: q1.0. is no occurrence: count them from 1",
    ),
    "no second one": ("use, sequence=s, range=q1[2]/q2;", "7: .*'q1.2.' .* 1 of 'q1'"),
    "the wrong order": ("use, sequence=s, range=q2/q1;", "7: range 'q2/q1' ends before"),
    "no name": ("use, sequence=s, range=/;", "7: the name of an element is missing"),
    "the speed of light": ("beam, beta=1; use, sequence=s;", "7: BEAM: beta = 1 is not between"),
    "no rigidity": ("\nbeam, brho=0; use, sequence=s;", "8: BEAM: brho = 0 is not positive"),
    "a word": ("beam, pc='ten';", "7: pc = ten is no number"),
    "a list": ("beam, energy={1,2};", "7: energy = .* is no number"),
    "a title": ('title, "ring;\nuse, sequence=s;', "7: a quote begins .* close it"),
    "rows in a title": ('title "ring\nuse, sequence=s;', "7: a quote begins .* close it"),
    "a type": ("q3: q, type='a;\nuse, sequence=s;", "7: a quote begins .* close it"),
    "an order": (f"{ERRORS} efcomp, order=-1, dknr={{1}};", "7: efcomp of 'q1': order = -1"),
    "a radius": (f"{ERRORS} efcomp, order=1, radius=0, dknr={{1}};", "7: efcomp of .* radius = 0"),
    "a displacement": (f"{ERRORS} ealign, dx={{1,2}};", "7: ealign of 'q1': .* is no number"),
    "nothing": ("e: sequence, l=0; endsequence; use, sequence=e;", "7: 'e' holds no elements"),
    "a corner": (
        "k: collimator, apertype=octagon, aperture={1,1,0.3,0}; l: line=(k); use, period=l;",
        "7: collimator 'k': angles 0.3, 0 .* give",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_messages_name_the_row_and_the_remedy(name: str, tmp_path: Path) -> None:
    text, said = CASES[name]
    path = tmp_path / "a.madx"
    path.write_text(RING + text)
    with pytest.raises(pj.errors.LatticeFileError, match=rf"a\.madx:{said}") as caught:
        read_lattice(path)
    assert len(str(caught.value)) < 700


def test_an_apostrophe_in_a_title_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    path.write_text(f"title, Alice's ring;\n{RING}")
    assert len(read_lattice(path, strict=True).lattice) == 5
