"""JuTrack's published U-Net as ONNX: the pattern of its layers, exported by PyTorch, read here."""

import pytest
import torch
from examples_loader import load_example
from onnx_cases import difference, run
from torch import nn

from pyjutrack.core.errors import InvalidValueError
from pyjutrack.interop.networks import JUTRACK, from_onnx
from pyjutrack.surrogate.layers import InstanceNorm, LeakyReLU, Smoothing

#: single precision, after norms that divide by small variances
TOLERANCE = 3e-5


#: three steps of the pattern, for 32 cells
SMALL = {"down": (1, 2, 2), "up": (2, 1, 1)}

example = load_example("jutrack_network")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "generator.onnx"


@pytest.mark.parametrize(("options", "cells"), [(SMALL, 32), ({}, 128)])
def test_the_pattern_of_the_published_generator(options, cells, file):
    module = example.Generator(4, **options).eval()
    example.export(module, file, cells)
    x = torch.rand(2, cells, cells)
    with torch.no_grad():
        expected = module(x[:, None])[:, 0]
    network = from_onnx(file).network
    assert network.count == sum(p.numel() for p in module.parameters())
    for name, weight in module.state_dict().items():
        assert torch.equal(network.weights[name], weight), name
    assert difference(network(x), expected) < TOLERANCE
    assert difference(network(x), run(file, x)) < TOLERANCE
    kinds = [type(layer) for layer in network.layers]
    steps = len(module.down)
    assert kinds.count(InstanceNorm) == 2 * steps - 2
    slopes = [layer.slope for layer in network.layers if isinstance(layer, LeakyReLU)]
    assert slopes == [0.2] * steps + [0.0] * steps


def test_the_published_standardisation_and_smoothing(file):
    """As the reader of the published file does it: counts over particles to the potential."""
    module = example.Generator(4, **SMALL).eval()
    example.export(module, file, 32)
    surrogate = from_onnx(file, standardisation=JUTRACK, smoothing=(2.0, 5), outside="raise")
    assert surrogate.domain is None
    assert not surrogate.network.linear
    share = torch.rand(1, 1, 32, 32)
    share /= share.sum()
    with torch.no_grad():
        u = module((share - 6.102458832397462e-05) / 0.0004449417922594988)
    h = u * 0.46651152626100306 + 0.02980841330718319
    place = torch.arange(5.0) - 2
    profile = torch.exp(-(place**2) / 8) / torch.exp(-(place**2) / 8).sum()
    h = nn.functional.conv2d(h, torch.outer(profile, profile)[None, None], padding=2)
    assert difference(surrogate.network(share[0, 0]), h[0, 0]) < TOLERANCE
    assert isinstance(surrogate.network.layers[-1], Smoothing)
    padded = torch.zeros(36, 36, dtype=torch.float64)
    padded[2:-2, 2:-2] = share[0, 0]
    # shares are folded at the walls, where the density continues oddly; here there is none beyond
    assert difference(surrogate.solve(padded)[2:-2, 2:-2], h[0, 0]) < TOLERANCE


def test_a_generator_exported_for_training_is_random(file):
    module = example.Generator(4, **SMALL)
    example.export(module, file, 32, training=torch.onnx.TrainingMode.TRAINING)
    with pytest.raises(InvalidValueError, match=r"Dropout node .*training_mode True"):
        from_onnx(file)


def test_the_example_at_full_width(monkeypatch, capsys):
    """As it is run: 48.8 million weights, converted to single precision."""
    monkeypatch.setattr("sys.argv", ["jutrack_network.py"])
    example.main()
    said = capsys.readouterr().out
    assert "48.8 million weights" in said
    found = float(said.split("over the module: ")[1].split()[0])
    assert 0 < found < TOLERANCE


def test_the_example_by_hand(file):
    """What the example puts around the module is what the reader puts around the file."""
    module = example.Generator(4).eval()
    example.export(module, file)
    share = example.shares()
    assert float(share.sum()) == pytest.approx(1)
    found = example.convert(file).network(share)
    assert difference(found, example.by_hand(module, share)) < TOLERANCE
