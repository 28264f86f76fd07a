"""Many settings of a beam that ranks share: all go one way, and find what one process does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from thread_ranks import worlds

import pyjutrack as pj
from pyjutrack.cli.paper import fodo
from pyjutrack.distributed import Communicator, shard
from pyjutrack.engines import many_gradients
from pyjutrack.xopt import evaluation

#: a part of one rank is as long as goes in one pass, and that of the other is one longer
PARTICLES = 61
CELLS = fodo.cell().with_values({"q1.k1": torch.tensor([29.0, 30.0], dtype=torch.float64)})
BEAM = fodo.beam(PARTICLES, seed=1)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_gradients, "_FEW", PARTICLES // 2)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_gradients(mode: Any) -> None:
    def of(beam: pj.Beam) -> np.ndarray:
        return pj.gradient(
            pj.observables.emittance_growth("x"), CELLS, beam, wrt=["q1.k1", "q2.dx"], mode=mode
        )

    def part(world: Communicator) -> np.ndarray:
        return of(shard(BEAM, world))

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(part, worlds(2)))
    np.testing.assert_array_equal(*found)
    alone = of(BEAM)
    np.testing.assert_allclose(found[0], alone, rtol=1e-9, atol=1e-12 * np.abs(alone).max())


def test_evaluations_are_of_as_many_points_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that holds two of the shorter part, and one of the longer."""
    monkeypatch.setattr(evaluation, "_HELD", 2 * 48 * (PARTICLES // 2))
    points = {"q1.k1": [29.0, 29.5, 30.0]}
    outputs = {"growth": pj.observables.emittance_growth("x")}

    def of(beam: pj.Beam) -> np.ndarray:
        found = evaluation.Evaluation(fodo.cell(), beam, outputs).evaluate(points)
        return np.asarray(found["growth"])

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda world: of(shard(BEAM, world)), worlds(2)))
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], of(BEAM), rtol=1e-9, atol=1e-12)
