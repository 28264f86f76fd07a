"""From an ONNX file to layers and weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import ModelProto, TensorProto, checker, external_data_helper

from ...core.errors import InvalidValueError
from ...surrogate.layers import Layer
from ...surrogate.network import INPUT, Network
from .onnx_graph import DESCRIPTION, DIGEST, Graph, Map, Node, digest_of, numbers_of, told
from .onnx_operators import RULES

#: before it, sums say in attributes how shapes are matched
_OLDEST_OPSET = 7
#: types of inputs, and the precision in which their networks work here
_PRECISIONS: dict[int, torch.dtype] = {
    TensorProto.FLOAT16: torch.float32,
    TensorProto.FLOAT: torch.float32,
    TensorProto.DOUBLE: torch.float64,
}


def model(content: bytes) -> ModelProto:
    """The model of a file, checked as far as can be without running it.

    Raises:
        InvalidValueError: no whole and valid ONNX file, weights in other files, operators for
            which there is no rule, or a digest that does not match.
    """
    try:
        read = onnx.load_model_from_string(content)
    except (DecodeError, ValueError) as error:
        raise InvalidValueError(f"it is no whole ONNX file: {error}") from error
    _require_inside(read)
    _require_known(read)
    _require_unchanged(read)
    try:
        checker.check_model(read, full_check=True)
    except (checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        raise InvalidValueError(f"it is no valid ONNX file: {error}") from error
    versions = [o.version for o in read.opset_import if o.domain in ("", "ai.onnx")]
    if min(versions, default=0) < _OLDEST_OPSET:
        raise InvalidValueError(f"its operators are of a version before {_OLDEST_OPSET}")
    return read


def description(model: ModelProto) -> dict[str, Any]:
    """What a file of this package tells besides its network; empty for others."""
    try:
        found = json.loads(told(model, DESCRIPTION) or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"its description is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidValueError(f"its description is {found!r}, not a JSON object")
    return found


def cells(model: ModelProto) -> tuple[int, int] | None:
    """Cells in x and y of the declared input, or None where they are open.

    Raises:
        InvalidValueError: the input is not one of shape (batch, 1, nx, ny), of floating point.
    """
    declared = _input(model).type.tensor_type
    dimensions = [
        d.dim_value if d.dim_value > 0 else d.dim_param or "?" for d in declared.shape.dim
    ]
    if len(dimensions) != 4 or dimensions[1] != 1:
        raise InvalidValueError(
            f"its input has the shape {dimensions}; supported is (batch, 1, nx, ny)"
        )
    if declared.elem_type not in _PRECISIONS:
        kind = TensorProto.DataType.Name(declared.elem_type)
        raise InvalidValueError(f"its input is of type {kind}; supported is floating point")
    nx, ny = dimensions[2:]
    return (nx, ny) if isinstance(nx, int) and isinstance(ny, int) else None


def network(
    model: ModelProto, cells: tuple[int, int], before: Sequence[Layer], after: Sequence[Layer]
) -> Network:
    """The network of a model for maps of some cells, in double precision if the file is.

    Args:
        model: as `model` gives it.
        cells: in x and y.
        before, after: layers to put in front and behind; what they read is filled in here.

    Raises:
        InvalidValueError: what no layer stands for, or a result that is no map of these cells.
    """
    outputs = [o.name for o in model.graph.output]
    if len(outputs) != 1:
        raise InvalidValueError(f"it has the outputs {outputs}; supported is one")
    graph = Graph(cells, {t.name: numbers_of(t) for t in model.graph.initializer})
    result = _append(graph, INPUT, before)
    graph.known[_input(model).name] = Map(result)
    for proto in model.graph.node:
        node = Node.of(proto)
        RULES[node.operator](node, graph)
    last = Node("output", outputs[0], (outputs[0],), (), {}, {})
    result = _append(graph, graph.map(last, 0), after)
    if graph.shape(result) != (1, *cells):
        raise InvalidValueError(
            f"it makes (channels, x, y) of {graph.shape(result)} from {(1, *cells)}; supported is "
            "the same shape"
        )
    return graph.network(result).to(_PRECISIONS[_input(model).type.tensor_type.elem_type])


def _append(graph: Graph, source: str, layers: Sequence[Layer]) -> str:
    """Put layers in a row behind a value; returns the last value."""
    for layer in layers:
        source = graph.add(replace(layer, inputs=(source,)))
    return source


def _input(model: ModelProto) -> onnx.ValueInfoProto:
    """What the graph reads; old files list their weights there too."""
    stored = {t.name for t in model.graph.initializer}
    found = [i for i in model.graph.input if i.name not in stored]
    if len(found) != 1:
        raise InvalidValueError(f"it has the inputs {[i.name for i in found]}; supported is one")
    return found[0]


def _require_unchanged(model: ModelProto) -> None:
    """Raise InvalidValueError if a file of this package is not as it was written."""
    mark = told(model, DIGEST)
    if mark is not None and mark != digest_of(model):
        raise InvalidValueError(
            "it was changed after it was written: its digest does not match; take a fresh copy, or "
            f"remove its metadata entry {DIGEST!r} if another program changed it on purpose"
        )


def _require_inside(model: ModelProto) -> None:
    """Raise InvalidValueError if weights lie in other files, or are stored sparsely."""
    for tensor in _tensors(model):
        if external_data_helper.uses_external_data(tensor):
            raise InvalidValueError(
                f"the numbers of {tensor.name!r} lie in another file; save it with all data inside "
                "(torch.onnx.export: external_data=False)"
            )
    if model.graph.sparse_initializer:
        raise InvalidValueError("sparse weights are not supported")


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors


def _require_known(model: ModelProto) -> None:
    """Raise InvalidValueError that names all operators for which there is no rule."""
    own = {f.name for f in model.functions}
    unknown: dict[str, str] = {}
    for node in model.graph.node:
        here = node.domain in ("", "ai.onnx") and node.op_type not in own
        if not here or node.op_type not in RULES:
            unknown.setdefault(node.op_type, node.name or ", ".join(map(str, node.output)))
    if unknown:
        named = ", ".join(f"{operator} (node {name!r})" for operator, name in unknown.items())
        raise InvalidValueError(
            f"operators that are not supported: {named}; supported are {', '.join(RULES)}"
        )
