"""Convert layers to the operators of ONNX."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import singledispatch
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.errors import InvalidValueError
from ...surrogate.layers import (
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
from ...surrogate.network import INPUT, Network
from ..onnx.model import DESCRIPTION, Model, Node, Value
from .onnx_layers import SIGMA, LayerGraph, add_number, find_unused

OUTPUT = "output"
#: version of the operators: old enough for runtimes in other languages
_OPSET = 17
#: cells in x and y where they are open: only channels are looked at, and any depth fits
_LARGE = (4096, 4096)


class Place(NamedTuple):
    """The place of a layer in a graph.

    Attributes:
        reads: ONNX names of the values that it reads.
        makes: ONNX name of the value that it makes.
        own: what the names of its constants and of its inner values start with.
        weights: ONNX names of the weights.
        channels: of the first value that it reads.
    """

    reads: tuple[str, ...]
    makes: str
    own: str
    weights: Mapping[str, str]
    channels: int


class Part(NamedTuple):
    """The operators of a layer, and the constants that they need besides its weights."""

    nodes: Sequence[Node]
    constants: Mapping[str, NDArray[Any]] = MappingProxyType({})


def content(network: Network, cells: tuple[int, int] | None, stated: Mapping[str, Any]) -> bytes:
    """An ONNX file of a network in single precision on the CPU.

    Args:
        network: its weights are stored once each, however many layers share one.
        cells: in x and y; None leaves them open.
        stated: what else the file states.
    """
    shape = ("batch", 1, *(cells or ("nx", "ny")))
    nodes, constants = _operators(network, cells or _LARGE)
    single = np.dtype(np.float32)
    reads, makes = ([Value(name, single, shape)] for name in (INPUT, OUTPUT))
    notes = {DESCRIPTION: json.dumps(stated, allow_nan=False)} if stated else {}
    return Model(nodes, constants, reads, makes, _OPSET, notes).content("network", sealed=True)


def _operators(
    network: Network, cells: tuple[int, int]
) -> tuple[list[Node], dict[str, NDArray[Any]]]:
    """Nodes of all layers, and the initialisers: weights and constants.

    In ONNX all of them have one space of names, in which those of input and output are fixed, so
    that a few get numbers; nodes keep the names of the layers.
    """
    reserved = {INPUT, OUTPUT}
    used = {*reserved, *network.weights}
    weights = {k: find_unused(k, used) if k in reserved else k for k in network.weights}
    constants = {weights[k]: w.detach().numpy() for k, w in network.weights.items()}
    nodes: list[Node] = []
    names, taken = {INPUT: INPUT}, {*reserved, *constants}
    graph = LayerGraph(cells, {})
    graph.weights.update(network.weights)
    for layer in network.layers:
        graph.add(layer)
        channels = graph.shape(layer.inputs[0])[0]
        reads, last = tuple(names[i] for i in layer.inputs), layer is network.layers[-1]
        for own in add_number(layer.name):
            makes = OUTPUT if last else own
            part = operators(layer, Place(reads, makes, own, weights, channels))
            new = {*part.constants, *(name for node in part.nodes for name in node.outputs)}
            if last:
                new.remove(OUTPUT)
            if taken.isdisjoint(new):
                break
        names[layer.name] = makes
        taken |= new
        nodes += part.nodes
        constants.update(part.constants)
    return nodes, constants


@singledispatch
def operators(layer: Layer, place: Place) -> Part:
    """The operators that compute a layer.

    Register a function for a new kind of layer with `operators.register`.
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
    scale, bias = f"{place.own}.scale", f"{place.own}.bias"
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
    scale = f"{place.own}.scale"
    constants = {scale: _single(layer.scale)}
    if not layer.shift:
        return Part([_node("Mul", layer, place, scale)], constants)
    scaled, shift = f"{place.own}.scaled", f"{place.own}.shift"
    constants[shift] = _single(layer.shift)
    return Part(
        [
            Node("Mul", f"{layer.name}.scaled", (*place.reads, scale), (scaled,)),
            Node("Add", layer.name, (scaled, shift), (place.makes,)),
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
    constants = {f"{place.own}.{k}": np.array([v], np.int64) for k, v in bounds.items()}
    return Part([_node("Slice", layer, place, *constants)], constants)


@operators.register
def _(layer: Smoothing, place: Place) -> Part:
    kernel = f"{place.own}.kernel"
    node = _node("Conv", layer, place, kernel, pads=[layer.width // 2] * 4)
    # so that a reader of this package knows that the kernel is no weight
    noted = node._replace(notes={SIGMA: repr(layer.sigma)})
    return Part([noted], {kernel: _single(layer.kernel().numpy())})


def _convolution(operator: str, layer: Convolution | TransposedConvolution, place: Place) -> Node:
    window = {"strides": [layer.stride] * 2, "pads": [layer.padding] * 4}
    return _node(operator, layer, place, *(place.weights[w] for w in layer.weights()), **window)


def _node(operator: str, layer: Layer, place: Place, *more: str, **attributes: Any) -> Node:
    """A node named as the layer, which reads the layer's inputs and then some constants."""
    return Node(operator, layer.name, (*place.reads, *more), (place.makes,), attributes)


def _single(value: ArrayLike) -> NDArray[np.float32]:
    return np.asarray(value, np.float32)
