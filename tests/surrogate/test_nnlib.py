"""Conversion to NNlib: its documented rules, written out in NumPy, give our networks' values."""

from pathlib import Path

import numpy as np
import pytest
import torch
from nnlib_cases import NETWORKS, SHAPE, surrogate
from nnlib_rules import RULES, conv, evaluate, grad_conv_data

from pyjutrack.interop.networks import from_nnlib, to_nnlib
from pyjutrack.surrogate.layer_base import KINDS


def test_the_rules_give_the_known_answers_of_nnlib():
    """Those of its test suite (test/conv.jl, conv2d), with its flipped = true as a cross-check."""
    x = np.arange(1.0, 21).reshape(5, 4, 1, 1, order="F")
    w = np.arange(1.0, 5).reshape(2, 2, 1, 1, order="F")
    padded = """1 9 29 49 48 4 29 79 129 115 7 39 89 139 122
                10 49 99 149 129 13 59 109 159 136 10 40 70 100 80"""
    y_pad = np.array(padded.split(), float).reshape(6, 5)
    flipped = np.array([[51, 101, 151], [61, 111, 161], [71, 121, 171], [81, 131, 181]])
    dx = "116 374 674 258 243 700 1200 407 313 800 1300 437 383 900 1400 467 177 386 586 159"
    dx_stride = "116 58 516 258 87 29 387 129 196 98 596 298 147 49 447 149 0 0 0 0"
    dx_pad = """152 470 850 911 261 700 1200 1240 340 800 1300 1319 419 900 1400 1398
                370 746 1126 1087"""
    assert np.array_equal(conv(x, w, 1, 1)[:, :, 0, 0], y_pad)
    assert np.array_equal(conv(x, w, 1, 0)[:, :, 0, 0], y_pad[1:-1, 1:-1])
    assert np.array_equal(conv(x, w, 2, 0)[:, :, 0, 0], y_pad[1:-1:2, 1:-1:2])
    assert np.array_equal(conv(x, w[::-1, ::-1], 1, 0)[:, :, 0, 0], flipped)
    for stride, pad, expected in ((1, 0, dx), (2, 0, dx_stride), (1, 1, dx_pad)):
        back = grad_conv_data(conv(x, w, stride, pad), w, (5, 4), stride, pad)
        assert np.array_equal(back[:, :, 0, 0], np.array(expected.split(), float).reshape(5, 4))


@pytest.mark.parametrize(
    ("stored", "computed", "tolerance"),
    [("float32", "float64", 1e-6), ("float64", "float64", 1e-12), ("float32", "float32", 1e-6)],
)
@pytest.mark.parametrize("kind", list(NETWORKS))
def test_nnlib_gives_the_values_of_the_network(kind, stored, computed, tolerance, tmp_path):
    converted = surrogate(kind, stored)
    if computed == "float32" and not converted.network.linear:
        # norms magnify rounding: PyTorch's own single precision is 1e-6 to 8e-6 off its double
        tolerance *= 20
    to_nnlib(converted, tmp_path / "net.nnlib", stored)
    maps = np.random.default_rng(4).random((2, *SHAPE)).astype(computed) / 100
    network = converted.network.to(getattr(torch, computed))
    expected = network(torch.from_numpy(maps)).numpy()
    found = evaluate(tmp_path / "net.nnlib", maps.transpose(1, 2, 0)[:, :, None, :])
    assert found.dtype == np.dtype(computed)
    found = found[:, :, 0, :].transpose(2, 0, 1)
    assert np.abs(found - expected).max() < tolerance * np.abs(expected).max()


def test_every_kind_of_layer_is_compared_and_documented():
    used = {type(layer).__name__ for made in NETWORKS.values() for layer in made().layers}
    assert used == set(RULES) == set(KINDS) - {"LineConvolution"}  # of networks for wakes
    text = (Path(__file__).parents[2] / "docs" / "nnlib.md").read_text()
    assert all(f"`{kind}`" in text for kind in KINDS)


def test_shared_weights_are_stored_once(tmp_path):
    shared = surrogate("variational")
    to_nnlib(shared, tmp_path / "a")
    uses = [name for layer in shared.network.layers for name in layer.weights()]
    assert len(uses) == 2 * len(shared.network.weights)
    assert (tmp_path / "a" / "weights.bin").stat().st_size == 4 * shared.network.count


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", list(NETWORKS))
def test_there_and_back(kind, dtype, tmp_path):
    ours = surrogate(kind, dtype)
    to_nnlib(ours, tmp_path / "deep" / "net.nnlib", dtype)
    back = from_nnlib(str(tmp_path / "deep" / "net.nnlib"))
    assert back.network.layers == ours.network.layers
    assert back.mesh == ours.mesh
    assert back.domain == ours.domain
    assert back.about == ours.about
    assert back.network.weights.keys() == ours.network.weights.keys()
    for name, weight in ours.network.weights.items():
        assert back.network.weights[name].dtype == weight.dtype
        assert torch.equal(back.network.weights[name], weight)
        assert back.network.weights[name].is_contiguous()
    to_nnlib(back, tmp_path / "again", dtype)
    for file in ("manifest.json", "weights.bin"):
        first, second = ((tmp_path / at / file).read_bytes() for at in ("deep/net.nnlib", "again"))
        assert first == second


def test_weights_in_training_without_a_domain(tmp_path):
    ours = surrogate("linear")
    training = {k: w.clone().requires_grad_() for k, w in ours.network.weights.items()}
    network = ours.network.replace(training)
    to_nnlib(ours.replace(network=network, domain=None), tmp_path / "net")
    back = from_nnlib(tmp_path / "net")
    assert back.domain is None
    assert all(torch.equal(back.network.weights[k], w) for k, w in ours.network.weights.items())
