"""Formats of lattice files: those of users, those of packages, and what the documents say."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import pyjutrack as pj
from pyjutrack import cli
from pyjutrack.core.errors import PluginError
from pyjutrack.io import LatticeFormat, LatticeSource, formats

DOCS = Path(__file__).parents[2] / "docs" / "files.md"
EXTENDING = DOCS.with_name("extending.md")


def read(source: LatticeSource) -> pj.io.LatticeFile:
    """One quadrupole a row: its name, its length, its k1."""
    rows = [row.split() for row in source.text.splitlines()]
    return pj.io.LatticeFile(
        pj.Lattice([pj.Quadrupole(float(length), k1=float(k1), name=n) for n, length, k1 in rows])
    )


def write(path: Path, lattice: pj.Lattice, reference: pj.Reference | None) -> None:
    path.write_text("".join(f"{e.name} {e.length} {e.k1}\n" for e in lattice))


QUADS = LatticeFormat("quads", "one quadrupole a row", (".quads",), read, write)
LATTICE = pj.Lattice([pj.Quadrupole(0.2, k1=1.5, name="q1"), pj.Quadrupole(0.1, k1=-1, name="q2")])


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry of users' and packages' formats that is empty, and put back after the test."""
    monkeypatch.setattr(formats, "_USERS", {})
    formats._installed_formats.cache_clear()
    yield
    formats._installed_formats.cache_clear()


def installed(monkeypatch: pytest.MonkeyPatch, load: Any) -> None:
    """A package that has an entry point."""
    entry = SimpleNamespace(name="quads", value="a:B", dist=SimpleNamespace(name="foo"), load=load)
    monkeypatch.setattr(
        metadata, "entry_points", lambda *, group: [entry] if group == formats.GROUP else []
    )


def test_a_format_of_a_user_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "a.quads"
    with pytest.raises(pj.errors.InvalidValueError, match=r"written as \.json"):
        pj.write_lattice(path, LATTICE)
    assert pj.io.register_format(QUADS) is QUADS
    pj.write_lattice(path, LATTICE)
    assert pj.read_lattice(path).lattice.elements == LATTICE.elements
    proton = pj.Reference.from_kinetic("proton", 1e9)
    assert pj.read_lattice(path, reference=proton).reference == proton
    other = path.rename(tmp_path / "a.txt")
    assert pj.read_lattice(other, format="quads").lattice.elements == LATTICE.elements
    with pytest.raises(pj.errors.LatticeFileError, match=r"no lines; leave line='l' out"):
        pj.read_lattice(other, format="quads", line="l")


def test_its_mistakes_name_the_file(tmp_path: Path) -> None:
    pj.io.register_format(QUADS)
    path = tmp_path / "bad.quads"
    path.write_text("q1 long 1.0")
    with pytest.raises(pj.errors.LatticeFileError, match=r"bad\.quads.*could not convert"):
        pj.read_lattice(path)


def test_the_same_again_takes_its_place_and_another_of_its_name_is_refused() -> None:
    pj.io.register_format(QUADS)
    pj.io.register_format(dataclasses.replace(QUADS, suffixes=(".q",)))
    assert formats.lattice_formats()["quads"].suffixes == (".q",)
    with pytest.raises(pj.errors.InvalidValueError, match=r"named 'quads', that of .*read; rename"):
        pj.io.register_format(dataclasses.replace(QUADS, read=lambda source: read(source)))
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"named 'pals', that of pyjutrack\.io\.pals.*; rename"
    ):
        pj.io.register_format(dataclasses.replace(QUADS, name="pals"))
    for wrong in ({"suffixes": ()}, {"suffixes": (".Q",)}, {"suffixes": ("q",)}, {"name": ""}):
        with pytest.raises(pj.errors.InvalidValueError, match="suffix"):
            pj.io.register_format(dataclasses.replace(QUADS, **wrong))
    with pytest.raises(pj.errors.InvalidValueError, match="must be a LatticeFormat"):
        pj.io.register_format(read)  # type: ignore[arg-type]


def test_formats_that_share_a_suffix_are_distinguished_by_content(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    mine = LatticeFormat(
        "mine", "ours", (".json",), read, recognise=lambda source: "mine" in source.text
    )
    pj.io.register_format(mine)
    path.write_text('{"mine": 1}')
    with pytest.raises(pj.errors.LatticeFileError, match="unpack"):  # read as of the user's format
        pj.read_lattice(path)
    pj.write_lattice(path, LATTICE)  # written as ours, the only one that writes
    assert pj.read_lattice(path).lattice.elements == LATTICE.elements
    path.write_text('{"mine": 1, "pyjutrack": 1}')
    with pytest.raises(pj.errors.LatticeFileError, match=r"may be 'own'.*'mine'.*give format="):
        pj.read_lattice(path)
    pj.io.register_format(dataclasses.replace(mine, write=write))
    with pytest.raises(pj.errors.InvalidValueError, match=r"may be 'own'.*'mine'.*give format="):
        pj.write_lattice(path, LATTICE)
    pj.write_lattice(path, LATTICE, format="own")
    with pytest.raises(pj.errors.InvalidValueError, match="MAD8 are read, and not written"):
        pj.write_lattice(path, LATTICE, format="mad8")


def test_a_format_of_a_package_is_found(tmp_path: Path, monkeypatch, capsys) -> None:
    installed(monkeypatch, lambda: QUADS)
    pj.write_lattice(tmp_path / "a.quads", LATTICE)
    assert pj.read_lattice(tmp_path / "a.quads").lattice.elements == LATTICE.elements
    assert cli.main(["formats"]) == 0
    assert re.search(
        r"quads +one quadrupole a row +\.quads +read, written", capsys.readouterr().out
    )


def test_a_package_whose_format_fails_is_named(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.json"
    pj.write_lattice(path, LATTICE)

    def fail() -> LatticeFormat:
        raise ImportError("no module named b")

    clashing = dataclasses.replace(QUADS, name="madx")
    for load, said in (
        (fail, "package foo cannot be loaded: ImportError: no module"),
        (lambda: read, "package foo cannot be loaded.*must be a LatticeFormat"),
        (lambda: clashing, "package foo has a lattice format named 'madx'"),
    ):
        installed(monkeypatch, load)
        formats._installed_formats.cache_clear()
        with pytest.raises(PluginError, match=said):
            pj.read_lattice(path)
        assert len(pj.read_lattice(path, format="own").lattice) == 2


def test_the_documents_list_every_format() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.*?) \| (.*?) \| yes \| (yes|no) \|$", DOCS.read_text(), re.M
    )
    assert rows == [
        (f.name, f.description, ", ".join(f"`{s}`" for s in f.suffixes), "yes" if f.write else "no")
        for f in formats.lattice_formats().values()
    ]


def test_the_documents_formats_can_stand_in_one_notebook() -> None:
    text = DOCS.read_text() + EXTENDING.read_text()
    found = re.findall(r'LatticeFormat\("(\w+)", "([^"]*)", \("(\.\w+)",\), read', text)
    assert len(found) == 2
    for name, description, suffix in found:
        pj.io.register_format(LatticeFormat(name, description, (suffix,), read))
    assert set(formats._USERS) == {name for name, _, _ in found}
