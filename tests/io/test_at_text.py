"""AT's lattices as MATLAB functions: nothing beside the elements is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyjutrack.errors import LatticeFileError
from pyjutrack.io import read_lattice

_HEAD = "function ring = a()\nring = {...\n"
_BODY = "atringparam('R',3e9,1);...\natdrift('D1',{length});...\natmarker('M');...\n"
#: as pyAT's `save_m` ends a file
_END = (
    "};\n    function v=False()\n        v=false;\n    end\n"
    "    function v=True()\n        v=true;\n    end\nend\n"
)


def _length(path: Path, text: str) -> float:
    path.write_text(text)
    with pytest.warns(match="no particle"):
        return float(read_lattice(path).lattice.length)


@pytest.mark.parametrize(
    "text",
    [
        _HEAD + _BODY + _END,
        _HEAD + _BODY + "};\nend\n",
        _HEAD + _BODY + "};",
        "% a ring\n\n" + _HEAD + "% arc\n" + _BODY + "};  % all\n\n  % no more\nend % of it\n",
    ],
)
def test_plain_ends_and_comments_are_known(tmp_path: Path, text: str) -> None:
    assert _length(tmp_path / "a.m", text.replace("{length}", "2")) == 2.0


@pytest.mark.parametrize(
    ("after", "row"),
    [
        ("};\nring{7}.PolynomB(2)=99;\nend\n", 7),
        ("};\n\n% then\nring=atsetfieldvalues(ring,1,'Length',3);\n", 9),
        ("};\nend\nsystem('ls');\n", 8),
        ("};\nring2={...\natdrift('D2',1);...\n};\n", 7),
        ("}; ring{2}.Length=9;\n", 6),
        (_END + "x=1\n", 14),
        ("};\nfunction v=False()\nv=true;\nend\n", 7),
    ],
)
def test_what_follows_the_elements_is_refused(tmp_path: Path, after: str, row: int) -> None:
    path = tmp_path / "a.m"
    path.write_text(_HEAD + _BODY.replace("{length}", "2") + after)
    with pytest.raises(LatticeFileError, match=rf"a\.m:{row}: .* follows the elements; .*save\("):
        read_lattice(path)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("L=3;\nring={...\n", "a.m:1: 'L=3;' stands where 'function ring"),
        ("function r = a()\natdrift('D0',7);...\n", "a.m:2: .* stands where 'ring = "),
        ("function r = a()\nL = 3;\nring={...\n", "a.m:2: 'L = 3;' stands where 'ring = "),
        ("function r = a()\nring={atdrift('D0',7);...\n", "a.m:2: .* stands where"),
    ],
)
def test_what_comes_before_the_elements_is_refused(tmp_path: Path, head: str, said: str) -> None:
    path = tmp_path / "a.m"
    path.write_text(head + _BODY.replace("{length}", "2") + "};\n")
    with pytest.raises(LatticeFileError, match=said):
        read_lattice(path)


@pytest.mark.parametrize(
    ("text", "value"), [("2^3^2", 64.0), ("2^-2", 0.25), ("2^-1^2", 0.25), ("(3-1)^(1+1)", 4.0)]
)
def test_powers_are_taken_from_the_left(tmp_path: Path, text: str, value: float) -> None:
    """As MATLAB does."""
    whole = _HEAD + _BODY.replace("{length}", text) + "};\n"
    assert _length(tmp_path / "a.m", whole) == value
