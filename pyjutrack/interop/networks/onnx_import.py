"""Read layers and weights from an ONNX file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ...core.errors import InvalidValueError
from ...surrogate.layers import Layer
from ...surrogate.network import INPUT, Network
from ..onnx.model import DESCRIPTION, Model, Node, Value, read
from .onnx_layers import LayerGraph, Map
from .onnx_operators import RULES

#: types of inputs, and the precision in which their networks work here
_PRECISIONS = {
    np.dtype(np.float16): torch.float32,
    np.dtype(np.float32): torch.float32,
    np.dtype(np.float64): torch.float64,
}


def model(content: bytes) -> Model:
    """The model of a file; InvalidValueError as for `read`."""
    return read(content, RULES)


def description(model: Model) -> dict[str, Any]:
    """Read what a file of this package states besides its network; empty for others."""
    try:
        found = json.loads(model.notes.get(DESCRIPTION) or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"its description is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidValueError(f"its description is {found!r}, not a JSON object")
    return found


def cells(model: Model) -> tuple[int, int] | None:
    """Cells in x and y of the declared input, or None where they are open.

    Raises:
        InvalidValueError: the input is not one of shape (batch, 1, nx, ny), of floating point.
    """
    _, dtype, shape = _input(model)
    dimensions = list(shape)
    if len(dimensions) != 4 or dimensions[1] != 1:
        raise InvalidValueError(
            f"its input has the shape {dimensions}; supported is (batch, 1, nx, ny)"
        )
    if dtype not in _PRECISIONS:
        raise InvalidValueError(
            f"its input is of type {dtype.name.upper()}; supported is floating point"
        )
    nx, ny = dimensions[2:]
    return (nx, ny) if isinstance(nx, int) and isinstance(ny, int) else None


def network(
    model: Model, cells: tuple[int, int], before: Sequence[Layer], after: Sequence[Layer]
) -> Network:
    """The network of a model for maps of some cells, in double precision if the file is.

    Args:
        model: as `model` gives it.
        cells: in x and y.
        before, after: layers to put before and after; what they read is filled in here.

    Raises:
        InvalidValueError: what no layer stands for, or a result that is no map of these cells.
    """
    outputs = [o.name for o in model.outputs]
    if len(outputs) != 1:
        raise InvalidValueError(f"it has the outputs {outputs}; supported is one")
    graph = LayerGraph(cells, model.constants)
    result = _append(graph, INPUT, before)
    graph.known[_input(model).name] = Map(result)
    for node in model.nodes:
        RULES[node.operator](node, graph)
    last = Node("output", outputs[0], (outputs[0],), ())
    result = _append(graph, graph.map(last, 0), after)
    if graph.shape(result) != (1, *cells):
        raise InvalidValueError(
            f"it makes (channels, x, y) of {graph.shape(result)} from {(1, *cells)}; supported is "
            "the same shape"
        )
    return graph.network(result).to(_PRECISIONS[_input(model).dtype])


def _append(graph: LayerGraph, source: str, layers: Sequence[Layer]) -> str:
    """Put layers in a row after a value; returns the last value."""
    for layer in layers:
        source = graph.add(replace(layer, inputs=(source,)))
    return source


def _input(model: Model) -> Value:
    if len(model.inputs) != 1:
        names = [i.name for i in model.inputs]
        raise InvalidValueError(f"it has the inputs {names}; supported is one")
    return model.inputs[0]
