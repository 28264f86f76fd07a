"""The table of docs/files.md: optics of every AT file that pyAT installs, by pyAT and from here."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from examples_loader import load_example

import pyjutrack as pj

pytest.importorskip("at")
load_example("rings/peer_at")
example = load_example("rings/at_files")
PAGE = Path(__file__).parents[2] / "docs" / "files.md"
FILES = {path.name: path for path in example.find_shipped()}
#: notes say what these have besides: turned magnets, and edges of other methods
NOTED = {"err.mat": (0, 1, 2, 3), "soleil.m": (3,), "thomx.m": (3,)}
#: of the others, tests/rings/test_real_rings.py holds the four largest to pyAT
QUICK = ("dba.mat",)


def table() -> dict[str, list[str]]:
    """The rows of the page by file."""
    lines = PAGE.read_text().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    return {
        row[0].strip("`"): row[1:] for row in rows if row[0].strip("`").endswith((".m", ".mat"))
    }


def test_every_file_has_a_row() -> None:
    assert len(FILES) == 10
    assert set(table()) == set(FILES)


def test_the_file_that_contradicts_itself() -> None:
    import at

    with pytest.raises(at.AtError, match="Conflicting"):
        example.theirs(FILES["errnoclass.mat"])
    with pytest.raises(pj.errors.LatticeFileError, match=r"QF1J.*contradicts PolynomB"):
        example.ours(FILES["errnoclass.mat"])
    assert table()["errnoclass.mat"][0].startswith("AtError")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in FILES
        if name != "errnoclass.mat"
    ],
)
def test_a_row_is_what_both_codes_give(name: str) -> None:
    theirs, ours = example.theirs(FILES[name]), example.ours(FILES[name])
    told = np.array([float(number) for number in table()[name]])
    np.testing.assert_allclose(told, [*theirs, *ours], rtol=0, atol=2e-5)  # five digits are printed
    same = [n for n in range(4) if n not in NOTED.get(name, ())]
    # pyAT's second-order map leaves 3e-5 of the chromaticity of a ring with two bends of 45 degrees
    np.testing.assert_allclose(theirs[same], ours[same], rtol=0, atol=5e-5)
    for n in NOTED.get(name, ()):
        assert abs(theirs[n] - ours[n]) > 1e-6


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_err_mat_without_its_turns() -> None:
    """What the page says of it, and that turns alone make its chromaticities differ."""
    import at

    path = FILES["err.mat"]
    theirs = at.load_lattice(str(path))
    theirs.disable_6d(copy=False)
    turned = [e for e in theirs if hasattr(e, "T1") and (e.T1[[1, 3]].any() or e.T2[[1, 3]].any())]
    for e in turned:  # the middle stays where it is
        offset = np.array([1, 0, 1, 0, 0, 0]) * (e.T2 - e.T1) / 2
        e.T1, e.T2 = -offset, offset
    _, ring, _ = theirs.get_optics(get_chrom=True, DPStep=example._STEP)
    found = pj.io.read_lattice(path)
    assert sum(bool(e.x_rot or e.y_rot) for e in found.lattice) == len(turned)
    straight = pj.Lattice([dataclasses.replace(e, x_rot=0.0, y_rot=0.0) for e in found.lattice])
    table = pj.optics.twiss_table(straight, example.fast(found.reference), chromatic=True)
    ours = table.chromaticity_x, table.chromaticity_y
    np.testing.assert_allclose(ring.chromaticity[:2], ours, rtol=0, atol=1e-4)
    x, y = (f"{value:.3f}" for value in ours)
    told = f"has {len(turned)} elements turned by T1 and T2: with the turns taken out, both codes "
    assert f"{told}give {x} and {y}." in " ".join(PAGE.read_text().split())


def test_the_example_prints_rows() -> None:
    cells = example.row(FILES["errnoclass.mat"])
    assert cells.startswith("| `errnoclass.mat` | AtError |")
    assert cells.count("|") == 10
