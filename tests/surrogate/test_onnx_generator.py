"""JuTrack's published U-Net as ONNX: the pattern of its layers, exported by PyTorch, read here."""

import warnings

import pytest
import torch
from onnx_cases import difference, run
from torch import nn

from pyjutrack.core.errors import InvalidValueError
from pyjutrack.interop.networks import JUTRACK, from_onnx
from pyjutrack.surrogate.layers import InstanceNorm, LeakyReLU, Smoothing

#: single precision, after norms that divide by small variances
TOLERANCE = 3e-5


class Generator(nn.Module):
    """The pattern of JuTrack's published U-Net, at any width."""

    def __init__(self, widths):
        super().__init__()
        last = len(widths) - 1
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        before = 1
        for i, width in enumerate(widths):
            step = [nn.Conv2d(before, width, 4, stride=2, padding=1)]
            step += [nn.InstanceNorm2d(width)] if 0 < i < last else []
            self.down.append(nn.Sequential(*step, nn.LeakyReLU(0.2)))
            before = width
        for i, width in enumerate([*widths[-2::-1], widths[0]]):
            step = [nn.ConvTranspose2d(before, width, 4, stride=2, padding=1)]
            step += [nn.InstanceNorm2d(width), nn.ReLU()]
            self.up.append(nn.Sequential(*step, *[nn.Dropout(0.5)] * (i < 4)))
            before = width + (widths[last - 1 - i] if i < last else 0)
        self.final = nn.Conv2d(before, 1, 3, padding=1)

    def forward(self, x):
        skips = []
        for step in self.down:
            x = step(x)
            skips.append(x)
        x = self.up[0](x)
        for step, skip in zip(self.up[1:], skips[-2::-1], strict=True):
            x = step(torch.cat([x, skip], 1))
        return self.final(x)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "generator.onnx"


def export(module, cells, path, **options):
    """By PyTorch's own exporter, which warns that there is a newer one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.rand(1, 1, *cells),),
            path,
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
            dynamo=False,
            **options,
        )


@pytest.mark.parametrize(
    ("widths", "cells"), [((4, 8, 8), (32, 32)), ((4, 8, 8, 8, 8, 8, 8), (128, 128))]
)
def test_the_pattern_of_the_published_generator(widths, cells, file):
    module = Generator(widths).eval()
    export(module, cells, file)
    x = torch.rand(2, *cells)
    with torch.no_grad():
        expected = module(x[:, None])[:, 0]
    network = from_onnx(file).network
    assert network.count == sum(p.numel() for p in module.parameters())
    for name, weight in module.state_dict().items():
        assert torch.equal(network.weights[name], weight), name
    assert difference(network(x), expected) < TOLERANCE
    assert difference(network(x), run(file, x)) < TOLERANCE
    kinds = [type(layer) for layer in network.layers]
    assert kinds.count(InstanceNorm) == 2 * len(widths) - 2
    slopes = [layer.slope for layer in network.layers if isinstance(layer, LeakyReLU)]
    assert slopes == [0.2] * len(widths) + [0.0] * len(widths)


def test_the_published_standardisation_and_smoothing(file):
    """As the reader of the published file does it: counts over particles to the potential."""
    module = Generator((4, 8, 8)).eval()
    export(module, (32, 32), file)
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
    export(Generator((4, 8, 8)), (32, 32), file, training=torch.onnx.TrainingMode.TRAINING)
    with pytest.raises(InvalidValueError, match=r"Dropout node .*training_mode True"):
        from_onnx(file)
