"""ONNX models as plain data, written to files and read from them by the package `onnx`.

That package is imported when a function here is called, not before. A file holds numbers and the
names of operators; reading one runs nothing.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray

from ...core.atomic import digest
from ...core.errors import InvalidValueError, MissingPackageError
from ...core.version import __version__

Array = NDArray[Any]

#: key under which a file of this package describes what it holds
DESCRIPTION = "pyjutrack"
#: key under which a file of this package has the digest of its graph and description
DIGEST = "pyjutrack.digest"
#: version of the format that is written, and the oldest of the operators that are read: before it,
#: sums say in attributes how shapes are matched
_FORMAT, _OLDEST_OPSET = 8, 7
#: what a file in one piece may have [byte]
_LARGEST = 2**31


class Node(NamedTuple):
    """An operation.

    Attributes:
        operator: its ONNX name.
        name: of the node; where a file states none, what it makes.
        inputs, outputs: names of values; absent inputs are "".
        attributes: numbers, texts, arrays, precisions, and tuples of these.
        notes: what a file says of the node besides.
    """

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = {}
    notes: Mapping[str, str] = {}

    def get(self, attribute: str, default: Any) -> Any:
        """An attribute."""
        return self.attributes.get(attribute, default)

    def has(self, index: int) -> bool:
        """Return whether an input is there."""
        return index < len(self.inputs) and self.inputs[index] != ""

    def refuse(self, what: str) -> NoReturn:
        """Raise InvalidValueError, which names the node."""
        raise InvalidValueError(f"{self.operator} node {self.name!r}: {what}")

    def require(self, attribute: str, value: Any, *supported: Any) -> None:
        """Raise InvalidValueError unless an attribute has a supported value."""
        if value not in supported:
            known = " or ".join(str(s) for s in supported)
            self.refuse(f"{attribute} {value} is not supported; supported is {known}")


class Value(NamedTuple):
    """An input or output of a model; dimensions that are open are words."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Model:
    """The content of an ONNX file.

    Attributes:
        nodes: in an order in which they can be evaluated.
        constants: by name.
        inputs, outputs: what goes in and comes out.
        opset: version of the operators.
        notes: what the file says besides.
    """

    nodes: Sequence[Node]
    constants: Mapping[str, Array]
    inputs: Sequence[Value]
    outputs: Sequence[Value]
    opset: int
    notes: Mapping[str, str] = field(default_factory=dict)

    def content(self, name: str, *, sealed: bool = False) -> bytes:
        """A file.

        Args:
            name: of the graph.
            sealed: check all shapes, and add a digest that `read` will check.

        Raises:
            InvalidValueError: no valid graph, or one above 2 GB.
        """
        import onnx
        from onnx import checker, helper, numpy_helper

        def info(value: Value) -> Any:
            precision = helper.np_dtype_to_tensor_dtype(value.dtype)
            return helper.make_tensor_value_info(value.name, precision, value.shape)

        graph = helper.make_graph(
            [_proto(node) for node in self.nodes],
            name,
            [info(value) for value in self.inputs],
            [info(value) for value in self.outputs],
            [numpy_helper.from_array(array, key) for key, array in self.constants.items()],
        )
        model = helper.make_model(
            graph,
            producer_name="pyjutrack",
            producer_version=__version__,
            opset_imports=[helper.make_opsetid("", self.opset)],
            ir_version=_FORMAT,
        )
        if self.notes:
            helper.set_model_props(model, dict(self.notes))
        if model.ByteSize() >= _LARGEST:
            size = f"{model.ByteSize() / 1e9:.1f} GB"
            raise InvalidValueError(f"the graph has {size}, and ONNX files at most 2")
        try:
            checker.check_model(model, full_check=sealed)
        except (checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            raise InvalidValueError(f"this makes no valid ONNX graph: {error}") from error
        if sealed:
            model.metadata_props.add(key=DIGEST, value=_digest_of(model))
        content: bytes = model.SerializeToString()
        return content


def read(content: bytes, operators: Container[str]) -> Model:
    """The model of a file, checked as far as can be without running it.

    Args:
        content: of the file.
        operators: those that are understood, in order.

    Raises:
        InvalidValueError: no whole and valid ONNX file, weights in other files, other operators,
            or a digest that does not match.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import checker, helper

    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError) as error:
        raise InvalidValueError(f"it is no whole ONNX file: {error}") from error
    _require_inside(model)
    _require_known(model, operators)
    notes = {p.key: p.value for p in model.metadata_props}
    if DIGEST in notes and notes[DIGEST] != _digest_of(model):
        raise InvalidValueError(
            "it was changed after it was written: its digest does not match; take a fresh copy, or "
            f"remove its metadata entry {DIGEST!r} if another program changed it on purpose"
        )
    try:
        checker.check_model(model, full_check=True)
    except (checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        raise InvalidValueError(f"it is no valid ONNX file: {error}") from error
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    opset = min(versions, default=0)
    if opset < _OLDEST_OPSET:
        raise InvalidValueError(f"its operators are of a version before {_OLDEST_OPSET}")
    constants = {tensor.name: _numbers(tensor) for tensor in model.graph.initializer}

    def value(info: Any) -> Value:
        declared = info.type.tensor_type
        shape = (d.dim_value if d.dim_value > 0 else d.dim_param or "?" for d in declared.shape.dim)
        dtype = helper.tensor_dtype_to_np_dtype(declared.elem_type)
        return Value(info.name, dtype, tuple(shape))

    # old files list their constants among the inputs
    inputs = [value(info) for info in model.graph.input if info.name not in constants]
    outputs = [value(info) for info in model.graph.output]
    return Model([*map(_node, model.graph.node)], constants, inputs, outputs, opset, notes)


def require_package() -> None:
    """Raise MissingPackageError, with the command, where the package onnx is missing."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            'ONNX files need the package onnx: in a clone of pyjutrack, pip install ".[onnx]"'
        ) from error


def _proto(node: Node) -> Any:
    from onnx import helper

    attributes = {k: _precision(v) for k, v in node.attributes.items()}
    found = helper.make_node(
        node.operator, node.inputs, node.outputs, node.name or None, **attributes
    )
    for key, text in node.notes.items():
        found.metadata_props.add(key=key, value=text)
    return found


def _precision(value: Any) -> Any:
    """An attribute as files have it: precisions are numbers there."""
    from onnx import helper

    if isinstance(value, torch.dtype):
        return helper.np_dtype_to_tensor_dtype(torch.empty((), dtype=value).numpy().dtype)
    return value


def _node(proto: Any) -> Node:
    from onnx import TensorProto, helper

    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.decode(errors="replace")
        if isinstance(value, TensorProto):
            return _numbers(value)
        return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value

    return Node(
        proto.op_type,
        proto.name or proto.output[0],
        tuple(proto.input),
        tuple(proto.output),
        {a.name: plain(helper.get_attribute_value(a)) for a in proto.attribute},
        {p.key: p.value for p in proto.metadata_props},
    )


def _numbers(tensor: Any) -> Array:
    from onnx import numpy_helper

    try:
        found: Array = numpy_helper.to_array(tensor)
    except (ValueError, TypeError) as error:
        raise InvalidValueError(f"the numbers of {tensor.name!r} are damaged: {error}") from error
    return found


def _digest_of(model: Any) -> str:
    """SHA-256 of all that decides what a model computes and means here."""
    versions = sorted((o.domain, o.version) for o in model.opset_import)
    graph = model.graph.SerializeToString(deterministic=True)
    stated = next((p.value for p in model.metadata_props if p.key == DESCRIPTION), "")
    return digest(graph, repr(versions).encode(), stated.encode())


def _require_inside(model: Any) -> None:
    """Raise InvalidValueError if weights lie in other files, or are stored sparsely."""
    from onnx import external_data_helper

    for tensor in _tensors(model):
        if external_data_helper.uses_external_data(tensor):
            raise InvalidValueError(
                f"the numbers of {tensor.name!r} lie in another file; save it with all data inside "
                "(torch.onnx.export: external_data=False)"
            )
    if model.graph.sparse_initializer:
        raise InvalidValueError("sparse weights are not supported")


def _tensors(model: Any) -> Iterator[Any]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors


def _require_known(model: Any, operators: Any) -> None:
    """Raise InvalidValueError that names all operators that are not understood."""
    own = {f.name for f in model.functions}
    unknown: dict[str, str] = {}
    for node in model.graph.node:
        here = node.domain in ("", "ai.onnx") and node.op_type not in own
        if not here or node.op_type not in operators:
            unknown.setdefault(node.op_type, node.name or ", ".join(map(str, node.output)))
    if unknown:
        named = ", ".join(f"{operator} (node {name!r})" for operator, name in unknown.items())
        raise InvalidValueError(
            f"operators that are not supported: {named}; supported are {', '.join(operators)}"
        )
