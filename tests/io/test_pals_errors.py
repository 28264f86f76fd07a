"""PALS files and elements that are wrong: errors name the place, and what is meant."""

from __future__ import annotations

import pytest
from pals_text import HEAD, line_of, reader

from pyjutrack.errors import LatticeFileError
from pyjutrack.io.pals.read import read_pals


@pytest.fixture
def read(tmp_path):
    return reader(tmp_path)


D = "    - d: {kind: Drift, length: 1}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "no PALS file"),
        ("[1, 2]", "no PALS file"),
        ("facility: []", "no PALS file"),
        ("PALS: {version: null}", "needs a facility"),
        (HEAD + "    - d: {kind: Drift, length", r":3: no YAML"),
        (HEAD + "    - d:\n      kind: [Drift", r":4: no YAML"),
        (HEAD + "    - d: {kind: Drift, kind: Marker}", ":3: the key 'kind' occurs twice"),
        (HEAD + D + D, ":4: 'd' is defined twice, first in line"),
        (HEAD + D, "the file defines no line"),
        (HEAD + "    - l: {kind: BeamLine, line: []}", "line 'l' is empty"),
        (HEAD + "    - l: {kind: BeamLine}", ":3: line 'l' must hold a list named 'line'"),
        (HEAD + D + "    - l: {kind: BeamLine, line: [d1]}", ":4: .*'d1'; did you mean 'd'"),
        (
            HEAD + "    - a: {kind: BeamLine, line: [b]}\n    - b: {kind: BeamLine, line: [a]}\n"
            "    - c: {kind: BeamLine, line: [a]}",
            ":3: cyclic lines: a -> b -> a",
        ),
        (
            HEAD
            + "    - d: {inherit: e}\n    - e: {inherit: d}\n    - l: {kind: BeamLine, line: [d]}",
            "inherits from itself",
        ),
        (HEAD + "    - d: {inherit: x}\n    - l: {kind: BeamLine, line: [d]}", ":3: .*named 'x'"),
        (HEAD + D + "    - l: {kind: BeamLine, line: [{d: {repeat: 1.5}}]}", ":4: repeat must be"),
        (
            HEAD + D + "    - l: {kind: BeamLine, line: [{d: {placement: {offset: 1}}}]}",
            ":4: the placement of 'd' is not understood",
        ),
        (
            HEAD
            + "    - q: {kind: Quadrupole}\n"
            + "    - l: {kind: BeamLine, line: [{q: {direction: -1}}]}",
            ":4: direction -1 turns the field of 'q' round",
        ),
        (
            HEAD + D + "    - l: {kind: BeamLine, line: [d]}\n    - m: {kind: BeamLine, line: [d]}",
            "several lines, name one with line=: l, m",
        ),
        (
            HEAD + D + "    - l: {kind: BeamLine, line: [d]}\n    - use: k",
            "'k'; did you mean|known",
        ),
        (HEAD + "    - set: {parameter: d>length, value: 1}", ":3: length: no element up to here"),
        (
            HEAD + "    - d: {kind: Drift, include: a.yaml}\n    - l: {kind: BeamLine, line: [d]}",
            ":3: there is no file 'a.yaml'",
        ),
        ("PALS:\n  include: a.yaml\n  facility: []", ":2: there is no file 'a.yaml'"),
        ("PALS: &a\n  facility: *a", "an anchor contains itself"),
    ],
)
def test_files_that_are_wrong_are_named(read, text, message):
    with pytest.raises(LatticeFileError, match=message) as caught:
        read(text)
    assert "file.pals.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("kind: Quadrupol, length: 1", "kind.*'Quadrupol'; did you mean 'Quadrupole'"),
        ("kind: Drift, length: 1 m", r":3: e: length must be a number, got '1 m': the expr"),
        ("kind: Drift, length: true", ":3: e: length must be a number, got True"),
        ("kind: Quadrupole, length: -1", ":3: e: .*must not be negative"),
        ("kind: Quadrupole, MagneticMultipoleP: 3", "MagneticMultipoleP must hold parameters"),
        (
            "kind: Quadrupole, MagneticMultipoleP: {Kn1: 1, Ks1L: 2}",
            "Ks1L has another form than the other part of order 1",
        ),
        (
            "kind: Bend, length: 1, BendP: {angle_ref: 1, g_ref: 1}",
            "two of: angle, one curvature, one length; more are given",
        ),
        ("kind: Bend, length: 1, BendP: {e1: 1, e1_rect: 1}", "e1_rect and e1 are both set"),
        ("kind: Bend, length: 1, BendP: {ref_geometry: EXIT_COORDS}", "EXIT_COORDS is not underst"),
        ("kind: RFCavity, RFP: {zero_phase: CREST}", "must be one of ACCELERATING.* got 'CREST'"),
        ("kind: RFCavity, RFP: {harmon: 3}", ":3: e: a harmonic number needs"),
        ("kind: RFCavity, RFP: {voltage: 1, gradient: 1}", "gradient and voltage are both set"),
        ("kind: Patch, PatchP: {flexible: true}", "PatchP.flexible is not understood"),
        (
            "kind: Drift, TrackingP: {pyjutrack: {modl: exact}}",
            "no field of Drift named 'modl'; did you mean 'model'",
        ),
    ],
)
def test_elements_that_are_wrong_are_named(read, given, message):
    with pytest.raises(LatticeFileError, match=message):
        line_of(read, given)


def test_files_that_are_none(tmp_path):
    with pytest.raises(LatticeFileError, match=r"none\.yaml: cannot be read"):
        read_pals(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    with pytest.raises(LatticeFileError, match="not a text file"):
        read_pals(tmp_path / "binary.yaml")
