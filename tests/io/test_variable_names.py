"""Variables of files that have the name of a parameter, against files where they have another."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyjutrack as pj

FILES = {
    "a.madx": (
        "beam, particle=proton, pc=10; a = 0.2; NAME := 0.3*a;"
        "q1: quadrupole, l=1, k1:=2*a; q3: quadrupole, l=1, k1:=NAME;"
        "r: sequence, l=4; q1, at=1; q3, at=3; endsequence;"
    ),
    "a.bmad": (
        "parameter[p0c] = 1e9\nparameter[particle] = proton\na = 0.2\nNAME = 0.3*a\n"
        "q1: quadrupole, l=1, k1=2*a\nq3: quadrupole, l=1, k1=NAME\nr: line = (q1, q3)\n"
    ),
    "a.lte": (
        "% 0.2 sto a\n% a 0.3 * sto NAME\nq1: QUAD, L=1, K1=\"a 2 *\"\n"
        'q3: QUAD, L=1, K1="NAME"\nr: LINE=(q1,q3)\n'
    ),
}  # fmt: skip


@pytest.mark.parametrize("file", FILES)
def test_a_variable_with_the_name_of_a_parameter_is_itself(tmp_path: Path, file: str) -> None:
    taken = "Q1.k1" if file == "a.lte" else "q1.k1"

    def read(name: str) -> pj.Lattice:
        path = tmp_path / file
        path.write_text(FILES[file].replace("NAME", name))
        return pj.read_lattice(path).lattice

    found, plain = read(taken), read("other")
    assert found.elements == plain.elements
    moved = {"a": 0.5}
    assert found.with_values(moved).elements == plain.with_values(moved).elements
    new = taken.replace(".", "_")
    assert found.with_values({new: 0.7}).elements == plain.with_values(other=0.7).elements
    first = found.names[0] if "drift" not in found.names[0] else "q1"
    assert found.with_values({f"{first}.k1": 0.9})[first].k1 == 0.9
