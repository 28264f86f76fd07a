"""SEQEDIT, thin elements and what is written, against MAD-X itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from madx_program import madx

import pyjutrack as pj

pytest.importorskip("cpymad.madx")

CELL = """beam, particle=proton, pc=10;
kqf = 0.35; kqd := -kqf*1.01;
qf: quadrupole, l=0.5, k1:=kqf; qd: quadrupole, l=0.5, k1:=kqd;
b: sbend, l=1, angle=0.19; b9: sbend, l=1, angle=0.19, e1=0.1; mk: marker;
cell: sequence, l=6; qf, at=0.5; b, at=1.5; mk, at=2.5; qd, at=3.5; b, at=4.5; mk, at=5.5;
endsequence;
"""


def tunes_of(path: Path) -> tuple[float, float]:
    """Tunes by MAD-X."""
    with madx(folder=path.parent) as program:
        program.call(path.name)
        program.input("twiss, exact;")
        summary = program.table.summ
        return float(summary.q1[0]) % 1, float(summary.q2[0]) % 1


def agree(path: Path) -> None:
    found = pj.io.read_lattice(path)
    table = pj.twiss_table(found.lattice, found.reference)
    ours = float(table.tune_x) % 1, float(table.tune_y) % 1
    np.testing.assert_allclose(ours, tunes_of(path), atol=1e-7)


@pytest.mark.parametrize(
    "edit", ["remove, element=b", "replace, element=b, by=b9", "move, element=b, by=0.1"]
)
def test_edits_meet_the_first_of_a_name(edit: str, tmp_path: Path) -> None:
    path = tmp_path / "cell.madx"
    path.write_text(f"{CELL} seqedit, sequence=cell; {edit}; endedit; use, sequence=cell;")
    agree(path)


@pytest.mark.parametrize(
    "thin",
    [
        "solenoid, l=0, ksi=0.05, lrad=0.5",
        "solenoid, l=0, ks=0.3, ksi=0.05, lrad=0.5",
        "solenoid, l=0, ks=0.3, ksi=0.05",
        "multipole, knl={0, 0.01, 0.3}, ksl={1e-5, 0.01}",
    ],
)
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LatticeWarning")
def test_thin_elements(thin: str, tmp_path: Path) -> None:
    path = tmp_path / "cell.madx"
    added = f"t: {thin}; seqedit, sequence=cell; install, element=t, at=2.7; endedit;"
    path.write_text(f"{CELL} {added} use, sequence=cell;")
    agree(path)


def test_reflect_with_refer_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "cell.madx"
    entry = CELL.replace("l=6;", "l=6, refer=entry;")
    path.write_text(f"{entry} seqedit, sequence=cell; reflect; endedit; use, sequence=cell;")
    with pytest.warns(pj.errors.LatticeWarning, match="REFLECT"):
        pj.io.read_lattice(path)


@pytest.mark.parametrize(
    "options", [{"edges": "linear"}, {"model": "linear"}, {"model": "paraxial"}, {"edges": "none"}]
)
def test_models_that_are_not_written_are_said(options: dict[str, str], tmp_path: Path) -> None:
    proton, path = pj.Reference.from_kinetic("proton", 1e9), tmp_path / "a.madx"
    ring = pj.Lattice(
        [
            pj.Quadrupole(0.5, k1=0.6, name="qf"),
            pj.SBend(1.0, angle=0.2, e1=0.1, e2=0.1, name="b", **options),  # type: ignore[arg-type]
            pj.Quadrupole(0.5, k1=-0.6, name="qd"),
            pj.Drift(1.0, name="d"),
        ]
    )
    if options == {"edges": "none"}:
        pj.io.write_lattice(path, ring, proton)
    else:
        with pytest.warns(pj.errors.LatticeWarning, match="of SBend 'b'"):
            pj.io.write_lattice(path, ring, proton)
    again = pj.io.read_lattice(path)
    for table in ("tune_x", "tune_y"):
        before, after = (
            float(getattr(pj.twiss_table(lattice, proton), table))
            for lattice in (ring, again.lattice)
        )
        assert after == pytest.approx(before, abs=1e-9)


def test_values_that_changed_are_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    path.write_text(
        "beam, particle=proton, pc=10; a = beam->pc; beam, particle=proton, pc=20; b = beam->pc;"
        "q: quadrupole, l=1, k1=0.1; c = q->k1; q: quadrupole, l=1, k1=0.2; d = q->k1;"
        "r: sequence, l=2; q, at=1; endsequence; use, sequence=r;"
    )
    found = pj.io.read_lattice(path).lattice.variables
    assert [float(found[n]) for n in "abcd"] == [10, 20, 0.1, 0.2]


def test_long_chains_of_places_end(tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    chain = "\n".join(f"m{n}: marker, at=0.1, from=m{n - 1};" for n in range(1, 20_001))
    path.write_text(
        f"r: sequence, l=1e4; m0: marker, at=0;\n{chain}\nendsequence; use, sequence=r;"
    )
    with pytest.raises(pj.errors.LatticeFileError, match="places counted from each other"):
        pj.io.read_lattice(path)
