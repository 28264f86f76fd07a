"""Arithmetic, elementary functions, sums and products of PyTorch in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...core.errors import InvalidValueError
from .rules import Rule, elementwise, integers, number, read, rule
from .trace import Graph, Symbol, shapes_of

# arithmetic


def _arithmetic(operation: str, logical: str = "") -> Rule:
    def rule(graph: Graph, out: Tensor, a: Any, b: Any, alpha: float = 1) -> str:
        assert alpha == 1
        name = logical if logical and out.dtype == torch.bool else operation
        return elementwise(graph, name, out, (a, b), out.dtype)

    return rule


for _name, _operation, _logical in (
    ("add", "Add", "Or"),
    ("sub", "Sub", ""),
    ("mul", "Mul", "And"),
    ("div", "Div", ""),
):
    rule(f"{_name}.Tensor", f"{_name}.Scalar")(_arithmetic(_operation, _logical))


@rule("rsub.Scalar", "rsub.Tensor")
def _(graph: Graph, out: Tensor, a: Any, b: Any, alpha: float = 1) -> str:
    assert alpha == 1
    return elementwise(graph, "Sub", out, (b, a), out.dtype)


@rule("addcmul.default")
def _(graph: Graph, out: Tensor, a: Any, b: Any, c: Any, value: float = 1) -> str:
    product = elementwise(graph, "Mul", out, (b, c), out.dtype)
    if value != 1:
        product = graph.add("Mul", product, number(graph, value, out))
    return graph.add("Add", read(graph, a, out.dtype), product)


@rule("pow.Tensor_Scalar")
def _(graph: Graph, out: Tensor, a: Symbol, power: float) -> str:
    x = read(graph, a, out.dtype)
    return graph.add("Mul", x, x) if power == 2 else graph.add("Pow", x, number(graph, power, out))


def _comparison(operation: str, *, negated: bool = False) -> Rule:
    def rule(graph: Graph, out: Tensor, a: Any, b: Any) -> str:
        found = elementwise(
            graph, operation, out, (a, b), torch.result_type(shapes_of(a), shapes_of(b))
        )
        return graph.add("Not", found) if negated else found

    return rule


for _name, _operation in (
    ("lt", "Less"),
    ("le", "LessOrEqual"),
    ("gt", "Greater"),
    ("ge", "GreaterOrEqual"),
    ("eq", "Equal"),
):
    rule(f"{_name}.Tensor", f"{_name}.Scalar")(_comparison(_operation))
rule("ne.Tensor", "ne.Scalar")(_comparison("Equal", negated=True))
for _name, _operation in (("and", "And"), ("or", "Or"), ("xor", "Xor")):
    rule(f"bitwise_{_name}.Tensor", f"logical_{_name}.default")(_arithmetic(_operation))


@rule("bitwise_not.default", "logical_not.default")
def _(graph: Graph, out: Tensor, a: Symbol) -> str:
    return graph.add("Not", read(graph, a, torch.bool))


@rule("where.self")
def _(graph: Graph, out: Tensor, condition: Tensor, a: Any, b: Any) -> Any:
    if not isinstance(condition, Symbol) and bool((condition == condition.reshape(-1)[0]).all()):
        chosen = a if bool(condition.reshape(-1)[0]) else b
        if isinstance(chosen, Tensor) and chosen.shape == out.shape and chosen.dtype == out.dtype:
            return chosen
    shapes = [u.shape for u in (condition, a, b) if isinstance(u, Symbol)]
    whole = torch.broadcast_shapes(*shapes) != out.shape
    reads = (read(graph, u, out.dtype, whole=whole) for u in (a, b))
    return graph.add("Where", read(graph, condition, torch.bool, whole=whole), *reads)


# elementary functions


def _function(operation: str) -> Rule:
    return lambda graph, out, a: graph.add(operation, read(graph, a, out.dtype))


for _name, _operation in (
    ("neg", "Neg"),
    ("abs", "Abs"),
    ("floor", "Floor"),
    ("sqrt", "Sqrt"),
    ("exp", "Exp"),
    ("sin", "Sin"),
    ("cos", "Cos"),
    ("tanh", "Tanh"),
    ("reciprocal", "Reciprocal"),
):
    rule(f"{_name}.default")(_function(_operation))


@rule("tan.default")
def _(graph: Graph, out: Tensor, a: Symbol) -> str:
    return graph.add("Div", graph.add("Sin", a.label), graph.add("Cos", a.label))


def _hyperbolic(operation: str) -> Rule:
    def rule(graph: Graph, out: Tensor, a: Symbol) -> str:
        up = graph.add("Exp", a.label)
        both = graph.add(operation, up, graph.add("Reciprocal", up))
        return graph.add("Mul", both, number(graph, 0.5, out))

    return rule


rule("cosh.default")(_hyperbolic("Add"))
# for arguments of one and more, as in the Stumpff functions; smaller ones would lose digits
rule("sinh.default")(_hyperbolic("Sub"))


@rule("atan.default")
def _(graph: Graph, out: Tensor, a: Symbol) -> str:
    """Add the small angle d that single precision leaves: tan d = (x c - s)/(c + x s)."""
    single = graph.add("Atan", graph.add("Cast", a.label, to=torch.float32))
    angle = graph.add("Cast", single, to=out.dtype)
    s, c = graph.add("Sin", angle), graph.add("Cos", angle)
    over = graph.add("Sub", graph.add("Mul", a.label, c), s)
    under = graph.add("Add", c, graph.add("Mul", a.label, s))
    return graph.add("Add", angle, graph.add("Div", over, under))


@rule("clamp.default")
def _(graph: Graph, out: Tensor, a: Symbol, low: Any = None, high: Any = None) -> str:
    found = read(graph, a, out.dtype)
    for bound, operation in ((low, "Max"), (high, "Min")):
        if bound is not None:
            found = graph.add(operation, found, number(graph, bound, out))
    return found


# sums and products


def _axes(a: Tensor, dim: Any) -> list[int]:
    dims = range(a.dim()) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim
    return [d % a.dim() for d in dims]


@rule("sum.default", "sum.dim_IntList")
def _(
    graph: Graph, out: Tensor, a: Symbol, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> str:
    axes = integers(graph, _axes(a, dim))
    return graph.add("ReduceSum", read(graph, a, out.dtype), axes, keepdims=int(keepdim))


def _truth(operation: str) -> Rule:
    def rule(graph: Graph, out: Tensor, a: Symbol, dim: Any = None, keepdim: bool = False) -> str:
        axes = integers(graph, _axes(a, dim))
        number = read(graph, a, torch.int64)
        return graph.add(
            "Cast", graph.add(operation, number, axes, keepdims=int(keepdim)), to=torch.bool
        )

    return rule


rule("all.default", "all.dim")(_truth("ReduceMin"))
rule("any.default", "any.dim")(_truth("ReduceMax"))


@rule("mm.default", "bmm.default", "mv.default", "dot.default")
def _(graph: Graph, out: Tensor, a: Any, b: Any) -> str:
    return graph.add("MatMul", read(graph, a, out.dtype), read(graph, b, out.dtype))


@rule("gather.default")
def _(graph: Graph, out: Tensor, a: Any, dim: int, index: Any) -> str:
    reads = read(graph, a, out.dtype), read(graph, index, torch.int64)
    return graph.add("GatherElements", *reads, axis=dim % out.dim())


@rule("scatter_add.default")
def _(graph: Graph, out: Tensor, a: Any, dim: int, index: Any, source: Any) -> str:
    reads = (read(graph, u, out.dtype) for u in (a, source))
    first, last = reads
    middle = read(graph, index, torch.int64)
    return graph.add("ScatterElements", first, middle, last, axis=dim % out.dim(), reduction="add")


@rule("convolution.default")
def _(
    graph: Graph,
    out: Tensor,
    a: Any,
    weight: Any,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> str:
    if out.dtype != torch.float32:
        raise InvalidValueError(
            "no runtime can convolve in double precision; take the network in single, "
            "network.to(torch.float32)"
        )
    shape: dict[str, Any] = {
        "strides": tuple(stride),
        "pads": tuple(padding) * 2,
        "dilations": tuple(dilation),
        "group": groups,
    }
    if transposed:
        shape["output_padding"] = tuple(output_padding)
    reads = [read(graph, u, out.dtype) for u in (a, weight, bias) if u is not None]
    return graph.add("ConvTranspose" if transposed else "Conv", *reads, **shape)
