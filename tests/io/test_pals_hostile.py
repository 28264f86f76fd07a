"""PALS files in several parts, and those that would hang, exhaust or lead elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyjutrack as pj
from pyjutrack.errors import LatticeFileError
from pyjutrack.io.pals.files import combine

HEAD = "PALS:\n  facility:\n"
D = "    - d: {kind: Drift, length: 1}\n"
LINE = "    - l: {kind: BeamLine, line: [d]}\n"


def write(folder: Path, **files: str) -> Path:
    """Files by their names without the suffix, `_` for a folder; the path of the one named a."""
    for name, text in files.items():
        path = folder / (name.replace("_", "/") + ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "a.yaml"


def test_what_is_included_stands_where_it_is_named(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        a="PALS:\n  include: version.yaml\n  facility:\n    - include: sub/parts.yaml\n"
        "    - q: {kind: Quadrupole, length: 2*k, include: sub/field.yaml}\n"
        "    - l: {kind: BeamLine, line: [d, include: names.yaml]}\n",
        version="version: null\n",
        names="[q, d]",
        sub_parts="- variables: {k: 0.3}\n- include: ../drift.yaml\n",
        sub_field="MagneticMultipoleP: {Kn1: k}\n",
        drift="d: {kind: Drift, length: 1}\n",
    )
    lattice = pj.read_lattice(path, strict=True).lattice
    assert lattice.elements == (
        pj.Drift(1.0, name="d"),
        pj.Quadrupole(0.6, k1=0.3, name="q"),
        pj.Drift(1.0, name="d"),
    )
    assert lattice.with_values(k=0.2)["q"] == pj.Quadrupole(0.4, k1=0.2, name="q")


def test_files_are_loaded_once_and_in_order(tmp_path: Path) -> None:
    def notes(name: str, rest: str = "") -> str:
        return f"PALS:\n  version: '1.{len(name)}'\n  notes: [{name}]\n{rest}"

    path = write(
        tmp_path,
        a=notes("a", "  load: [sub/b.yaml, SELF, c.yaml]\n  extension_labels: {names: {x: 1}}\n"),
        sub_b=notes("b", "  load: [../d.yaml]\n  facility: [expand_lattice, later]\n"),
        c=notes("cc", "  load: d.yaml\n  facility: [first]\n  extension_labels: {names: {y: 2}}\n"),
        d=notes("d", "  facility: [zero]\n"),
    )
    whole = combine(path, tmp_path)
    assert whole["notes"] == ["d", "b", "a", "cc"]
    assert whole["facility"] == ["zero", "first", "expand_lattice", "later"]
    assert whole["version"] == "1.1, 1.2"
    assert whole["extension_labels"] == {"names": {"x": 1, "y": 2}}


def test_a_layout_and_its_settings(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        a="PALS:\n  load: [layout.yaml, settings.yaml]\n  facility:\n"
        "    - set: {parameter: d>length, value: PARAMETER + s}\n",
        layout=HEAD + D + LINE,
        settings=HEAD + "    - variables: {s: 0.5}\n    - sets: [d>length: 3*s]\n",
    )
    lattice = pj.read_lattice(path, strict=True).lattice
    assert lattice.length == 2.0
    assert lattice.with_values(s=1.0).length == 4.0


def test_another_folder_may_be_named(tmp_path: Path) -> None:
    write(tmp_path, sub_a=HEAD + "    - include: ../d.yaml\n" + LINE, d=D)
    path = tmp_path / "sub" / "a.yaml"
    with pytest.raises(LatticeFileError, match=r"a\.yaml:3: the file '\.\./d\.yaml' lies outside"):
        pj.read_lattice(path)
    assert len(pj.read_lattice(path, folder=tmp_path).lattice) == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": HEAD + "    - include: a.yaml\n"}, r"a\.yaml:3: 'a\.yaml' is read by itself"),
        (
            {"a": HEAD + "    - include: b.yaml\n", "b": "- d:\n    include: a.yaml\n"},
            r"b\.yaml:2: 'a\.yaml' is read by itself",
        ),
        ({"a": "PALS:\n  load: a.yaml\n"}, r"a\.yaml:2: 'a\.yaml' is read by itself"),
        ({"a": "PALS:\n  load: b.yaml\n", "b": "PALS:\n  load: [a.yaml]\n"}, r"b\.yaml:2: 'a\.ya"),
        ({"a": "PALS:\n  load: b.yaml\n", "b": "[1]"}, r"b\.yaml: no PALS file"),
        ({"a": "PALS:\n  load: [SELF, SELF]\n"}, r"a\.yaml:2: load: SELF stands more than once"),
        ({"a": "PALS:\n  load: [3]\n"}, r"a\.yaml:2: 3 is no name of a file"),
        ({"a": "PALS:\n  load: [/etc/passwd]\n"}, r"a\.yaml:2: .*lies outside the folder"),
        ({"a": "PALS:\n  load: [.]\n"}, r"a\.yaml:2: '\.' is no regular file"),
        ({"a": "PALS:\n  include: b.h5\n"}, r"a\.yaml:2: there is no file 'b\.h5'"),
        (
            {
                "a": "PALS:\n  load: b.yaml\n  version: 1.2\n",
                "b": "PALS:\n  version: 2.1\n  facility: [d]\n",
            },
            r"a\.yaml:3: version = 1\.2 here and 2\.1",
        ),
        (
            {"a": "PALS:\n  version: 1\n  include: b.yaml\n", "b": "x: 1\nversion: 2\n"},
            r"a\.yaml:2: the key 'version' is there twice",
        ),
        ({"a": "PALS:\n  include: b.yaml\n", "b": "[1]"}, r"a\.yaml:2: what is included here must"),
        (
            {"a": HEAD + "    - include: b.yaml\n" + LINE, "b": "- e: 1\n- d: {kind: Drif}\n"},
            r"b\.yaml:2: d: .*'Drif'; did you mean 'Drift'",
        ),
        (
            {
                "a": HEAD + "    - include: b.yaml\n" + LINE,
                "b": "\n- d: {kind: Drift, length: x}\n",
            },
            r"b\.yaml:2: .*constant, variable or parameter named 'x'",
        ),
        (
            {"a": HEAD + "    - include: b.yaml\n" + LINE, "b": "\n- variables: {x: 1/0}\n"},
            r"b\.yaml:2: variables: x: 1/0 is no real number",
        ),
    ],
)
def test_parts_that_are_wrong_are_named(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    with pytest.raises(LatticeFileError, match=message):
        pj.read_lattice(write(tmp_path, **files))


LONG = "(" * 101 + "1" + ")" * 101
SETS = "    - set: {parameter: d>length, value: PARAMETER*PARAMETER}\n" * 60
CONTROLLER = "    - c: {kind: Controller, "


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("    - variables: {x: y, y: x}\n", r":3: x: it needs its own value: x -> y -> x"),
        ("    - variables: {x: log(-1)}\n", r":3: variables: x: log\(-1\) is no real number"),
        (
            "    - variables: {y: 1}\n    - variables: {y: 2}\n",
            r":4: .*'y' is defined tw",
        ),
        ("    - variables: {pi: 3}\n", r":3: variables: pi: 'pi' is a name of PALS itself"),
        ("    - variables: {a.b: 3}\n", r":3: variables: a\.b: 'a\.b' is no name"),
        ("    - variables: 3\n", ":3: variables must hold names and values"),
        (
            f"    - variables: {{x: '{LONG}'}}\n",
            r":3: variables: x: .*nested too",
        ),
        ("    - variables: {x: __import__('os')}\n", r":3: variables: x: .*cannot be read"),
        ("    - variables: {x: [1]}\n", r":3: variables: x: must be a number, got \[1\]"),
        (
            "    - k: {kind: constant}\n    - constants: {k: 3}\n",
            r":4: constants: 'k' is def",
        ),
        (
            "    - variables: {x: 1}\n" + D.replace("1", "x") + SETS,
            ":.*length: .*more than 100,000",
        ),
        (D + "    - set: {parameter: '(d+)+>length', value: 1}\n", r":4: '\(d\+\)\+': of patterns"),
        (D + "    - set: {parameter: '.*a.*b.*c.*d>length', value: 1}\n", ":4: .*more than three"),
        (D + "    - set: {parameter: d, value: 1}\n", ":4: 'd' names no parameter"),
        (D + "    - set: {parameter: d>length}\n", ":4: set: the value is missing"),
        (
            D + "    - set: {parameter: d>length.x, value: PARAMETER}\n",
            ":4: .*length holds no",
        ),
        (D + "    - set: {parameter: d>length, value: d>length}\n" + LINE, ":3: .*own value"),
        (
            "    - d: {kind: Quadrupole, length: 1, MagneticMultipoleP: {Kn1L: 3}}\n"
            "    - set: {parameter: d>MagneticMultipoleP.Kn1, value: 2*PARAMETER}\n",
            ":4: MagneticMultipoleP.Kn1: .*: Kn1 follows from Kn1L, which is set; use that",
        ),
        (CONTROLLER + "variables: {x: x}}\n" + D + LINE, r":3: c>x: it needs its own value"),
        (CONTROLLER + "controls: [3]}\n", ":3: c: controls must hold parameters"),
        (CONTROLLER + "control_type: OTHER}\n", ":3: c: control_type must be ABSOLUTE or RELATIVE"),
        (
            CONTROLLER + "variables: {x: 1}, controls: [{parameter: c>y, expression: x}]}\n",
            ":3: c: there is no variable 'c>y'",
        ),
        (
            CONTROLLER + "variables: {x: 1}, controls: [{parameter: d>length, expression: x}]}\n"
            "    - r: {kind: Controller, control_type: RELATIVE, controls: "
            "[{parameter: d>length, expression: 1}]}\n" + D + LINE,
            ":4: length: ABSOLUTE and RELATIVE controllers both set it",
        ),
        ("    - d: {kind: Drift, length: e>length}\n" + LINE, ":3: .*named 'e>length'"),
        (
            "    - d: {kind: Drift, length: e>length}\n    - e: {kind: Drift, length: d>length}\n"
            + LINE,
            ":3: .*it needs its own value",
        ),
        ("    - d: {kind: Drift, length: factorial(3)}\n" + LINE, ":3: .*no function 'factorial'"),
    ],
)
def test_expressions_that_are_wrong_are_named(tmp_path: Path, entries: str, message: str) -> None:
    end = "" if LINE in entries else D.replace("- d:", "- z:") + LINE.replace("[d]", "[z]")
    with pytest.raises(LatticeFileError, match=message) as caught:
        pj.read_lattice(write(tmp_path, a=HEAD + entries + end))
    assert "a.yaml:" in str(caught.value)


def test_files_in_files_are_bounded(tmp_path: Path) -> None:
    chain = {f"f{n}": f"x{n}:\n  include: f{n + 1}.yaml\n" for n in range(40)}
    path = write(tmp_path, a="PALS:\n  include: f0.yaml\n", **chain)
    with pytest.raises(LatticeFileError, match="files in each other: 21, above the limit of 20"):
        pj.read_lattice(path)
    deep = "{x: " * 60 + "1" + "}" * 60
    inner = deep.replace("1", "{include: b.yaml}")
    path = write(tmp_path, a=f"PALS: {inner}\n", b=deep)
    with pytest.raises(LatticeFileError, match="nested too deeply, above the limit of 100"):
        pj.read_lattice(path)
    wide = {f"w{n}": f"- include: w{n + 1}.yaml\n" * 4 for n in range(6)}
    path = write(tmp_path, a=HEAD + "    - include: w0.yaml\n", **wide, w6="- d\n")
    with pytest.raises(LatticeFileError, match="files that are read: 1,001, above the limit"):
        pj.read_lattice(path)


def test_what_sets_nothing_is_noted(tmp_path: Path) -> None:
    text = HEAD + D + CONTROLLER + "controls: [{parameter: q>length, expression: 1}]}\n" + LINE
    text += (
        "    - d2: {kind: Drift, length: random_gauss()}\n    - m: {kind: BeamLine, line: [d2]}\n"
    )
    path = write(tmp_path, a=text)
    with pytest.warns(pj.errors.LatticeWarning):
        found = pj.read_lattice(path, line="l")
    assert [str(n) for n in found.notes] == ["a.yaml:4: sets length of no element of the line"]
    with pytest.warns(pj.errors.LatticeWarning):
        found = pj.read_lattice(path, line="m")
    assert "random_gauss(): random numbers are read as their mean" in map(str, found.notes)


def test_every_magnet_may_have_its_settings(tmp_path: Path) -> None:
    """What names elements one by one takes no time that grows as a square."""
    names = range(1500)
    entries = [f"    - d{n}: {{kind: Drift, length: 1}}\n" for n in names]
    entries += [f"    - set: {{parameter: d{n}>length, value: 2*PARAMETER}}\n" for n in names]
    entries += [
        f"    - c{n}: {{kind: Controller, control_type: RELATIVE, variables: {{x: 0}}, "
        f"controls: [{{parameter: d{n}>length, expression: x}}]}}\n"
        for n in names
    ]
    entries.append(f"    - l: {{kind: BeamLine, line: [{', '.join(f'd{n}' for n in names)}]}}\n")
    lattice = pj.read_lattice(write(tmp_path, a=HEAD + "".join(entries))).lattice
    assert lattice.length == 3000.0
    assert lattice.with_values({"c7>x": 0.5, "c1499>x": 1.0}).length == 3001.5
