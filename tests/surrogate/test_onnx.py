"""Conversion to ONNX and back: the same networks, the same numbers in another runtime."""

import numpy as np
import pytest
import torch
from onnx_cases import difference, edited, onnx, run
from onnx_networks import CELLS, network_of, surrogate_of
from surrogate_cases import ARCHITECTURES, build

import pyjutrack as pj
from pyjutrack.collective import BSPLINE, CATMULL_ROM, Grid, Mesh
from pyjutrack.core.errors import InvalidValueError
from pyjutrack.interop.networks import from_onnx, to_onnx
from pyjutrack.surrogate import Domain, Network, Surrogate
from pyjutrack.surrogate.layer_base import KINDS, Layer
from pyjutrack.surrogate.layers import (
    Add,
    Affine,
    Channels,
    Concatenate,
    Convolution,
    InstanceNorm,
    LeakyReLU,
    Smoothing,
    TransposedConvolution,
)

#: of single precision in another order; norms divide by small variances
TOLERANCE = {"linear": 1e-6, "variational": 1e-6, "pix2pix": 1e-5}
EACH = pytest.mark.parametrize("architecture", ARCHITECTURES)


def maps(cells=CELLS, batch=3):
    return torch.rand(batch, *cells)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "network.onnx"


@EACH
def test_round_trip(architecture, file):
    network = network_of(architecture)
    to_onnx(surrogate_of(network), file)
    again = from_onnx(file).network
    assert again.dtype == torch.float32
    assert again.linear == network.linear
    assert again.weights.keys() == network.weights.keys()
    for name, weight in network.weights.items():
        assert torch.equal(again.weights[name], weight), name
    names = [(type(layer), layer.name, layer.inputs) for layer in network.layers]
    assert [(type(layer), layer.name, layer.inputs) for layer in again.layers] == names
    x = maps()
    assert difference(again(x), network(x)) < 1e-6
    assert [p.name for p in file.parent.iterdir()] == [file.name]


@EACH
def test_another_runtime_gives_the_same(architecture, file):
    network = network_of(architecture)
    to_onnx(surrogate_of(network), file)
    x = maps()
    assert difference(run(file, x), network(x)) < TOLERANCE[architecture]
    assert difference(run(file, x[:1]), network(x[:1])) < TOLERANCE[architecture]


@EACH
def test_a_network_by_itself_leaves_the_cells_open(architecture, file):
    network = network_of(architecture)
    to_onnx(network, file)
    with pytest.raises(InvalidValueError, match="leaves the number of cells open"):
        from_onnx(file)
    for cells in (CELLS, (16, 16)):
        again = from_onnx(file, shape=cells)
        assert again.mesh == Mesh(Grid((0.02, 0.02), cells), BSPLINE)
        assert again.domain is None
        x = maps(cells)
        assert difference(again.network(x), network(x)) < 1e-6
        assert difference(run(file, x), network(x)) < TOLERANCE[architecture]


def test_depth_and_width_of_a_real_one(file):
    network = build("pix2pix", (4, 8, 8, 8, 8, 8, 8), dtype=torch.float32)
    to_onnx(surrogate_of(network, (128, 128)), file)
    x = maps((128, 128), batch=1)
    again = from_onnx(file)
    assert difference(again.network(x), network(x)) < 1e-6
    assert difference(run(file, x), network(x)) < 3e-5


def test_shared_weights_are_stored_once(file):
    network = network_of("variational")
    uses = [w for layer in network.layers for w in layer.weights()]
    assert len(uses) == 2 * len(set(uses))
    to_onnx(network, file)
    stored = [t.name for t in onnx.load(file).graph.initializer]
    assert sorted(set(stored)) == sorted(stored)
    assert set(network.weights) <= set(stored)
    again = from_onnx(file, shape=CELLS).network
    assert [w for layer in again.layers for w in layer.weights()] == uses
    assert again.count == network.count


def test_what_a_surrogate_is_comes_back(file):
    surrogate = Surrogate(
        network_of("linear"),
        Mesh(Grid((0.01, 0.025), CELLS), CATMULL_ROM),
        Domain((0.0003, 0.003), 5.0, 0.002, (0.009, 0.008), 2000),
        about={"recipe": {"channels": [4, 8, 8]}, "digest": "of a safetensors file"},
    )
    to_onnx(surrogate, file)
    again = from_onnx(file, outside="raise")
    assert again.mesh == surrogate.mesh
    assert again.domain == surrogate.domain
    assert again.about == {"recipe": {"channels": [4, 8, 8]}}
    assert again.outside == "raise"
    asked = from_onnx(file, size=(0.01, 0.025), shape=CELLS, assignment=CATMULL_ROM)
    assert asked.mesh == surrogate.mesh


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (0.02, 0.02)}, r"size is \(0.02, 0.03\), not \(0.02, 0.02\)"),
        ({"shape": (64, 64)}, r"shape is \(32, 48\), not \(64, 64\)"),
        ({"assignment": "cic"}, "assignment is bspline, not cic"),
        ({"assignment": CATMULL_ROM}, "assignment is bspline, not catmull-rom"),
    ],
)
def test_what_contradicts_the_file(options, message, file):
    to_onnx(surrogate_of(network_of("linear")), file)
    with pytest.raises(InvalidValueError, match=message):
        from_onnx(file, **options)


def test_it_tracks(make_surrogate, make_beam, cell, file):
    surrogate = make_surrogate("linear", outside="ignore").to(torch.float32)
    to_onnx(surrogate, file)
    beam = make_beam(500)
    ours, again = (
        pj.track(cell, beam, effects=[pj.SpaceCharge(s, max_step=0.2)]).coordinate("px")
        for s in (surrogate, from_onnx(file, outside="ignore"))
    )
    assert torch.allclose(again, ours, rtol=1e-6, atol=1e-9)
    assert not torch.allclose(again, pj.track(cell, beam).coordinate("px"), rtol=1e-3, atol=1e-9)


def test_double_precision_is_written_in_single(file):
    network = build("linear", (4, 8, 8))
    to_onnx(surrogate_of(network), file)
    again = from_onnx(file).network
    for name, weight in network.weights.items():
        assert torch.equal(again.weights[name], weight.float())


ALONE = {
    Convolution: Convolution("it", ("output",), "w", "b", 1, 1),
    TransposedConvolution: TransposedConvolution("it", ("output",), "w", "b", 1, 1),
    InstanceNorm: InstanceNorm("it", ("output",), 1e-3),
    LeakyReLU: LeakyReLU("it", ("output",), 0.3),
    Affine: Affine("it", ("output",), 0.25, 0.125),
    Add: Add("it", ("output", "output", "output")),
    Concatenate: Concatenate("it", ("output",)),
    Channels: Channels("it", ("output",), 0, 1),
    Smoothing: Smoothing("it", ("output",), 1.3, 7),
}


#: what is read back too: all but that of networks for wakes (tests/surrogate/test_wake_surrogate)
BACK = {name: kind for name, kind in KINDS.items() if name != "LineConvolution"}


@pytest.mark.parametrize("kind", BACK.values(), ids=BACK)
def test_each_kind_of_layer(kind, file):
    """Between two others, whose names files of ours give to other things."""
    first, last = Affine("output", ("input",), 3.0, -1.0), LeakyReLU("it.scale", ("it",), 0.0)
    weights = {"w": torch.randn(1, 1, 3, 3), "b": torch.randn(1)}
    weights = {k: weights[k] for k in ALONE[kind].weights()}
    network = Network((first, ALONE[kind], last), weights)
    to_onnx(network, file)
    again = from_onnx(file, shape=CELLS).network
    assert again.layers == network.layers
    x = maps()
    assert torch.equal(again(x), network(x))
    assert difference(run(file, x), network(x)) < 1e-6


def test_whole_numbers_in_a_layer(file):
    network = Network((Affine("it", ("input",), 2, 3),), {})
    to_onnx(network, file)
    assert from_onnx(file, shape=CELLS).network.layers == network.layers


def test_an_edited_smoothing_is_no_smoothing(file):
    network = Network((Smoothing("it", ("input",)),), {})
    to_onnx(surrogate_of(network), file)

    def sharpen(model):
        (kernel,) = model.graph.initializer
        numbers = np.array(onnx.numpy_helper.to_array(kernel))
        numbers[0, 0, 2, 2] += 1
        kernel.CopyFrom(onnx.numpy_helper.from_array(numbers, kernel.name))

    (layer,) = from_onnx(edited(file, sharpen)).network.layers
    assert isinstance(layer, Convolution)


class Unheard(Layer):
    def __call__(self, weights, *values):
        return values[0]


def test_a_layer_without_an_operator_writes_nothing(file):
    network = Network((Unheard("it", ("input",)),), {})
    with pytest.raises(InvalidValueError, match="layers of kind Unheard"):
        to_onnx(network, file)
    assert list(file.parent.iterdir()) == []


def test_any_names_will_do(file):
    """Weights called as what ONNX files of ours hold beside them."""
    taken = ("input", "output", "first.scale", "second", "last.shift", "output.shift")
    weights = {name: torch.randn(1, 1, 3, 3) for name in taken}
    layers = [Affine("first", ("input",), 2.0, 1.0)]
    for name in taken:
        layers.append(Convolution(f"of {name}", (layers[-1].name,), name, None, 1, 1))
    layers += [Affine("second", (layers[-1].name,), 2.0), Affine("last", ("second",), 3.0, 1.0)]
    network = Network(tuple(layers), weights)
    to_onnx(network, file)
    again, x = from_onnx(file, shape=CELLS).network, maps()
    assert [layer.name for layer in again.layers] == [layer.name for layer in layers]
    assert torch.equal(again(x), network(x))
    assert difference(run(file, x), network(x)) < 1e-6
