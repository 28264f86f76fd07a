"""Files that would run commands, take all time or all memory, or tell what others hold."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack.errors import LatticeFileError, LatticeWarning
from pyjutrack.io import read_lattice

_CLIMB = (
    "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]"
    ".__init__.__globals__['system']('touch {c}')"
)
_SHORT = "().__class__.__base__"
_RING = "d: drift, l=1; r: line=(d);"
_AT = "function r = f()\nr={{...\natdrift('D1',{value},'DriftPass');...\n}};\n"

_MAGNET = (
    "function r = f()\nr={{...\natringparam('R',3e9,1);...\n"
    "atquadrupole('Q1',0.5,1,'{name}',{value});...\n}};\n"
)


def _at_json(fields: dict[str, Any]) -> str:
    quadrupole = {"FamName": "q", "Class": "Quadrupole", "Length": 1.0, **fields}
    return json.dumps({"atjson": 1, "elements": [quadrupole], "properties": {"energy": 3e9}})


def _refused(path: Path, text: str | bytes, said: str, **options: object) -> None:
    """The file is refused in under a second, and the error names it."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    read_lattice(_plain(path))  # imports what readers need
    start = time.process_time()
    with pytest.raises(LatticeFileError, match=said) as caught:
        read_lattice(path, **options)
    assert time.process_time() - start < 1.0
    assert path.name in str(caught.value)
    assert len(str(caught.value)) < 1200 + len(str(path))


def _plain(path: Path) -> Path:
    good = path.with_name("good.madx")
    good.write_text(_RING)
    return good


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.m", _AT.format(value="__import__('os').system('touch {c}')")),
        ("a.m", _AT.format(value=_CLIMB)),
        ("a.m", _AT.format(value="1,'Energy',open('{c}','w')")),
        ("a.madx", "a := " + _CLIMB + ";" + _RING),
        ("a.madx", "q: quadrupole, l=1, k1:=" + _CLIMB + "; r: line=(q);"),
        ("a.madx", "a = " + _CLIMB + ";" + _RING),
        ("a.mad8", "A := " + _CLIMB + "\nD: DRIFT, L=1\nR: LINE=(D)\n"),
        ("a.lte", "D: DRIFT, L=" + _CLIMB + "\nR: LINE=(D)\n"),
        ("a.bmad", "d: drift, l = " + _CLIMB + "\nr: line = (d)\n"),
        ("a.bmad", "a = " + _CLIMB + "\n"),
        ("a.yaml", "PALS: !!python/object/apply:os.system ['touch {c}']\n"),
    ],
)
def test_no_file_runs_anything(tmp_path: Path, name: str, text: str) -> None:
    canary = tmp_path / "canary"
    _refused(tmp_path / name, text.replace("{c}", str(canary)), name)
    assert not canary.exists()


def _anchors() -> str:
    rows = ["a0: &a0 [1, 1]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11)
    ]
    return "\n".join(rows) + "\nPALS: {facility: []}\n"


def _lines_of_lines(depth: int, parts: str, repeat: int) -> str:
    rows = ["PALS:", "  facility:", "    - d: {kind: Drift, length: 1.0}"]
    rows += [f"    - l0: {{kind: BeamLine, line: [{parts}]}}"]
    for n in range(1, depth):
        item = ", ".join([f"{{l{n - 1}: {{repeat: {repeat}}}}}"] * 2)
        rows.append(f"    - l{n}: {{kind: BeamLine, line: [{item}]}}")
    return "\n".join([*rows, f"    - use: l{depth - 1}", ""])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.madx", "a := 9^9^9^9; q: drift, l:=a; r: line=(q);", "beyond double precision"),
        ("a.madx", "a = 9^9^9^9;" + _RING, r"a.madx:1: "),
        ("a.madx", "a := a + 1; q: drift, l=a; r: line=(q);", "needs its own value"),
        ("a.madx", "a := b; b := a; q: drift, l:=a; r: line=(q);", "needs its own value"),
        ("a.madx", "q: quadrupole, l:=k; k := l; l := k; r: line=(q);", "its own value"),
        ("a.madx", "r: line=(1000000000*d); d: drift, l=1;", "limit of 1,000,000"),
        ("a.madx", "a = 1e400;" + _RING, "beyond double precision"),
        ("a.madx", f"a = {'9' * 5000};" + _RING, "above the limit of 300"),
        ("a.madx", f"a = {'(' * 5000}1{')' * 5000};" + _RING, "limit of 100 levels"),
        ("a.madx", f"a = {'x' * 200_000}; " + "a" * 200_000, "no end"),
        ("a.mad8", "A = " + "9^" * 60 + "9\nD: DRIFT, L=A\nR: LINE=(D)\n", "a.mad8:1: "),
        ("a.lte", "% abc 1000000000 * sto k\nR: LINE=(D)\n", r"a.lte:1: 'abc' is no number"),
        ("a.lte", "M: MULT, KNL=1, ORDER=1000000000\nR: LINE=(M)\n", "limit of 100"),
        ("a.bmad", "a = 9^9^9^9\n", "a.bmad:1: .*beyond double precision"),
        ("a.bmad", "a: marker; r: line = (1000000000*a)\n", "limit of 1,000,000"),
        ("a.bmad", "o: overlay = {o[a]: a}, var = {a}\n", "needs its own value"),
        ("a.m", _AT.format(value="9^9^9^9"), "a.m:3: .*beyond double precision"),
        ("a.m", _AT.format(value="2^" * 50_000 + "1"), "a.m:3: .*beyond double precision"),
        ("a.madx", "a = exp(1000);" + _RING, r"exp\(1000\) is beyond double precision"),
        ("a.madx", "a = sqrt(-1);" + _RING, r"sqrt\(-1\) is no real number"),
        ("a.m", _MAGNET.format(name="NumIntSteps", value="1e30"), "limit of 100,000"),
        ("a.m", _MAGNET.format(name="MaxOrder", value="-1"), "MaxOrder = -1 is no whole number"),
        ("a.m", _MAGNET.format(name="PolynomA", value=f"[{'1 ' * 1000}]"), "limit of 100"),
        ("a.json", _at_json({"K": [1.0] * 3}), "K has 3 numbers in place of 1"),
        ("a.json", _at_json({"K": "__import__('os')"}), "K = .* is not of numbers"),
        ("a.json", _at_json({"K": 10**200}), "K = .* is not of numbers"),
        ("a.json", _at_json({"T1": [[1.0], [1.0, 2.0]]}), "T1 = .* is not of numbers"),
        ("a.json", _at_json({"FamName": {"a": 1}}), "FamName = .* is no word"),
        ("a.json", _at_json({"Class": ["Drift"]}), "Class = .* is no word"),
        ("a.json", '{"atjson": 1, "elements": [3]}', "is no list of elements"),
        ("a.yaml", _lines_of_lines(11, "d", 10), "above the limit of"),
        ("a.yaml", _lines_of_lines(60, "", 1), "is empty"),
        ("a.yaml", _lines_of_lines(2, "d", 10**9), "above the limit of 1,000,000"),
        ("a.yaml", "PALS: " + "[" * 3000, "limit of 100 levels"),
        ("a.json", "[" * 100_000, "limit of 100 levels"),
        ("a.json", '{"pyjutrack": ' + "9" * 5000 + "}", "limit of 300"),
        ("a.json", '{"pyjutrack": 1e400}', "beyond double precision"),
        ("a.json", '{"pyjutrack": "' + "\\ud800" + '"}', "a.json: "),
        (
            "a.mat",
            b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + b"\16\0\0\0\xff\xff\xff\xff",
            "damaged: a part of",
        ),
        ("a.madx", "q: drift, l=1;".encode("utf-16"), "not a text file"),
    ],
)
def test_nothing_takes_all_time_or_memory(tmp_path: Path, name: str, text, said: str) -> None:
    _refused(tmp_path / name, text, said)


def test_anchors_are_counted_where_they_stand(tmp_path: Path) -> None:
    """Ten anchors nested ten deep are 10^11 values."""
    _refused(tmp_path / "a.yaml", _anchors(), "anchors expanded: [0-9,]+, above the limit")


def test_steps_and_orders_are_believed_up_to_a_limit(tmp_path: Path) -> None:
    data = {"pyjutrack": 1, "elements": [{"kind": "Quadrupole", "length": 1.0, "steps": 10**30}]}
    _refused(tmp_path / "a.json", json.dumps(data), "steps of element 0 .*limit of 100,000")
    text = "PALS:\n  facility:\n    - m: {kind: Multipole, MagneticMultipoleP: {Kn999999L: 1}}\n"
    text += "    - r: {kind: BeamLine, line: [m]}\n"
    _refused(tmp_path / "a.yaml", text, "Kn999999L: 999,999, above the limit of 100")


def test_a_word_in_the_place_of_an_expression_is_a_word(tmp_path: Path) -> None:
    """`type=qf` of qf itself made pyAT look for the end of a chain that has none."""
    path = tmp_path / "a.madx"
    path.write_text("qf: quadrupole, l=0.5, k1=1.0, type=qf; r: line=(qf);")
    assert read_lattice(path).lattice.value("qf.k1") == 1.0


def test_long_chains_of_names_take_little_time(tmp_path: Path) -> None:
    """Each value once: 2^300 evaluations of doubled names, 3000 statements in reverse order."""
    doubled = "".join(f"a{n} := a{n - 1}/2 + a{n - 1}/2; " for n in range(300, 0, -1))
    chain = "".join(f"b{n} := b{n - 1}; " for n in range(3000, 0, -1))
    path = tmp_path / "a.madx"
    path.write_text(f"{doubled} a0 = 0.5; {chain} b0 = 0.25; d: drift, l:=a300+b3000; r: line=(d);")
    start = time.process_time()
    assert float(read_lattice(path).lattice.length) == 0.75
    assert time.process_time() - start < 5.0


@pytest.mark.parametrize("turn", ["", "-"])
def test_doubled_lines_take_little_time(tmp_path: Path, turn: str) -> None:
    """2^17 copies of one element in 18 statements: it is made once, and is one object."""
    lines = " ".join(f"l{n}: line=(l{n - 1},{turn}l{n - 1});" for n in range(1, 18))
    path = tmp_path / "a.madx"
    path.write_text(f"l0: sbend, l=1, angle=1e-3, e1=0.1, foo=3; {lines}")
    start = time.process_time()
    with pytest.warns(LatticeWarning, match="foo = 3"):
        found = read_lattice(path, line="l17")
    assert time.process_time() - start < 10.0
    assert len(found.lattice) == 2**17
    assert len(found.notes) == 1
    elements = list(found.lattice)
    assert len({id(element) for element in elements}) <= 4
    faces = [(float(element.e1), float(element.e2)) for element in elements[:4]]
    assert faces == [(0.1, 0.0)] * 4  # MAD turns the order around, and no faces


def test_files_are_called_from_the_folder_of_the_lattice(tmp_path: Path) -> None:
    folder = tmp_path / "machine"
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "d.madx").write_text("d: drift, l=2.5;")
    secret = tmp_path / "secret.madx"
    secret.write_text("password, is=12345; d: drift, l=3.5;")
    path = folder / "a.madx"
    path.write_text('call, file="parts/d.madx"; r: line=(d);')
    assert float(read_lattice(path).lattice.length) == 2.5
    os.symlink(secret, folder / "link.madx")
    os.mkfifo(folder / "fifo.madx")
    for name, said in (
        ("../secret.madx", "outside the folder"),
        (str(secret), "outside the folder"),
        ("link.madx", "outside the folder"),
        ("/dev/zero", "outside the folder"),
        ("fifo.madx", "no regular file"),
        ("parts", "no regular file"),
        ("none.madx", "there is no file"),
        ("a.madx", "in each other: 21, above the limit of 20"),
    ):
        path.write_text(f'call, file="{name}"; r: line=(d);')
        with pytest.raises(LatticeFileError, match=said) as caught:
            read_lattice(path)
        assert "12345" not in str(caught.value)
    path.write_text(f'r: sequence, l=9; call, file="{secret}"; endsequence;')
    with pytest.raises(LatticeFileError, match="outside the folder") as caught:
        read_lattice(path)
    assert "12345" not in str(caught.value)
    path.write_text('call, file="../secret.madx"; r: line=(d);')
    with pytest.warns(pj.errors.LatticeWarning, match="password"):
        assert float(read_lattice(path, folder=tmp_path).lattice.length) == 3.5
    for odd in (folder / "fifo.madx", Path("/dev/zero")):
        with pytest.raises(LatticeFileError, match="regular file"):
            read_lattice(odd, format="madx")


def test_messages_quote_a_part_of_long_statements(tmp_path: Path) -> None:
    path = tmp_path / "a.madx"
    path.write_text(f"q: quadrupole, l=1, k1=({'1+' * 5000}?); r: line=(q);")
    with pytest.raises(LatticeFileError) as caught:
        read_lattice(path)
    assert len(str(caught.value)) < 700 + len(str(path))


@pytest.mark.parametrize("held", ["text", [[1.0, 2.0]], "cells of numbers", "half"])
def test_a_matlab_variable_that_is_no_lattice(tmp_path: Path, held: Any) -> None:
    cells = np.empty((1, 2), dtype=object)
    cells[0, 0] = {"FamName": "D", "PassMethod": "DriftPass", "Length": 1.0}
    cells[0, 1] = 1.0
    value = {"cells of numbers": cells[:, 1:], "half": cells}.get(str(held), held)
    path = tmp_path / "a.mat"
    scipy = pytest.importorskip("scipy.io")
    scipy.savemat(path, {"ring": value})
    with pytest.raises(LatticeFileError, match=r"'ring' is no cell array of elements"):
        read_lattice(path)


@pytest.mark.parametrize(
    "edits",
    [
        *("install, element=q, class=d, at=0.5; flatten", "reflect", "move, element=d, by:=k"),
        "n" + "a" * 9999 + " = 1",
    ],
)
def test_loops_without_end_take_little_time(tmp_path: Path, edits: str) -> None:
    path = tmp_path / "a.madx"
    path.write_text(
        "k=0; d: drift, l=1; r: sequence, l=4; d, at:=1+k; d, at=3; endsequence;"
        f"while (1 < 2) {{ seqedit, sequence=r; {edits}; endedit; }}"
    )
    start = time.process_time()
    with pytest.raises(LatticeFileError, match="needs more than the limit of"):
        read_lattice(path)
    assert time.process_time() - start < 20.0
