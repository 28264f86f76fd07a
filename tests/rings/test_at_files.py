"""The table of docs/files.md: optics of every AT file that pyAT installs, by pyAT and from here."""

from __future__ import annotations

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


def test_the_example_prints_rows() -> None:
    cells = example.row(FILES["errnoclass.mat"])
    assert cells.startswith("| `errnoclass.mat` | AtError |")
    assert cells.count("|") == 10
