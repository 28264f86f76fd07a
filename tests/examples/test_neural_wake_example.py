"""The example that learns a wake, small: it finds it, and corrects it by measured energies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack.collective import NeuralWake
from pyjutrack.surrogate import WakeSurrogate, train


@pytest.fixture(scope="module")
def example():
    return load_example("neural_wake/learn")


@pytest.fixture(scope="module")
def model(example):
    return train(example.recipe(60), teacher=example.wake(example.COMPUTED))


def test_measured_energies_correct_it(example, model) -> None:
    shapes = [(length, tail) for length in (1.1e-2, 1.8e-2, 2.6e-2) for tail in (0.0, 1.5)]
    beams = [example.bunch(6000, *shape, seed=n) for n, shape in enumerate(shapes)]
    better = example.tune(model, beams, example.measure(beams), 30)
    fresh = example.bunch(8000, 1.4e-2, 1.0, seed=77)
    exact = example.kick(example.wake(example.BUILT), fresh)
    before, after = (
        example.error(example.kick(NeuralWake(m, "cavity"), fresh), exact) for m in (model, better)
    )
    assert before > 0.1
    assert after < 0.02


def test_its_gradient(example, model) -> None:
    """Along one way in the space of weights, against a difference."""
    beam = example.bunch(5200, 1.5e-2, 1.0, seed=3)
    read = example.measure([beam])[0]
    way = torch.from_numpy(np.random.default_rng(1).normal(size=len(model.weights)))

    def figure(final):
        return (example.slices(final) - read).square().mean()

    def value(step):
        moved = NeuralWake(model.replace(weights=model.weights + step * way), "cavity")
        return float(figure(pj.track(example.CAVITY, beam, effects=[moved])))

    found = pj.gradient(
        figure, example.CAVITY, beam, effects=[NeuralWake(model, "cavity")], wrt=[example.WEIGHTS]
    )
    step = 1e-3 * float(model.weights.abs().max())
    slope = (value(step) - value(-step)) / (2 * step)
    assert np.concatenate([np.ravel(found)]) @ way.numpy() == pytest.approx(slope, rel=1e-6)


def test_it_runs(example, tmp_path, capsys) -> None:
    given = {"--samples": 60, "--particles": 6000, "--calls": 3, "--out": tmp_path}
    example.main([str(part) for pair in given.items() for part in pair])
    assert (tmp_path / "neural_wake.png").read_bytes().startswith(b"\x89PNG")
    assert WakeSurrogate.load(tmp_path / "neural_wake.safetensors").linear
    said = capsys.readouterr().out
    assert "kick error for the cavity as it is" in said
