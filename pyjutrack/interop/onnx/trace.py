"""Functions of tensors as graphs: written down by calling them with tensors that have no value.

What does not depend on those is computed while it is written, and what is the same stands once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.errors import InvalidValueError
from ...core.names import unused_name
from .model import Array, Model, Node, Value

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Graph:
    """Operations in the order of their making, and the constants that they read.

    Attributes:
        rules: by the name of an operation of PyTorch, what writes it down; see `rules.RULES`.
        constants: by name.
    """

    def __init__(
        self, rules: Mapping[str, Callable[..., Any]] = _EMPTY, taken: Iterable[str] = ()
    ) -> None:
        """An empty graph, whose values get other names than those taken."""
        self.rules = rules
        self._taken = set(taken)
        self._nodes: list[Node] = []
        self._made: dict[Any, str] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self.constants: dict[str, Array] = {}

    def input(self, name: str) -> Tensor:
        """A number in double precision that is not known yet."""
        return Symbol.make(self, name, torch.empty((), dtype=torch.float64, device="meta"))

    def add(
        self,
        operation: str,
        *reads: str,
        name: str = "",
        notes: Mapping[str, str] = _EMPTY,
        **attributes: Any,
    ) -> str:
        """The value of an operation; the same one for the same operation."""
        attributes = {k: tuple(v) if isinstance(v, list) else v for k, v in attributes.items()}
        known = tuple(sorted(attributes.items())), tuple(sorted(notes.items()))
        key = (operation, reads, name, known)
        if key not in self._made:
            made = self._made[key] = unused_name(f"v{len(self._nodes)}", self._taken)
            self._nodes.append(Node(operation, name, reads, (made,), attributes, notes))
        return self._made[key]

    def constant(self, array: Array) -> str:
        """A value that is known; the same one for the same array."""
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = self._constants[key] = unused_name(f"c{len(self._constants)}", self._taken)
            self.constants[name] = np.ascontiguousarray(array).reshape(array.shape)
        return self._constants[key]

    def find_needed(self, outputs: Iterable[str]) -> tuple[list[Node], dict[str, Array]]:
        """The operations and constants on which some values depend."""
        wanted, kept = set(outputs), []
        for node in reversed(self._nodes):
            if node.outputs[0] in wanted:
                kept.append(node)
                wanted.update(node.inputs)
        return kept[::-1], {n: c for n, c in self.constants.items() if n in wanted}

    def model(
        self,
        inputs: Sequence[Value],
        outputs: Mapping[Value, str],
        opset: int,
        notes: Mapping[str, str],
    ) -> Model:
        """Return what a file holds: all that the outputs need.

        Args:
            inputs: what goes in, under names that operations read.
            outputs: what comes out, and its name in the graph.
            opset, notes: as of a `Model`.
        """
        nodes, constants = self.find_needed(outputs.values())
        ends = [Node("Identity", "", (name,), (value.name,)) for value, name in outputs.items()]
        return Model([*nodes, *ends], constants, inputs, [*outputs], opset, notes)


class Symbol(Tensor):
    """A tensor without a value, which writes down what is done to it.

    Looking at its numbers raises a RuntimeError, as under the transforms of PyTorch.
    """

    graph: Graph
    #: of the value in the graph
    label: str
    #: see `functions.on_host`
    unseen = True

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def make(graph: Graph, label: str, like: Tensor) -> Symbol:
        """A value of a graph, with the shape and precision of another tensor."""
        symbol: Symbol = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            Symbol, like.shape, dtype=like.dtype, device=torch.device("cpu")
        )
        symbol.graph, symbol.label = graph, label
        return symbol

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Symbol({self.label!r}, {tuple(self.shape)})"

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        name, kwargs = str(func), kwargs or {}
        if name in _LOOKS:
            raise RuntimeError(
                "it depends on a number that is known only when the graph is evaluated"
            )
        graph = next(a.graph for a in _flat(args) if isinstance(a, Symbol))
        if name not in graph.rules:
            raise InvalidValueError(f"{name} has no counterpart in the graph")
        shapes = func(*map(shapes_of, args), **{k: shapes_of(v) for k, v in kwargs.items()})
        found = graph.rules[name](graph, shapes, *args, **kwargs)
        if isinstance(shapes, Tensor):
            return _value(graph, found, shapes)
        return type(shapes)(_value(graph, f, s) for f, s in zip(found, shapes, strict=True))


#: operations that ask for numbers
_LOOKS = ("aten._local_scalar_dense.default", "aten.is_nonzero.default", "aten.equal.default")


def _value(graph: Graph, found: str | Tensor, like: Tensor) -> Tensor:
    return found if isinstance(found, Tensor) else Symbol.make(graph, found, like)


def _flat(args: Any) -> Iterator[Any]:
    for a in args:
        if isinstance(a, (list, tuple)):
            yield from _flat(a)
        else:
            yield a


def shapes_of(arg: Any) -> Any:
    """An argument without numbers: shapes and precisions alone."""
    if isinstance(arg, Tensor):
        return torch.empty(arg.shape, dtype=arg.dtype, device="meta")
    if isinstance(arg, (list, tuple)):
        return type(arg)(map(shapes_of, arg))
    return torch.device("meta") if isinstance(arg, torch.device) else arg
