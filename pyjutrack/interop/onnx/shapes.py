"""Shapes, parts and constants of PyTorch in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .rules import Rule, integers, number, read, rule
from .trace import Graph, Symbol

# shapes


@rule("detach.default", "alias.default", "clone.default", "lift_fresh_copy.default")
@rule("contiguous.default")
def _(graph: Graph, out: Tensor, a: Symbol, **options: Any) -> str:
    return a.label


@rule("_to_copy.default")
def _(graph: Graph, out: Tensor, a: Symbol, **options: Any) -> str:
    return read(graph, a, out.dtype)


@rule("view.default", "_unsafe_view.default", "unsqueeze.default")
@rule("squeeze.dim", "squeeze.dims", "squeeze.default")
def _(graph: Graph, out: Tensor, a: Symbol, *options: Any) -> str:
    return a.label if out.shape == a.shape else _reshape(graph, a.label, out)


def _reshape(graph: Graph, name: str, out: Tensor) -> str:
    return graph.add("Reshape", name, integers(graph, out.shape))


@rule("expand.default")
def _(graph: Graph, out: Tensor, a: Symbol, *options: Any, **more: Any) -> str:
    if out.shape == a.shape:
        return a.label
    return graph.add("Expand", a.label, integers(graph, out.shape))


@rule("transpose.int")
def _(graph: Graph, out: Tensor, a: Symbol, one: int, other: int) -> str:
    order = list(range(a.dim()))
    order[one], order[other] = order[other], order[one]
    return graph.add("Transpose", a.label, perm=tuple(order))


@rule("permute.default")
def _(graph: Graph, out: Tensor, a: Symbol, order: Sequence[int]) -> str:
    return graph.add("Transpose", a.label, perm=tuple(d % a.dim() for d in order))


@rule("select.int")
def _(graph: Graph, out: Tensor, a: Symbol, dim: int, index: int) -> str:
    return _reshape(graph, _slice(graph, a, dim, index, index + 1 or a.shape[dim]), out)


@rule("unbind.int")
def _(graph: Graph, outs: Sequence[Tensor], a: Symbol, dim: int = 0) -> list[str]:
    return [_reshape(graph, _slice(graph, a, dim, i, i + 1), out) for i, out in enumerate(outs)]


@rule("slice.Tensor")
def _(
    graph: Graph,
    out: Tensor,
    a: Symbol,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: int = 1,
) -> str:
    if out.shape == a.shape:
        return a.label
    return _slice(graph, a, dim, start or 0, a.shape[dim] if end is None else end, step)


def _slice(graph: Graph, a: Symbol, dim: int, start: int, end: int, step: int = 1) -> str:
    whole = [[start], [min(end, a.shape[dim])], [dim % a.dim()], [step]]
    return graph.add("Slice", a.label, *(integers(graph, numbers) for numbers in whole))


@rule("flip.default")
def _(graph: Graph, out: Tensor, a: Symbol, dims: Sequence[int]) -> str:
    axes = [d % a.dim() for d in dims]
    back = [-1] * len(axes), [-(2**62)] * len(axes), axes, [-1] * len(axes)
    return graph.add("Slice", a.label, *(integers(graph, numbers) for numbers in back))


@rule("cat.default")
def _(graph: Graph, out: Tensor, parts: Sequence[Any], dim: int = 0) -> str:
    reads = [read(graph, p, out.dtype) for p in parts]
    return graph.add("Concat", *reads, axis=dim % out.dim())


@rule("stack.default")
def _(graph: Graph, out: Tensor, parts: Sequence[Any], dim: int = 0) -> str:
    dim %= out.dim()
    thin = torch.empty([1 if d == dim else n for d, n in enumerate(out.shape)], device="meta")
    reads = [_reshape(graph, read(graph, p, out.dtype), thin) for p in parts]
    return graph.add("Concat", *reads, axis=dim)


@rule("constant_pad_nd.default")
def _(graph: Graph, out: Tensor, a: Symbol, pad: Sequence[int], value: float = 0) -> str:
    pairs = [(0, 0)] * (a.dim() - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    sides = integers(graph, [p[0] for p in pairs] + [p[1] for p in pairs])
    return graph.add("Pad", a.label, sides, number(graph, value, out))


# what is known although its shape is that of something unknown


def _fill(value: float) -> Rule:
    return lambda graph, out, *args, **options: _full(out, value)


for _name in ("zeros_like", "new_zeros"):
    rule(f"{_name}.default")(_fill(0.0))
for _name in ("ones_like", "new_ones"):
    rule(f"{_name}.default")(_fill(1.0))


@rule("full_like.default")
def _(graph: Graph, out: Tensor, a: Symbol, value: float, **options: Any) -> Tensor:
    return _full(out, value)


@rule("new_full.default")
def _(graph: Graph, out: Tensor, a: Symbol, size: Any, value: float, **options: Any) -> Tensor:
    return _full(out, value)


def _full(like: Tensor, value: float) -> Tensor:
    return torch.full(like.shape, value, dtype=like.dtype)
