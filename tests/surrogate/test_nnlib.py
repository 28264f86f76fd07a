"""Conversion to NNlib: its documented rules, written out in NumPy, give our networks' values.

The evaluator below reads nothing but the two files and knows nothing of PyTorch. Arrays are
(x, y, channels, batch), as in Julia; indices count from zero here.
"""

import hashlib
import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from pyjutrack.collective import CATMULL_ROM, Grid, Mesh
from pyjutrack.core.errors import InvalidValueError, UnknownNameError
from pyjutrack.interop.networks import from_nnlib, to_nnlib
from pyjutrack.surrogate import Domain, Network, Surrogate
from pyjutrack.surrogate.architectures import Standardisation, energy_gradient, unet
from pyjutrack.surrogate.layer_base import KINDS, Layer
from pyjutrack.surrogate.layers import (
    Add,
    Affine,
    Channels,
    Concatenate,
    Convolution,
    InstanceNorm,
    Smoothing,
    TransposedConvolution,
)

SHAPE = (16, 24)
STANDARD = Standardisation(0.003, 0.012, 1.5, 0.7)
DOMAIN = Domain((0.0003, 0.003), 5.0, 0.002, (0.009, 0.008), 2000)


def conv(x, w, stride, pad):
    """y[i, o] = sum_k xpad[i stride + k] w[K - 1 - k]: NNlib's `conv`, flipped = false."""
    kx, ky = w.shape[:2]
    padded = np.pad(x, [(pad, pad), (pad, pad), (0, 0), (0, 0)])
    nx, ny = ((n - k) // stride + 1 for n, k in zip(padded.shape[:2], w.shape[:2], strict=True))
    y = np.zeros((nx, ny, w.shape[3], x.shape[3]), x.dtype)
    for i, j in product(range(kx), range(ky)):
        seen = padded[i : i + stride * nx : stride, j : j + stride * ny : stride]
        y += np.einsum("xycn,co->xyon", seen[:nx, :ny], w[kx - 1 - i, ky - 1 - j])
    return y


def grad_conv_data(dy, w, size, stride, pad):
    """NNlib's `∇conv_data`: each dy goes back to every x that `conv` took for it, same weight."""
    kx, ky = w.shape[:2]
    nx, ny = dy.shape[:2]
    assert (nx, ny) == tuple(
        (n + 2 * pad - k) // stride + 1 for n, k in zip(size, (kx, ky), strict=True)
    )
    padded = np.zeros((size[0] + 2 * pad, size[1] + 2 * pad, w.shape[2], dy.shape[3]), dy.dtype)
    for i, j in product(range(kx), range(ky)):
        seen = padded[i : i + stride * nx : stride, j : j + stride * ny : stride]
        seen[:nx, :ny] += np.einsum("xyon,co->xycn", dy, w[kx - 1 - i, ky - 1 - j])
    return padded[pad : pad + size[0], pad : pad + size[1]]


def _offset(layer, arrays):
    bias = layer["bias"]
    return 0 if bias is None else arrays[bias].reshape(1, 1, -1, 1)


def _convolution(layer, arrays, x):
    w = arrays[layer["weight"]]
    return conv(x, w, layer["stride"], layer["padding"]) + _offset(layer, arrays)


def _transposed(layer, arrays, x):
    w, stride, pad = arrays[layer["weight"]], layer["stride"], layer["padding"]
    size = tuple((n - 1) * stride - 2 * pad + k for n, k in zip(x.shape, w.shape[:2], strict=False))
    return grad_conv_data(x, w, size, stride, pad) + _offset(layer, arrays)


def _instance_norm(layer, arrays, x):
    mean = x.mean((0, 1), keepdims=True)
    variance = ((x - mean) ** 2).mean((0, 1), keepdims=True)
    return (x - mean) / np.sqrt(variance + x.dtype.type(layer["eps"]))


RULES = {
    "Convolution": _convolution,
    "TransposedConvolution": _transposed,
    "InstanceNorm": _instance_norm,
    "LeakyReLU": lambda layer, arrays, x: np.where(x > 0, x, x.dtype.type(layer["slope"]) * x),
    "Affine": lambda layer, arrays, x: (
        x.dtype.type(layer["scale"]) * x + x.dtype.type(layer["shift"])
    ),
    "Add": lambda layer, arrays, *x: sum(x[1:], x[0]),
    "Concatenate": lambda layer, arrays, *x: np.concatenate(x, 2),
    "Channels": lambda layer, arrays, x: x[:, :, layer["start"] : layer["stop"]],
    "Smoothing": lambda layer, arrays, x: conv(x, arrays[layer["name"]], 1, layer["width"] // 2),
}


def evaluate(folder, maps):
    """Maps (nx, ny, 1, batch) from maps in their own precision, by what stands in the folder."""
    manifest = json.loads((folder / "manifest.json").read_text())
    dtype = np.dtype({"float32": "<f4", "float64": "<f8"}[manifest["dtype"]])
    arrays = {}
    for name, place in manifest["arrays"].items():
        count, offset = int(np.prod(place["dims"])), place["offset"]
        flat = np.fromfile(folder / "weights.bin", dtype, count, offset=offset)
        arrays[name] = flat.reshape(place["dims"], order="F").astype(maps.dtype)
    values = {"input": maps}
    for layer in manifest["layers"]:
        read = [values[name] for name in layer["inputs"]]
        values[layer["name"]] = RULES[layer["kind"]](layer, arrays, *read)
    return values[manifest["layers"][-1]["name"]]


def randomised(network, seed=5):
    """The same network with random offsets too, which are zero before training."""
    generator = torch.Generator().manual_seed(seed)
    return network.replace(
        {
            name: torch.randn(w.shape, generator=generator) if w.dim() == 1 else w
            for name, w in network.weights.items()
        }
    )


def of_all_kinds():
    """Kernels that are not square, one of them used both ways, and the layers that U-Nets lack."""
    generator = torch.Generator().manual_seed(7)
    weights = {
        "k": torch.randn(4, 1, 3, 5, generator=generator),
        "up": torch.randn(3, 1, 3, 5, generator=generator),
        "b": torch.randn(1, generator=generator),
    }
    return Network(
        (
            Affine("scaled", ("input",), 3.0, 0.25),
            Convolution("wide", ("scaled",), "k", None, 1, 2),
            InstanceNorm("norm", ("wide",)),
            Channels("some", ("norm",), 1, 3),
            Channels("one", ("wide",), 0, 1),
            Concatenate("joined", ("one", "some")),
            TransposedConvolution("back", ("wide",), "k", None, 1, 2),
            TransposedConvolution("up", ("joined",), "up", "b", 1, 2),
            Add("sum", ("back", "up", "input")),
            Smoothing("smooth", ("sum",), 1.5, 3),
        ),
        weights,
    )


NETWORKS = {
    "linear": lambda: unet((3, 5, 4), STANDARD, 1, activated=False),
    "variational": lambda: energy_gradient((3, 5, 4), STANDARD, 2),
    "pix2pix": lambda: randomised(unet((3, 5, 4), STANDARD, 3, activated=True)),
    "all kinds": of_all_kinds,
}


def surrogate(kind, dtype="float32"):
    mesh = Mesh(Grid((0.02, 0.03), SHAPE), CATMULL_ROM)
    about = {"command": "none", "held_out": {"mean": 0.01}}
    network = NETWORKS[kind]().to(getattr(torch, dtype))
    return Surrogate(network, mesh, DOMAIN, about=about)


@pytest.fixture
def folder(tmp_path):
    """A converted surrogate, and nothing beside it."""
    path = tmp_path / "net.nnlib"
    to_nnlib(surrogate("pix2pix"), path)
    return path


def change(folder, edit):
    """Edit the manifest in place."""
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    edit(manifest)
    file.write_text(json.dumps(manifest))


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


def test_a_former_result_is_replaced_and_nothing_stays_beside_it(folder):
    to_nnlib(surrogate("linear"), folder)
    assert from_nnlib(folder).network.linear
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]
    (folder / "weights.bin").unlink()  # half of one is replaced too
    to_nnlib(surrogate("linear"), folder)
    from_nnlib(folder)


@pytest.mark.parametrize("step", ["write_bytes", "rename"])
def test_a_failure_leaves_the_former_result(step, folder, monkeypatch):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    usual = getattr(Path, step)

    def fail(self, *arguments):
        if self.name in ("weights.bin", "new"):
            raise OSError("the disk is full")
        return usual(self, *arguments)

    monkeypatch.setattr(Path, step, fail)
    with pytest.raises(OSError, match="disk is full"):
        to_nnlib(surrogate("linear"), folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_what_is_no_result_is_not_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for taken in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(InvalidValueError, match="no converted surrogate"):
            to_nnlib(surrogate("linear"), taken)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_cannot_be_converted(tmp_path):
    with pytest.raises(UnknownNameError, match=r"precision.*float32"):
        to_nnlib(surrogate("linear"), tmp_path / "net", "float23")

    @dataclass(frozen=True)
    class Wavelet(Layer):
        def __call__(self, weights, *values):
            return values[0]

    ours = surrogate("linear")
    odd = Network((*ours.network.layers, Wavelet("w", ("potential",))), ours.network.weights)
    with pytest.raises(InvalidValueError, match="'w': no counterpart of Wavelet"):
        to_nnlib(ours.replace(network=odd), tmp_path / "net")
    same = (*ours.network.layers, Smoothing("down1.weight", ("potential",)))
    with pytest.raises(InvalidValueError, match=r"two arrays .* 'down1.weight'"):
        to_nnlib(ours.replace(network=Network(same, ours.network.weights)), tmp_path / "net")
    large = surrogate("linear", "float64")
    weights = {name: 1e300 * w for name, w in large.network.weights.items()}
    with pytest.raises(InvalidValueError, match="NaN or infinite"):
        to_nnlib(large.replace(network=large.network.replace(weights)), tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def flip_a_bit(folder):
    data = bytearray((folder / "weights.bin").read_bytes())
    data[100] ^= 1
    (folder / "weights.bin").write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "lacks manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text('{"format": "py'), "no whole JSON"),
        (lambda folder: (folder / "manifest.json").write_text("[1]"), "another format"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff"), "no whole JSON"),
        (lambda folder: (folder / "weights.bin").unlink(), r"no weights at .*weights\.bin"),
        (
            lambda folder: (folder / "weights.bin").write_bytes(b"\0" * 400),
            r"weights\.bin is 400 bytes long, its arrays are \d+: it is truncated",
        ),
        (flip_a_bit, r"weights\.bin was changed"),
    ],
)
def test_damaged_files(damage, said, folder):
    damage(folder)
    with pytest.raises(InvalidValueError, match=said):
        from_nnlib(folder)


@pytest.mark.parametrize(
    ("name", "said"), [("down1.weight", "'down1.weight' holds NaN"), ("smoothed", "'smoothed'")]
)
def test_weights_written_elsewhere_are_checked_too(name, said, folder):
    """A digest that is right says nothing of the numbers."""

    def sign(manifest):
        data = bytearray((folder / "weights.bin").read_bytes())
        offset = manifest["arrays"][name]["offset"]
        data[offset : offset + 4] = np.float32(np.nan).tobytes()
        (folder / "weights.bin").write_bytes(data)
        manifest["sha256"] = hashlib.sha256(data).hexdigest()

    change(folder, sign)
    with pytest.raises(InvalidValueError, match=said):
        from_nnlib(folder)


def _layer(manifest, name):
    return next(layer for layer in manifest["layers"] if layer["name"] == name)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda m: m.update(version=2), "another format"),
        (lambda m: m.update(format="onnx"), "another format"),
        (lambda m: m.pop("size"), "does not describe a surrogate"),
        (lambda m: m.update(arrays=[]), "does not describe a surrogate"),
        (lambda m: m["arrays"]["up2.weight"].pop("dims"), "does not describe a surrogate"),
        (lambda m: m.update(linear=True), "says linear is True"),
        (lambda m: m.update(shape=[18, 24]), "does not fit"),
        (lambda m: m["arrays"]["up2.weight"].update(dims=[4, 4, 6, -10]), "'up2.weight' has dims"),
        (lambda m: m["arrays"]["down2.weight"].update(dims=[4, 4, 3, 6]), "do not belong together"),
        (lambda m: m["arrays"]["down2.weight"].update(dims=[4, 4, 5, 3]), "does not fit"),
        (lambda m: m["arrays"]["down2.weight"].update(dims=[4, 4, 15]), "does not fit"),
        (lambda m: m["arrays"]["down2.weight"].update(offset=4), "do not belong together"),
        (
            lambda m: m["arrays"]["smoothed"].update(dims=[25, 1, 1, 1]),
            r"'smoothed' with dims \(25",
        ),
        (lambda m: _layer(m, "smoothed").update(sigma=1.0), "'smoothed'"),
        (lambda m: _layer(m, "smoothed").update(name="other"), "differ in other, smoothed"),
        (lambda m: _layer(m, "up2").update(weight="none"), "'up2' lacks its weight 'none'"),
        (lambda m: _layer(m, "up2").update(bias=None), "differ in up2.bias"),
        (lambda m: _layer(m, "up2").update(stride="two"), "does not fit"),
        (lambda m: _layer(m, "up2").update(dilation=2), "not a record of a"),
    ],
)
def test_a_manifest_that_is_wrong(edit, said, folder):
    change(folder, edit)
    with pytest.raises(InvalidValueError, match=said):
        from_nnlib(folder)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda m: _layer(m, "up2").update(kind="Convolutoin"), "did you mean 'Convolution'"),
        (lambda m: m.update(dtype="float16"), "precision"),
        (lambda m: m.update(assignment="bspine"), "did you mean 'bspline'"),
    ],
)
def test_unknown_names(edit, said, folder):
    change(folder, edit)
    with pytest.raises(UnknownNameError, match=said):
        from_nnlib(folder)


def test_weights_in_training_without_a_domain(tmp_path):
    ours = surrogate("linear")
    training = {k: w.clone().requires_grad_() for k, w in ours.network.weights.items()}
    network = ours.network.replace(training)
    to_nnlib(ours.replace(network=network, domain=None), tmp_path / "net")
    back = from_nnlib(tmp_path / "net")
    assert back.domain is None
    assert all(torch.equal(back.network.weights[k], w) for k, w in ours.network.weights.items())
