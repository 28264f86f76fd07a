"""Diagnostics and formats that break a promise are told so, in words that say what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import pyjutrack as pj
from pyjutrack.beam.moments import mean
from pyjutrack.io import LatticeFormat, register_format
from pyjutrack.testing import CheckFailedError, check_diagnostic, check_format

PROTON = pj.Reference.from_kinetic("proton", 1e9)
DRAW = torch.Generator().manual_seed(3)
ROWS = 1e-3 * torch.randn(150, 6, generator=DRAW, dtype=torch.float64) + 1e-4
BEAM = pj.Beam(PROTON, ROWS)


@dataclass(frozen=True)
class Squares:
    """Mean squares of x and y [m^2]."""

    at: str = "m"
    name: str = "squares"
    noise: float = 1e-9
    shape = (2,)

    def read(self, beam):
        squares = torch.where(beam.alive.unsqueeze(-1), beam.coordinates, 0.0) ** 2
        return torch.stack([mean(beam, squares[..., i]) for i in (0, 2)], -1)


class CountsLost(Squares):
    def read(self, beam):
        return beam.coordinates[..., (0, 2)].std(-2)


class KeepsNan(Squares):
    def read(self, beam):
        alive = beam.alive.unsqueeze(-1)
        return (alive * beam.coordinates[..., (0, 2)] ** 2).sum(-2) / alive.sum(-2)


class NoWeights(Squares):
    def read(self, beam):
        alive = beam.alive.unsqueeze(-1)
        return torch.where(alive, beam.coordinates[..., (0, 2)] ** 2, 0.0).sum(-2) / alive.sum(-2)


class Detached(Squares):
    def read(self, beam):
        return super().read(beam).detach()


class NoBatch(Squares):
    def read(self, beam):
        alone = beam.coordinates.reshape(-1, 6)
        return super().read(beam.replace(coordinates=alone, alive=beam.alive.reshape(-1)))


class Numpy(Squares):
    def read(self, beam):
        return super().read(beam).numpy()


@dataclass(frozen=True)
class NoNoise:
    at: str = "m"
    name: str = "q"
    shape = ()

    def read(self, beam):
        return mean(beam, beam.coordinates[..., 0])


GUESTS = {
    "counts the lost": (CountsLost(), r"lost far away must not be read.*beam\.alive"),
    "keeps NaN": (KeepsNan(), r"lost at NaN must not be read"),
    "no weights": (NoWeights(), r"twice the weight must be read as two.*beam\.weights"),
    "detached": (Detached(), r"Detached carries no derivative.*without \.detach\(\)"),
    "no batch": (NoBatch(), r"in a batch must read as it does alone.*axis of the particles"),
    "numpy": (Numpy(), r"read of Numpy must return a tensor"),
    "no noise": (NoNoise(), r"NoNoise is no diagnostic: it has no `noise`"),
}


def test_a_sound_one_passes() -> None:
    weights = torch.linspace(0.5, 1.5, len(BEAM), dtype=torch.float64)
    alive = torch.arange(len(BEAM)) > 10
    for beam in (BEAM, BEAM.replace(weights=weights), BEAM.replace(alive=alive)):
        check_diagnostic(Squares(), beam, files=False)


def test_a_count_of_losses_may_read_how_many_are_lost() -> None:
    opening = pj.Aperture(half_width=2e-3, half_height=2e-3)
    check_diagnostic(pj.diagnostics.LossCount("m", opening=opening, smoothing=1e-3), BEAM)


@pytest.mark.parametrize("kind", [Squares, CountsLost])
def test_a_beam_with_losses_at_nan(kind: type) -> None:
    rows = ROWS.clone()
    rows[:20] = torch.nan
    beam = BEAM.replace(coordinates=rows, alive=torch.arange(len(BEAM)) >= 20)
    if kind is Squares:
        check_diagnostic(kind(), beam, files=False)
        return
    with pytest.raises(CheckFailedError, match=r"reading must be finite"):
        check_diagnostic(kind(), beam, files=False)


@pytest.mark.parametrize("name", GUESTS)
def test_a_fault_is_named(name: str) -> None:
    diagnostic, said = GUESTS[name]
    with pytest.raises(CheckFailedError, match=said):
        check_diagnostic(diagnostic, BEAM, files=False)


@pytest.mark.parametrize("wrap", [False, None])
def test_a_reader_that_returns_no_record(wrap: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(source):
        rows = [row.split() for row in source.text.splitlines()]
        lattice = pj.Lattice([pj.Drift(float(length), name=name) for name, length in rows])
        return lattice if wrap is False else None

    def write(path: Path, lattice: pj.Lattice, reference: object) -> None:
        path.write_text("".join(f"{e.name} {e.length!r}\n" for e in lattice))

    monkeypatch.setattr("pyjutrack.io.formats._USERS", {})
    bare = register_format(LatticeFormat("bare", "drifts", (".bare",), read, write))
    said = "a Lattice" if wrap is False else "None"
    with pytest.raises(CheckFailedError, match=rf"must return a LatticeFile.*it returns {said}"):
        check_format(bare, pj.Lattice([pj.Drift(1.0, name="d")]))
