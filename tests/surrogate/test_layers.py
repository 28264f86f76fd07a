"""Each layer against its definition, its record, and its derivatives."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage, signal

import pyjutrack as pj
from pyjutrack.surrogate import layers
from pyjutrack.surrogate.layer_base import KINDS, from_record, record

ONE = ("input",)

CASES = {
    "Convolution": layers.Convolution("c", ONE, "w", "b", 2, 1),
    "TransposedConvolution": layers.TransposedConvolution("t", ONE, "v", "b", 2, 1),
    "LineConvolution": layers.LineConvolution("l", ONE, "l"),
    "InstanceNorm": layers.InstanceNorm("n", ONE),
    "LeakyReLU": layers.LeakyReLU("r", ONE, 0.2),
    "Affine": layers.Affine("a", ONE, 3.0, -1.0),
    "Add": layers.Add("s", ("input", "input")),
    "Concatenate": layers.Concatenate("j", ("input", "input")),
    "Channels": layers.Channels("k", ONE, 1, 3),
    "Smoothing": layers.Smoothing("g", ONE),
}


@pytest.fixture
def weights():
    generator = torch.Generator().manual_seed(3)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return {"w": draw(4, 3, 4, 4), "v": draw(3, 4, 4, 4), "b": draw(4), "l": draw(2, 3, 5, 1)}


@pytest.fixture
def x():
    generator = torch.Generator().manual_seed(4)
    return torch.randn(2, 3, 8, 6, generator=generator, dtype=torch.float64)


def evaluate(layer, weights, x):
    used = x[:, :1] if isinstance(layer, layers.Smoothing) else x
    used = used[..., :1] if isinstance(layer, layers.LineConvolution) else used
    return layer(weights, *[used] * len(layer.inputs))


def test_every_kind_has_a_case():
    assert set(CASES) == set(KINDS)


@pytest.mark.parametrize("layer", CASES.values(), ids=CASES)
def test_a_record_gives_the_layer_back(layer):
    assert from_record(record(layer)) == layer


@pytest.mark.parametrize("layer", CASES.values(), ids=CASES)
def test_derivatives(layer, weights, x):
    x = x[:1, :, :4, :4].clone().requires_grad_()
    check = torch.autograd.gradcheck
    assert check(lambda t: evaluate(layer, weights, t), (x,), check_forward_ad=True)


@pytest.mark.parametrize("layer", CASES.values(), ids=CASES)
def test_linear_says_whether_it_is(layer, weights, x):
    other = x.flip(0)
    f = [evaluate(layer, weights, t) for t in (x, other, 2 * x - 3 * other)]
    assert layer.linear == torch.allclose(2 * f[0] - 3 * f[1], f[2])


def test_convolution_is_a_cross_correlation_with_stride(weights, x):
    found = CASES["Convolution"](weights, x)
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)))
    for out in range(4):
        full = sum(
            signal.correlate2d(padded[1, i], weights["w"][out, i].numpy(), "valid")
            for i in range(3)
        )
        assert found[1, out].numpy() == pytest.approx(full[::2, ::2] + float(weights["b"][out]))


def test_transposed_convolution_is_the_transpose(weights, x):
    down = layers.Convolution("d", ONE, "v", None, 2, 1)
    up = layers.TransposedConvolution("u", ONE, "v", None, 2, 1)
    y = torch.randn(2, 4, 16, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert float((down(weights, y) * x).sum()) == pytest.approx(float((y * up(weights, x)).sum()))


def test_instance_norm(weights, x):
    found = CASES["InstanceNorm"](weights, x)
    assert found.mean((-1, -2)).abs().max() < 1e-14
    variance = x.var((-1, -2), correction=0)
    assert torch.allclose(found.var((-1, -2), correction=0), variance / (variance + 1e-5))


def test_smoothing_is_a_gaussian(x):
    layer = CASES["Smoothing"]
    found = layer({}, x[:, :1])[0, 0].numpy()
    profile = np.array([math.exp(-0.5 * (i / 2) ** 2) for i in range(-2, 3)])
    kernel = np.outer(profile, profile) / profile.sum() ** 2
    expected = ndimage.convolve(x[0, 0].numpy(), kernel, mode="constant")
    assert found == pytest.approx(expected, abs=1e-14)


def test_bad_records_are_named():
    with pytest.raises(pj.errors.UnknownNameError, match="Convolution"):
        from_record({"kind": "Convolutoin", "name": "c", "inputs": ["input"]})
    with pytest.raises(pj.errors.InvalidValueError, match="Affine"):
        from_record({"kind": "Affine", "name": "a", "inputs": ["input"], "factor": 2})
    with pytest.raises(pj.errors.InvalidValueError, match="Affine"):
        from_record({"kind": "Affine", "name": "a"})
