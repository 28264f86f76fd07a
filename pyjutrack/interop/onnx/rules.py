"""Common parts of the rules that turn operations of PyTorch into those of ONNX.

A rule takes the graph, the shape and precision of what is to be made, and the arguments of the
operation; it returns the name of a value, or a tensor where the value is known after all. Runtimes
have few of the elementary functions in double precision; the others are made of those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.registry import refuse_taken
from .trace import Graph, Symbol

Rule = Callable[..., Any]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        for name in names:
            refuse_taken("rule of ONNX", name, rule, RULES.get(f"aten.{name}"))
        RULES.update({f"aten.{name}": rule for name in names})
        return rule

    return register


def read(graph: Graph, arg: Any, dtype: torch.dtype, *, whole: bool = True) -> str:
    """The name of an argument in a precision; constants that are one number may stay one."""
    if isinstance(arg, Symbol):
        return arg.label if arg.dtype == dtype else graph.add("Cast", arg.label, to=dtype)
    tensor = torch.as_tensor(arg, dtype=dtype)
    if not whole and tensor.numel():
        first = tensor.reshape(-1)[0]
        if bool((tensor == first).all()):
            tensor = first
    return graph.constant(tensor.numpy())


def integers(graph: Graph, numbers: Sequence[int]) -> str:
    return graph.constant(np.array(numbers, dtype=np.int64))


def elementwise(
    graph: Graph, operation: str, out: Tensor, args: Sequence[Any], dtype: torch.dtype
) -> str:
    """An operation on arguments that are broadcast."""
    shapes = [a.shape for a in args if isinstance(a, Symbol)]
    whole = torch.broadcast_shapes(*shapes) != out.shape
    return graph.add(operation, *(read(graph, a, dtype, whole=whole) for a in args))


def number(graph: Graph, value: float, like: Tensor) -> str:
    return read(graph, value, like.dtype)
