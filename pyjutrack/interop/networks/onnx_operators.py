"""Convert operators of ONNX to layers: one rule each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...surrogate.layers import (
    Add,
    Affine,
    Channels,
    Concatenate,
    Convolution,
    InstanceNorm,
    LeakyReLU,
)
from ..onnx.model import Array, Node
from .onnx_convolutions import convolve, convolve_transposed, pad
from .onnx_layers import Constant, LayerGraph, Map

#: reads a node, and adds what it makes to the graph
Rule = Callable[[Node, LayerGraph], None]

#: attributes in which a Constant may have its numbers, and their precision
_PLAIN = {
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}


def _instance_norm(node: Node, graph: LayerGraph) -> None:
    source = graph.map(node, 0)
    scale, bias = (graph.constant(node, i).array for i in (1, 2))
    plain = graph.add(InstanceNorm(node.name, (source,), _decimal(node.get("epsilon", 1e-5))))
    _by_channel(node, graph, plain, scale, bias)


def _batch_norm(node: Node, graph: LayerGraph) -> None:
    source = graph.map(node, 0)
    node.require("training_mode", node.get("training_mode", 0), 0)
    node.require("spatial", node.get("spatial", 1), 1)
    scale, bias, mean, variance = (
        graph.constant(node, i).array.astype(np.float64) for i in (1, 2, 3, 4)
    )
    variance = variance + _decimal(node.get("epsilon", 1e-5))
    if not (variance > 0).all():
        node.refuse("a variance is not positive")
    scale = scale / np.sqrt(variance)
    _by_channel(node, graph, source, scale, bias - mean * scale)


def _leaky(node: Node, graph: LayerGraph) -> None:
    slope = _decimal(node.get("alpha", 0.01))
    graph.make(node, LeakyReLU(node.name, (graph.map(node, 0),), slope))


def _relu(node: Node, graph: LayerGraph) -> None:
    graph.make(node, LeakyReLU(node.name, (graph.map(node, 0),)))


def _add(node: Node, graph: LayerGraph) -> None:
    maps, numbers = [], []
    for index in range(len(node.inputs)):
        found = graph.operand(node, index)
        if isinstance(found, Constant):
            numbers.append(_number(node, found))
        else:
            maps.append(graph.plain(node, found))
    _combine(node, graph, maps, sum(numbers))


def _subtract(node: Node, graph: LayerGraph) -> None:
    first, second = (graph.operand(node, i) for i in (0, 1))
    if isinstance(second, Constant):
        _combine(node, graph, [graph.map(node, 0)], -_number(node, second))
    else:
        opposite = Affine(f"{node.name}.opposite", (graph.plain(node, second),), -1.0)
        if isinstance(first, Constant):
            shifted = replace(opposite, name=node.name, shift=_number(node, first))
            graph.make(node, shifted)
        else:
            _combine(node, graph, [graph.plain(node, first), graph.add(opposite)], 0.0)


def _multiply(node: Node, graph: LayerGraph) -> None:
    at = 0 if isinstance(graph.operand(node, 0), Constant) else 1
    factor = _number(node, graph.constant(node, at))
    graph.make(node, Affine(node.name, (graph.map(node, 1 - at),), factor))


def _divide(node: Node, graph: LayerGraph) -> None:
    divisor = _number(node, graph.constant(node, 1))
    if divisor == 0:
        node.refuse("it divides by zero")
    graph.make(node, Affine(node.name, (graph.map(node, 0),), 1 / divisor))


def _concatenate(node: Node, graph: LayerGraph) -> None:
    node.require("axis", node.get("axis", None), 1, -3)
    sources = tuple(graph.map(node, i) for i in range(len(node.inputs)))
    graph.make(node, Concatenate(node.name, sources))


def _slice(node: Node, graph: LayerGraph) -> None:
    source = graph.map(node, 0)
    starts, ends = graph.integers(node, "starts", 1), graph.integers(node, "ends", 2)
    axes = graph.integers(node, "axes", 3) or tuple(range(len(starts or ())))
    steps = graph.integers(node, "steps", 4) or (1,)
    node.require("axes", axes, (1,), (-3,))
    node.require("steps", steps, (1,))
    if not starts or not ends or len(starts) != 1 or len(ends) != 1:
        node.refuse("it needs one start and one end")
    start, stop, _ = slice(starts[0], ends[0]).indices(graph.shape(source)[0])
    if stop <= start:
        node.refuse(f"it takes no channel: from {start} to {stop}")
    graph.make(node, Channels(node.name, (source,), start, stop))


def _identity(node: Node, graph: LayerGraph) -> None:
    graph.known[node.outputs[0]] = graph.operand(node, 0)


def _dropout(node: Node, graph: LayerGraph) -> None:
    if node.has(2):
        training = bool(graph.constant(node, 2).array.any())
        node.require("training_mode", training, False)
    _identity(node, graph)


def _constant(node: Node, graph: LayerGraph) -> None:
    kind = next(iter(node.attributes), "none")
    node.require("kind of value", kind, "value", *_PLAIN)
    value = node.attributes[kind]
    array = value if kind == "value" else np.array(value, _PLAIN[kind])
    graph.known[node.outputs[0]] = Constant(node.outputs[0], array)


def _by_channel(node: Node, graph: LayerGraph, source: str, scale: Array, bias: Array) -> None:
    """scale x + bias for each channel: exactly a convolution of one cell that mixes none."""
    channels = graph.shape(source)[0]
    if not scale.shape == bias.shape == (channels,):
        node.refuse(f"numbers of shape {scale.shape}, {bias.shape} for {channels} channels")
    if (scale == 1).all() and (bias == 0).all():
        graph.known[node.outputs[0]] = Map(source)
        return
    kernel = graph.store(f"{node.name}.scale", np.diag(scale.astype(np.float64))[:, :, None, None])
    offset = graph.store(f"{node.name}.shift", bias.astype(np.float64)) if bias.any() else None
    graph.make(node, Convolution(f"{node.name}.channels", (source,), kernel, offset))


def _combine(node: Node, graph: LayerGraph, maps: list[str], shift: float) -> None:
    """The sum of maps and a number."""
    if not maps:
        node.refuse("all that it reads is constant; supported is a map at least")
    if len({graph.shape(m) for m in maps}) > 1:
        shapes = ", ".join(str(graph.shape(m)) for m in maps)
        node.refuse(f"maps of shapes {shapes} are not supported; supported are equal ones")
    total = maps[0]
    if len(maps) > 1:
        name = f"{node.name}.sum" if shift else node.name
        total = graph.add(Add(name, tuple(maps)))
    before = graph.layers.get(total)
    if not shift:
        graph.known[node.outputs[0]] = Map(total)
    elif isinstance(before, Affine) and before.shift == 0:
        graph.make(node, replace(before, name=node.name, shift=shift))  # one step, not two
    else:
        graph.make(node, Affine(node.name, (total,), 1.0, shift))


def _number(node: Node, constant: Constant) -> float:
    """The one number that a constant holds."""
    array = constant.array
    if array.size != 1 or array.ndim > 4:
        node.refuse(f"a constant of shape {array.shape} is not supported; supported is one number")
    value = _decimal(array.item()) if array.dtype == np.float32 else float(array.item())
    if not np.isfinite(value):
        node.refuse(f"the number {value} is not finite")
    return value


def _decimal(value: float) -> float:
    """A number in single precision as its shortest decimal: 0.2, not 0.200000003."""
    return float(str(np.float32(value)))


RULES: dict[str, Rule] = {
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Concat": _concatenate,
    "Constant": _constant,
    "Conv": convolve,
    "ConvTranspose": convolve_transposed,
    "Div": _divide,
    "Dropout": _dropout,
    "Identity": _identity,
    "InstanceNormalization": _instance_norm,
    "LeakyRelu": _leaky,
    "Mul": _multiply,
    "Pad": pad,
    "Relu": _relu,
    "Slice": _slice,
    "Sub": _subtract,
    "Sum": _add,
}
