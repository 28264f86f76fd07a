"""Columns of particles that an effect remembers are those of the turn, as tracking goes on."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import Resonator, Wake

PROTON = pj.Reference.from_kinetic("proton", 1e9)
RING = pj.Lattice([pj.Drift(0.5), pj.Marker(name="w"), pj.Drift(0.5)])
TURNS = 3


class Late(Wake):
    """A wake that remembers where the particles were a turn before, and notes it."""

    noted: ClassVar[list[torch.Tensor]] = []

    def start(self, beam: pj.Beam) -> Any:
        return ()

    def field(self, beam, state, place, memory=None):  # type: ignore[no-untyped-def]
        self.noted.extend(column.clone() for column in memory)
        return super().field(beam, state, place)._replace(passages=(state.coordinates[4],))

    def remember(self, memory: Any, field: Any, place: Any) -> Any:
        return field.passages


def test_columns_that_a_derived_wake_remembers_are_those_of_their_turn() -> None:
    rows = np.random.default_rng(4).normal(0, [1e-3, 1e-4, 1e-3, 1e-4, 0.05, 1e-3], (500, 6))
    beam = pj.Beam(PROTON, rows, charge=1e-12)
    wake = Late(Resonator(1e9, 1e3, 1.0), "w", window=2.0)
    places = {"z": lambda seen: seen.coordinates[:, 4]}
    met = pj.diagnostics.track_turns(RING, beam, places, turns=TURNS, at="w")["z"]
    Late.noted.clear()
    pj.track(RING, beam, effects=[wake], turns=TURNS)
    for found, expected in zip(Late.noted, met[: TURNS - 1], strict=True):
        assert found.numpy() == pytest.approx(np.asarray(expected), abs=1e-9)


def test_a_wake_of_ours_is_spared_the_copy() -> None:
    assert not Wake(Resonator(1e9, 1e3, 1.0), "w", period=1e-6).keeps_columns
