"""Cavities with a voltage and no frequency: the same kick whenever particles arrive, said so."""

from __future__ import annotations

import copy
import dataclasses
import math
import warnings
from pathlib import Path

import pytest
import torch

import pyjutrack as pj
from pyjutrack.errors import AccuracyWarning

ELECTRON = pj.Reference.from_total("electron", 1e9)
MESSAGE = "has a voltage of .* V, and was given no frequency: it kicks all .*frequency="
KINDS = [pj.RFCavity, pj.CrabCavity]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("voltage", [2e6, torch.tensor(2e6, dtype=torch.float64)])
def test_a_voltage_without_a_frequency(kind: type, voltage: object) -> None:
    with pytest.warns(AccuracyWarning, match=f"^{kind.__name__} 'c' {MESSAGE}") as said:
        kind(0.1, voltage, phase=0.3, name="c")
    assert len(said) == 1
    assert said[0].filename == __file__


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_switched_on_later(kind: type) -> None:
    off = kind(0.1, name="c")
    with pytest.warns(AccuracyWarning, match=MESSAGE):
        dataclasses.replace(off, voltage=1e5)
    with pytest.warns(AccuracyWarning, match=MESSAGE):
        pj.Lattice([off]).with_values({"c.voltage": 1e5})


@pytest.mark.parametrize("kind", KINDS)
def test_others_say_nothing(kind: type, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", AccuracyWarning)
        kind(0.1, 1e6, frequency=5e8)
        kind(0.1, 0.0)
        kind(0.1, torch.zeros(()))
        kind(0.1, 1e6, frequency=torch.tensor(5e8))
        still = kind(0.1, 1e6, frequency=0.0, name="still")
        assert "frequency=0.0" in repr(still)
        assert "frequency" not in repr(copy.deepcopy(kind(0.1)))
        assert dataclasses.replace(still, voltage=2e6).frequency == 0
        path = tmp_path / "still.json"
        pj.write_lattice(path, pj.Lattice([still]), ELECTRON)
        assert pj.read_lattice(path).lattice[0] == still

        def gain(frequency: torch.Tensor) -> torch.Tensor:
            line = pj.Lattice([pj.RFCavity(0.0, 1e6, frequency=frequency)])
            rows = torch.tensor([[0, 0, 0, 0, 1e-3, 0.0]], dtype=torch.float64)
            return pj.track(line, pj.Beam(ELECTRON, rows)).coordinates[0, 5]

        frequency = torch.tensor(5e8, dtype=torch.float64)
        slope = torch.func.jacfwd(gain)(frequency)
        expected = -1e6 / ELECTRON.p0c * 2 * math.pi * 1e-3 / (ELECTRON.beta * 299_792_458.0)
        assert float(slope) == pytest.approx(expected, rel=1e-3)


def test_a_file_that_leaves_it_out(tmp_path: Path) -> None:
    path = tmp_path / "ring.seq"
    path.write_text(
        "beam, particle=electron, energy=1;\n"
        "c1: rfcavity, l=0.5, volt=2, lag=0.1;\nline: line=(c1);\nuse, sequence=line;\n"
    )
    with pytest.warns(AccuracyWarning, match=f"RFCavity 'c1' {MESSAGE}"):
        pj.read_lattice(path)
