"""All effects act together in one lattice, with the derivatives that each has by itself."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from effect_cases import EFFECTS, KNOBS, LATTICE, TOGETHER, bunch, strength_name

import pyjutrack as pj
from pyjutrack.testing.comparison import differences

#: particles are lost on purpose, and two kinds of space charge act together
pytestmark = [
    pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning"),
    pytest.mark.filterwarnings("ignore:.*both space charge:pyjutrack.errors.AccuracyWarning"),
]
TURNS = 2
LIST = list(TOGETHER.values())
WRT = [*KNOBS, "beam.charge", *(f"effects[{n}].{strength_name(e)}" for n, e in enumerate(LIST))]
BEAM = bunch(300)
WEIGHTS = torch.as_tensor(np.random.default_rng(2).normal(size=(300, 6))) / BEAM.coordinates.std(0)


def objective(final: pj.Beam) -> torch.Tensor:
    live = torch.where(final.alive.unsqueeze(-1), final.coordinates, 0.0)
    return (live * WEIGHTS).sin().sum()


def gradient(**way: Any) -> np.ndarray:
    return pj.gradient(objective, LATTICE, BEAM, wrt=WRT, effects=LIST, turns=TURNS, **way)


@pytest.fixture(scope="module")
def stored() -> np.ndarray:
    return gradient(adjoint="store")


def test_each_acts_on_this_bunch_and_particles_are_lost() -> None:
    plain = pj.track(LATTICE, BEAM, turns=TURNS).numpy()
    size = BEAM.coordinates.std(0).numpy()
    for name, effect in EFFECTS.items():
        end = pj.track(LATTICE, BEAM, effects=[effect], turns=TURNS)
        change = np.abs(end.numpy() - plain)[end.alive].max(0) / size
        assert 1e-2 < change.max() < 3, (name, change)
    end = pj.track(LATTICE, BEAM, effects=LIST, turns=TURNS)
    assert 2 <= int((~end.alive).sum()) < 50


@pytest.mark.parametrize("address", WRT)
def test_slopes_are_those_of_rebuilt_inputs(address: str, stored: np.ndarray) -> None:
    def value(number: float) -> float:
        lattice, beam, effects = LATTICE, BEAM, LIST
        if address == "beam.charge":
            beam = beam.replace(charge=number)
        elif address.startswith("effects["):
            place = int(address[len("effects[")])
            effects = [*LIST]
            effects[place] = dataclasses.replace(LIST[place], **{address.split(".")[1]: number})
        else:
            lattice = LATTICE.with_values({address: number})
        return float(objective(pj.track(lattice, beam, effects=effects, turns=TURNS)))

    at = {"beam.charge": BEAM.charge}
    at |= {
        address: getattr(effect, strength_name(effect))
        for address, effect in zip(WRT[-len(LIST) :], LIST, strict=True)
    }
    number = float(at[address] if address in at else LATTICE.value(address))
    slope, bound = differences(value, number, KNOBS.get(address, 1e-4 * number))
    found = stored[WRT.index(address)]
    assert abs(found - slope) <= 1e-6 * abs(slope) + 2 * bound
    assert bound < 1e-5 * abs(slope)


def test_forward_and_reverse_agree(stored: np.ndarray) -> None:
    np.testing.assert_allclose(gradient(mode="forward"), stored, rtol=1e-10)


@pytest.mark.parametrize("adjoint", ["reversible", "checkpoint"])
def test_little_memory_has_the_gradients_of_a_stored_graph(
    adjoint: str, stored: np.ndarray
) -> None:
    np.testing.assert_allclose(gradient(adjoint=adjoint), stored, rtol=1e-10)


def peak(name: str, kicks: int) -> dict[str, int]:
    """Memory of a reverse pass in a process of its own [bytes]."""
    root = Path(__file__).parents[2]
    argv = [sys.executable, str(root / "tests" / "effect_memory.py"), name, str(kicks)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", [*EFFECTS, "all"])
def test_memory_of_reverse_mode_is_flat(name: str) -> None:
    """Whole processes; and what comes on top is no beam of thousands."""
    short, long = peak(name, 100), peak(name, 10_000)
    assert long["peak"] <= 1.3 * short["peak"]
    more = [found["peak"] - found["before"] for found in (short, long)]
    assert more[1] - more[0] < 0.02 * 10_000 * 48 * long["particles"]
