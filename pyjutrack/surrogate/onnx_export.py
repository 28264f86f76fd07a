"""From layers to the operators of ONNX."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import NodeProto, TensorProto, checker, helper, numpy_helper

from ..errors import InvalidValueError
from .architectures import _widths
from .layers import (
    Add,
    Affine,
    Channels,
    Concatenate,
    Convolution,
    InstanceNorm,
    Layer,
    LeakyReLU,
    Smoothing,
    TransposedConvolution,
)
from .network import INPUT, Network
from .onnx_graph import DESCRIPTION, SIGMA, unused

OUTPUT = "output"
#: versions of the operators and of the format: old enough for runtimes in other languages
_OPSET, _FORMAT = 17, 8


class Place(NamedTuple):
    """Where a layer stands in a graph.

    Attributes:
        reads: ONNX names of the values that it reads.
        makes: ONNX name of the value that it makes.
        channels: of the first value that it reads.
    """

    reads: tuple[str, ...]
    makes: str
    channels: int


class Part(NamedTuple):
    """The operators of a layer, and the constants that they need besides its weights."""

    nodes: Sequence[NodeProto]
    constants: Mapping[str, NDArray[Any]] = {}  # a default of a NamedTuple


def content(
    network: Network, cells: tuple[int, int] | None, told: Mapping[str, Any] | None
) -> bytes:
    """An ONNX file of a network in single precision on the CPU.

    Args:
        network: its weights are stored once each, however many layers share one.
        cells: in x and y; None leaves them open.
        told: what else the file tells, or None.
    """
    from .. import __version__

    shape = ["batch", 1, *(cells or ("nx", "ny"))]
    nodes, constants = _operators(network)
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(
        graph,
        producer_name="pyjutrack",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_FORMAT,
    )
    if told is not None:
        helper.set_model_props(model, {DESCRIPTION: json.dumps(told, allow_nan=False)})
    try:
        checker.check_model(model, full_check=True)
    except (checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise InvalidValueError(f"the network makes no valid ONNX graph: {error}") from error
    return model.SerializeToString()


def _operators(network: Network) -> tuple[list[NodeProto], dict[str, NDArray[Any]]]:
    """Nodes of all layers, and the initialisers: weights under their own names, constants."""
    constants = {name: w.detach().numpy() for name, w in network.weights.items()}
    nodes: list[NodeProto] = []
    channels, names = _widths(network), {INPUT: INPUT}
    for layer in network.layers:
        # values and weights have one space of names in ONNX, and a layer may be called "output"
        free = unused(layer.name, {INPUT, OUTPUT, *constants, *names.values()})
        names[layer.name] = OUTPUT if layer is network.layers[-1] else free
        reads = tuple(names[i] for i in layer.inputs)
        part = operators(layer, Place(reads, names[layer.name], channels[layer.inputs[0]]))
        nodes += part.nodes
        constants.update(part.constants)
    return nodes, constants


@singledispatch
def operators(layer: Layer, place: Place) -> Part:
    """The operators that compute a layer.

    Register a function for a new kind of layer with `operators.register`. The last node makes
    `place.makes`; names of constants and of values on the way start with that name.
    """
    kind = type(layer).__name__
    raise InvalidValueError(f"no ONNX operator is registered for layers of kind {kind}")


@operators.register
def _(layer: Convolution, place: Place) -> Part:
    return Part([_convolution("Conv", layer, place)])


@operators.register
def _(layer: TransposedConvolution, place: Place) -> Part:
    return Part([_convolution("ConvTranspose", layer, place)])


@operators.register
def _(layer: InstanceNorm, place: Place) -> Part:
    scale, bias = f"{place.makes}.scale", f"{place.makes}.bias"
    node = _node("InstanceNormalization", layer, place, scale, bias, epsilon=layer.eps)
    ones = np.ones(place.channels, np.float32)
    return Part([node], {scale: ones, bias: np.zeros_like(ones)})


@operators.register
def _(layer: LeakyReLU, place: Place) -> Part:
    if layer.slope == 0:
        return Part([_node("Relu", layer, place)])
    return Part([_node("LeakyRelu", layer, place, alpha=layer.slope)])


@operators.register
def _(layer: Affine, place: Place) -> Part:
    scale = f"{place.makes}.scale"
    constants = {scale: _single(layer.scale)}
    if not layer.shift:
        return Part([_node("Mul", layer, place, scale)], constants)
    scaled, shift = f"{place.makes}.scaled", f"{place.makes}.shift"
    constants[shift] = _single(layer.shift)
    return Part(
        [
            helper.make_node("Mul", [*place.reads, scale], [scaled], f"{layer.name}.scaled"),
            helper.make_node("Add", [scaled, shift], [place.makes], layer.name),
        ],
        constants,
    )


@operators.register
def _(layer: Add, place: Place) -> Part:
    return Part([_node("Sum", layer, place)])


@operators.register
def _(layer: Concatenate, place: Place) -> Part:
    return Part([_node("Concat", layer, place, axis=1)])


@operators.register
def _(layer: Channels, place: Place) -> Part:
    bounds = {"start": layer.start, "stop": layer.stop, "axis": 1}
    constants = {f"{place.makes}.{k}": np.array([v], np.int64) for k, v in bounds.items()}
    return Part([_node("Slice", layer, place, *constants)], constants)


@operators.register
def _(layer: Smoothing, place: Place) -> Part:
    kernel = f"{place.makes}.kernel"
    node = _node("Conv", layer, place, kernel, pads=[layer.width // 2] * 4)
    # so that a reader of this package knows that the kernel is no weight
    node.metadata_props.add(key=SIGMA, value=repr(layer.sigma))
    return Part([node], {kernel: _single(layer.kernel().numpy())})


def _convolution(
    operator: str, layer: Convolution | TransposedConvolution, place: Place
) -> NodeProto:
    window = {"strides": [layer.stride] * 2, "pads": [layer.padding] * 4}
    return _node(operator, layer, place, *layer.weights(), **window)


def _node(operator: str, layer: Layer, place: Place, *more: str, **attributes: Any) -> NodeProto:
    """A node named as the layer, which reads the layer's inputs and then some constants."""
    return helper.make_node(
        operator, [*place.reads, *more], [place.makes], layer.name, **attributes
    )


def _single(value: ArrayLike) -> NDArray[np.float32]:
    return np.asarray(value, np.float32)
