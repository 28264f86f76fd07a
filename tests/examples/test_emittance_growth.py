"""The example that lowers emittance growth, small: gradients lead downhill, on fresh beams too."""

from __future__ import annotations

import numpy as np
import pytest
from examples_loader import load_example
from rebuilt import differences

import pyjutrack as pj
from pyjutrack.cli.paper import fodo


@pytest.fixture(scope="module")
def example():
    return load_example("emittance_growth/optimise")


def test_growth_falls_on_beams_it_never_saw(example) -> None:
    lattice, kick = example.channel(3), example.space_charge(64)
    beam = fodo.beam(2000, seed=1, current=example.CURRENT)
    strengths, history = example.optimise(lattice, beam, kick, steps=8)
    assert min(history) < 0.8 * history[0]
    better = lattice.with_values(dict(zip(example.KNOBS, strengths, strict=True)))
    fresh = fodo.beam(2000, seed=77, current=example.CURRENT)
    before, after = (example.along(line, fresh, kick)[-1].mean() for line in (lattice, better))
    assert after < 0.9 * before
    assert np.abs(strengths / example.START - 1).max() <= 0.3 + 1e-9


def test_its_gradient(example) -> None:
    lattice, kick = example.channel(1), example.space_charge(64)
    beam = fodo.beam(1000, seed=1, current=example.CURRENT)
    exact = pj.gradient(example.growth, lattice, beam, wrt=example.KNOBS, effects=[kick])
    rebuilt = differences(example.growth, lattice, beam, example.KNOBS, 1e-7, effects=[kick])
    np.testing.assert_allclose(exact, rebuilt, rtol=1e-5, atol=1e-9)


def test_torch_optim_goes_downhill() -> None:
    example = load_example("torch_optim")
    effects = [fodo.space_charge(fodo.solver())]
    strengths, history = example.optimise(fodo.beam(1000, seed=1), effects, steps=6)
    assert history[-1] < history[0]
    assert strengths.shape == (2,)
