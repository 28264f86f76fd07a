"""Networks to ONNX, the format that other frameworks and languages read and write.

It needs the package `onnx`, which is imported when a function here is called, not before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ...core.atomic import write_bytes
from ...core.errors import InvalidValueError
from ...core.names import unused_name
from ...surrogate.layer_base import Layer, Operator
from ...surrogate.network import INPUT, Network
from ...surrogate.surrogate import Surrogate
from ...surrogate.wakes import WakeSurrogate
from ..onnx.model import DESCRIPTION, Value, require_package
from ..onnx.trace import Graph
from .onnx_layers import LayerGraph

OUTPUT = "output"
#: version of the operators: old enough for runtimes in other languages
_OPSET = 17
#: cells in x and y where they are open: only channels are looked at, and any depth fits
_LARGE = (4096, 4096)


def to_onnx(source: Surrogate | WakeSurrogate | Network, path: str | Path) -> None:
    """Write an ONNX file in single precision, whole or not at all.

    It maps "input" (batch, 1, nx, ny) to "output" of the same shape. Of a surrogate it also states
    cells, box, shape function, domain and training; of a network it leaves nx and ny open. Of one
    for a wake nx are the nodes, ny is 1, and the output is for cells of one metre: multiply by
    spacing ** power. A digest of all of it stands in the file, and `from_onnx`, which reads
    networks for fields, checks it.

    Raises:
        WriteError: the disk is full, say.
        InvalidValueError: a layer of a kind for which there is no operator.
        MissingPackageError: the package `onnx` is missing.
    """
    require_package()
    if isinstance(source, Surrogate):
        network, cells = source.network, source.mesh.grid.shape
        stated = {k: v for k, v in source.description().items() if k != "layers"}
    elif isinstance(source, WakeSurrogate):
        network, cells = source.current_network(), (source.nodes, 1)
        stated = {k: v for k, v in source.description().items() if k != "layers"}
    else:
        network, cells, stated = source, None, {}
    graph, made = _graph(network.to(torch.float32, "cpu"), cells or _LARGE)
    shape = ("batch", 1, *(cells or ("nx", "ny")))
    reads, makes = (Value(name, np.dtype(np.float32), shape) for name in (INPUT, OUTPUT))
    notes = {DESCRIPTION: json.dumps(stated, allow_nan=False)} if stated else {}
    model = graph.model([reads], {makes: made}, _OPSET, notes)
    write_bytes(Path(path), model.content("network", sealed=True))


def _graph(network: Network, cells: tuple[int, int]) -> tuple[Graph, str]:
    """Nodes of all layers, under the layers' names, and the value of the last.

    In ONNX weights and values have one space of names, in which those of input and output are
    fixed, so that a few weights get numbers.
    """
    ends = {INPUT, OUTPUT}
    used = {*ends, *network.weights}
    names = {k: unused_name(k, used) if k in ends else k for k in network.weights}
    graph = Graph(taken={*ends, *names.values()})
    graph.constants.update({names[k]: w.detach().numpy() for k, w in network.weights.items()})
    shapes = LayerGraph(cells, {})
    shapes.weights.update(network.weights)
    values = {INPUT: INPUT}
    for layer in network.layers:
        shapes.add(layer)
        reads = [*(values[i] for i in layer.inputs), *(names[w] for w in layer.weights())]
        *before, last = _operators(layer, shapes.shape(layer.inputs[0])[0])
        for operator in before:
            reads = [_add(graph, operator, f"{layer.name}.{operator.name.lower()}", reads)]
        values[layer.name] = _add(graph, last, layer.name, reads)
    return graph, values[network.layers[-1].name]


def _operators(layer: Layer, channels: int) -> Sequence[Operator]:
    """The operators of a layer, one at least."""
    found = layer.operators(channels)
    if not found:
        raise InvalidValueError(
            f"layer {layer.name!r}: {type(layer).__name__} has no operator of ONNX; what changes "
            "nothing is Operator('Identity')"
        )
    return found


def _add(graph: Graph, operator: Operator, name: str, reads: Sequence[str]) -> str:
    """The value of an operator, whose node has a name."""
    singles = (a.astype(np.float32) if a.dtype == np.float64 else a for a in operator.constants)
    numbers = map(graph.constant, singles)
    return graph.add(
        operator.name, *reads, *numbers, name=name, notes=operator.notes, **operator.attributes
    )
