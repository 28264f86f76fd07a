"""Cavities of files: a frequency that is stated as zero is one, and that is left out is none."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import pyjutrack as pj
from pyjutrack.errors import AccuracyWarning

ELECTRON = pj.Reference.from_total("electron", 1e9)


def madx(kind: str, frequency: str) -> str:
    stated = f", freq={frequency}" if frequency else ""
    return (
        "beam, particle=electron, energy=1;\n"
        f"c: {kind}, l=0.5, volt=2, lag=0.1{stated};\nd: drift, l=1;\nl: line=(c, d);\n"
        "use, sequence=l;\n"
    )


def bmad(kind: str, frequency: str) -> str:
    stated = f", rf_frequency={frequency}" if frequency else ""
    return (
        "parameter[particle]=electron\nparameter[e_tot]=1e9\nparameter[geometry]=closed\n"
        f"c: {kind}, l=0.5, voltage=1e6{stated}\nd: drift, l=1\nl: line=(c, d)\nuse, l\n"
    )


def xsuite(kind: str, frequency: str) -> str:
    name = "crab_voltage" if kind == "CrabCavity" else "voltage"
    cavity = {"__class__": kind, name: 1e5, "lag": 30.0}
    if frequency:
        cavity["frequency"] = float(frequency)
    elements = {"c": cavity, "d": {"__class__": "Drift", "length": 1.0}}
    return json.dumps({"__class__": "Line", "elements": elements, "element_names": ["c", "d"]})


def pals(kind: str, frequency: str) -> str:
    stated = f", frequency: {frequency}" if frequency else ""
    return (
        "PALS:\n  version: null\n  facility:\n    - c:\n"
        f"        kind: {kind}\n        length: 0.5\n        RFP: {{voltage: 1.0e6{stated}}}\n"
        "    - line: {kind: BeamLine, line: [c]}\n    - use: line\n"
    )


FILES: dict[str, tuple[str, Callable[[str, str], str], str]] = {
    "madx": ("r.seq", madx, "rfcavity"),
    "madx crab": ("r.seq", madx, "crabcavity"),
    "bmad": ("r.bmad", bmad, "rfcavity"),
    "bmad crab": ("r.bmad", bmad, "crab_cavity"),
    "bmad linac": ("r.bmad", bmad, "lcavity"),
    "xsuite": ("r.json", xsuite, "Cavity"),
    "xsuite crab": ("r.json", xsuite, "CrabCavity"),
    "xsuite multipole": ("r.json", xsuite, "RFMultipole"),
    "pals": ("r.yaml", pals, "RFCavity"),
    "pals crab": ("r.yaml", pals, "CrabCavity"),
}


def read(case: str, folder: Path, frequency: str) -> pj.Lattice:
    name, text, kind = FILES[case]
    (folder / name).write_text(text(kind, frequency))
    return pj.read_lattice(folder / name, reference=ELECTRON).lattice


@pytest.mark.parametrize("case", FILES)
def test_a_stated_zero_says_nothing(case: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", AccuracyWarning)
        lattice = read(case, tmp_path, "0.0")
        assert "frequency=0.0" in repr(lattice[0])
        lattice.with_values({f"{lattice[0].name}.voltage": 2e6})


@pytest.mark.parametrize("case", FILES)
def test_one_that_is_left_out_warns(case: str, tmp_path: Path) -> None:
    with pytest.warns(AccuracyWarning, match="Cavity '.*' has a voltage .* given no frequency"):
        lattice = read(case, tmp_path, "")
    assert "frequency" not in repr(lattice[0])


def test_elegant_has_a_frequency_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "r.lte"
    for stated, frequency in ((", freq=0", 0.0), ("", 500e6)):
        path.write_text(f"c: rfca, l=0.5, volt=1e6{stated}\nd: drift, l=1\nl: line=(c,d)\n")
        with warnings.catch_warnings():
            warnings.simplefilter("error", AccuracyWarning)
            (cavity, _) = pj.read_lattice(path, reference=ELECTRON).lattice
        assert getattr(cavity, "frequency", None) == frequency


@pytest.mark.parametrize("suffix", ["seq", "yaml", "json", "xsuite"])
@pytest.mark.parametrize("kind", [pj.RFCavity, pj.CrabCavity])
def test_both_come_back_as_they_were(suffix: str, kind: type, tmp_path: Path) -> None:
    path, options = tmp_path / f"r.{suffix}", {}
    if suffix == "xsuite":
        path, options = tmp_path / "r.json", {"format": "xsuite"}
    still, off = kind(0.0, 1e6, frequency=0.0, name="still"), kind(0.0, name="off")
    with warnings.catch_warnings():
        warnings.simplefilter("error", AccuracyWarning)
        pj.write_lattice(path, pj.Lattice([still, pj.Drift(1.0), off]), ELECTRON, **options)
        back = pj.read_lattice(path, reference=ELECTRON).lattice
    found = {e.name: e for e in back}
    assert "frequency=0.0" in repr(found["still"])
    assert "frequency" not in repr(found["off"])


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LatticeWarning")
def test_a_harmonic_number_that_nothing_tells_is_none(tmp_path: Path) -> None:
    path = tmp_path / "r.seq"
    path.write_text("c: rfcavity, l=0.5, volt=2, harmon=3;\nl: line=(c);\nuse, sequence=l;\n")
    with pytest.warns(AccuracyWarning, match="given no frequency"):
        notes = pj.read_lattice(path).notes
    assert any("harmonic number without a reference" in note for note in map(str, notes))
