"""The operations of PyTorch that tracking and readings are made of, as those of ONNX.

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

from ...core.errors import InvalidValueError
from .graph import Graph, Symbol, shapes_of

Rule = Callable[..., Any]
RULES: dict[str, Rule] = {}


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES.update({f"aten.{name}": rule for name in names})
        return rule

    return register


def _read(graph: Graph, arg: Any, dtype: torch.dtype, *, whole: bool = True) -> str:
    """The name of an argument in a precision; constants that are one number may stay one."""
    if isinstance(arg, Symbol):
        return arg.label if arg.dtype == dtype else graph.add("Cast", arg.label, to=dtype)
    tensor = torch.as_tensor(arg, dtype=dtype)
    if not whole and tensor.numel():
        first = tensor.reshape(-1)[0]
        if bool((tensor == first).all()):
            tensor = first
    return graph.constant(tensor.numpy())


def _integers(graph: Graph, numbers: Sequence[int]) -> str:
    return graph.constant(np.array(numbers, dtype=np.int64))


def _elementwise(
    graph: Graph, operation: str, out: Tensor, args: Sequence[Any], dtype: torch.dtype
) -> str:
    """An operation on arguments that are broadcast."""
    shapes = [a.shape for a in args if isinstance(a, Symbol)]
    whole = torch.broadcast_shapes(*shapes) != out.shape
    return graph.add(operation, *(_read(graph, a, dtype, whole=whole) for a in args))


def _number(graph: Graph, value: float, like: Tensor) -> str:
    return _read(graph, value, like.dtype)


# arithmetic


def _arithmetic(operation: str, logical: str = "") -> Rule:
    def rule(graph: Graph, out: Tensor, a: Any, b: Any, alpha: float = 1) -> str:
        assert alpha == 1
        name = logical if logical and out.dtype == torch.bool else operation
        return _elementwise(graph, name, out, (a, b), out.dtype)

    return rule


for _name, _operation, _logical in (
    ("add", "Add", "Or"),
    ("sub", "Sub", ""),
    ("mul", "Mul", "And"),
    ("div", "Div", ""),
):
    _rule(f"{_name}.Tensor", f"{_name}.Scalar")(_arithmetic(_operation, _logical))


@_rule("rsub.Scalar", "rsub.Tensor")
def _(graph: Graph, out: Tensor, a: Any, b: Any, alpha: float = 1) -> str:
    assert alpha == 1
    return _elementwise(graph, "Sub", out, (b, a), out.dtype)


@_rule("pow.Tensor_Scalar")
def _(graph: Graph, out: Tensor, a: Symbol, power: float) -> str:
    x = _read(graph, a, out.dtype)
    return graph.add("Mul", x, x) if power == 2 else graph.add("Pow", x, _number(graph, power, out))


def _comparison(operation: str, *, negated: bool = False) -> Rule:
    def rule(graph: Graph, out: Tensor, a: Any, b: Any) -> str:
        found = _elementwise(
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
    _rule(f"{_name}.Tensor", f"{_name}.Scalar")(_comparison(_operation))
_rule("ne.Tensor", "ne.Scalar")(_comparison("Equal", negated=True))
for _name, _operation in (("and", "And"), ("or", "Or"), ("xor", "Xor")):
    _rule(f"bitwise_{_name}.Tensor", f"logical_{_name}.default")(_arithmetic(_operation))


@_rule("bitwise_not.default", "logical_not.default")
def _(graph: Graph, out: Tensor, a: Symbol) -> str:
    return graph.add("Not", _read(graph, a, torch.bool))


@_rule("where.self")
def _(graph: Graph, out: Tensor, condition: Tensor, a: Any, b: Any) -> Any:
    if not isinstance(condition, Symbol) and bool((condition == condition.reshape(-1)[0]).all()):
        chosen = a if bool(condition.reshape(-1)[0]) else b
        if isinstance(chosen, Tensor) and chosen.shape == out.shape and chosen.dtype == out.dtype:
            return chosen
    shapes = [u.shape for u in (condition, a, b) if isinstance(u, Symbol)]
    whole = torch.broadcast_shapes(*shapes) != out.shape
    reads = (_read(graph, u, out.dtype, whole=whole) for u in (a, b))
    return graph.add("Where", _read(graph, condition, torch.bool, whole=whole), *reads)


# elementary functions


def _function(operation: str) -> Rule:
    return lambda graph, out, a: graph.add(operation, _read(graph, a, out.dtype))


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
    _rule(f"{_name}.default")(_function(_operation))


@_rule("tan.default")
def _(graph: Graph, out: Tensor, a: Symbol) -> str:
    return graph.add("Div", graph.add("Sin", a.label), graph.add("Cos", a.label))


def _hyperbolic(operation: str) -> Rule:
    def rule(graph: Graph, out: Tensor, a: Symbol) -> str:
        up = graph.add("Exp", a.label)
        both = graph.add(operation, up, graph.add("Reciprocal", up))
        return graph.add("Mul", both, _number(graph, 0.5, out))

    return rule


_rule("cosh.default")(_hyperbolic("Add"))
# for arguments of one and more, as in the Stumpff functions; smaller ones would lose digits
_rule("sinh.default")(_hyperbolic("Sub"))


@_rule("atan.default")
def _(graph: Graph, out: Tensor, a: Symbol) -> str:
    """In single precision, and the small angle d that is left: tan d = (x c - s)/(c + x s)."""
    single = graph.add("Atan", graph.add("Cast", a.label, to=torch.float32))
    angle = graph.add("Cast", single, to=out.dtype)
    s, c = graph.add("Sin", angle), graph.add("Cos", angle)
    over = graph.add("Sub", graph.add("Mul", a.label, c), s)
    under = graph.add("Add", c, graph.add("Mul", a.label, s))
    return graph.add("Add", angle, graph.add("Div", over, under))


@_rule("clamp.default")
def _(graph: Graph, out: Tensor, a: Symbol, low: Any = None, high: Any = None) -> str:
    found = _read(graph, a, out.dtype)
    for bound, operation in ((low, "Max"), (high, "Min")):
        if bound is not None:
            found = graph.add(operation, found, _number(graph, bound, out))
    return found


# sums and products


def _axes(a: Tensor, dim: Any) -> list[int]:
    dims = range(a.dim()) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim
    return [d % a.dim() for d in dims]


@_rule("sum.default", "sum.dim_IntList")
def _(
    graph: Graph, out: Tensor, a: Symbol, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> str:
    axes = _integers(graph, _axes(a, dim))
    return graph.add("ReduceSum", _read(graph, a, out.dtype), axes, keepdims=int(keepdim))


def _truth(operation: str) -> Rule:
    def rule(graph: Graph, out: Tensor, a: Symbol, dim: Any = None, keepdim: bool = False) -> str:
        axes = _integers(graph, _axes(a, dim))
        number = _read(graph, a, torch.int64)
        return graph.add(
            "Cast", graph.add(operation, number, axes, keepdims=int(keepdim)), to=torch.bool
        )

    return rule


_rule("all.default", "all.dim")(_truth("ReduceMin"))
_rule("any.default", "any.dim")(_truth("ReduceMax"))


@_rule("mm.default", "bmm.default", "mv.default", "dot.default")
def _(graph: Graph, out: Tensor, a: Any, b: Any) -> str:
    return graph.add("MatMul", _read(graph, a, out.dtype), _read(graph, b, out.dtype))


@_rule("gather.default")
def _(graph: Graph, out: Tensor, a: Any, dim: int, index: Any) -> str:
    reads = _read(graph, a, out.dtype), _read(graph, index, torch.int64)
    return graph.add("GatherElements", *reads, axis=dim % out.dim())


@_rule("scatter_add.default")
def _(graph: Graph, out: Tensor, a: Any, dim: int, index: Any, source: Any) -> str:
    reads = (_read(graph, u, out.dtype) for u in (a, source))
    first, last = reads
    middle = _read(graph, index, torch.int64)
    return graph.add("ScatterElements", first, middle, last, axis=dim % out.dim(), reduction="add")


@_rule("convolution.default")
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
    shape = {
        "strides": tuple(stride),
        "pads": tuple(padding) * 2,
        "dilations": tuple(dilation),
        "group": groups,
    }
    if transposed:
        shape["output_padding"] = tuple(output_padding)
    reads = [_read(graph, u, out.dtype) for u in (a, weight, bias) if u is not None]
    return graph.add("ConvTranspose" if transposed else "Conv", *reads, **shape)


# shapes


@_rule("detach.default", "alias.default", "clone.default", "lift_fresh_copy.default")
@_rule("contiguous.default")
def _(graph: Graph, out: Tensor, a: Symbol, **options: Any) -> str:
    return a.label


@_rule("_to_copy.default")
def _(graph: Graph, out: Tensor, a: Symbol, **options: Any) -> str:
    return _read(graph, a, out.dtype)


@_rule("view.default", "_unsafe_view.default", "unsqueeze.default")
@_rule("squeeze.dim", "squeeze.dims", "squeeze.default")
def _(graph: Graph, out: Tensor, a: Symbol, *options: Any) -> str:
    return a.label if out.shape == a.shape else _reshaped(graph, a.label, out)


def _reshaped(graph: Graph, name: str, out: Tensor) -> str:
    return graph.add("Reshape", name, _integers(graph, out.shape))


@_rule("expand.default")
def _(graph: Graph, out: Tensor, a: Symbol, *options: Any, **more: Any) -> str:
    if out.shape == a.shape:
        return a.label
    return graph.add("Expand", a.label, _integers(graph, out.shape))


@_rule("transpose.int")
def _(graph: Graph, out: Tensor, a: Symbol, one: int, other: int) -> str:
    order = list(range(a.dim()))
    order[one], order[other] = order[other], order[one]
    return graph.add("Transpose", a.label, perm=tuple(order))


@_rule("permute.default")
def _(graph: Graph, out: Tensor, a: Symbol, order: Sequence[int]) -> str:
    return graph.add("Transpose", a.label, perm=tuple(d % a.dim() for d in order))


@_rule("select.int")
def _(graph: Graph, out: Tensor, a: Symbol, dim: int, index: int) -> str:
    return _reshaped(graph, _sliced(graph, a, dim, index, index + 1 or a.shape[dim]), out)


@_rule("unbind.int")
def _(graph: Graph, outs: Sequence[Tensor], a: Symbol, dim: int = 0) -> list[str]:
    return [_reshaped(graph, _sliced(graph, a, dim, i, i + 1), out) for i, out in enumerate(outs)]


@_rule("slice.Tensor")
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
    return _sliced(graph, a, dim, start or 0, a.shape[dim] if end is None else end, step)


def _sliced(graph: Graph, a: Symbol, dim: int, start: int, end: int, step: int = 1) -> str:
    whole = [[start], [min(end, a.shape[dim])], [dim % a.dim()], [step]]
    return graph.add("Slice", a.label, *(_integers(graph, numbers) for numbers in whole))


@_rule("flip.default")
def _(graph: Graph, out: Tensor, a: Symbol, dims: Sequence[int]) -> str:
    axes = [d % a.dim() for d in dims]
    back = [-1] * len(axes), [-(2**62)] * len(axes), axes, [-1] * len(axes)
    return graph.add("Slice", a.label, *(_integers(graph, numbers) for numbers in back))


@_rule("cat.default")
def _(graph: Graph, out: Tensor, parts: Sequence[Any], dim: int = 0) -> str:
    reads = [_read(graph, p, out.dtype) for p in parts]
    return graph.add("Concat", *reads, axis=dim % out.dim())


@_rule("stack.default")
def _(graph: Graph, out: Tensor, parts: Sequence[Any], dim: int = 0) -> str:
    dim %= out.dim()
    thin = torch.empty([1 if d == dim else n for d, n in enumerate(out.shape)], device="meta")
    reads = [_reshaped(graph, _read(graph, p, out.dtype), thin) for p in parts]
    return graph.add("Concat", *reads, axis=dim)


@_rule("constant_pad_nd.default")
def _(graph: Graph, out: Tensor, a: Symbol, pad: Sequence[int], value: float = 0) -> str:
    pairs = [(0, 0)] * (a.dim() - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    sides = _integers(graph, [p[0] for p in pairs] + [p[1] for p in pairs])
    return graph.add("Pad", a.label, sides, _number(graph, value, out))


# what is known although its shape is that of something unknown


def _filled(value: float) -> Rule:
    return lambda graph, out, *args, **options: _full(out, value)


for _name in ("zeros_like", "new_zeros"):
    _rule(f"{_name}.default")(_filled(0.0))
for _name in ("ones_like", "new_ones"):
    _rule(f"{_name}.default")(_filled(1.0))


@_rule("full_like.default")
def _(graph: Graph, out: Tensor, a: Symbol, value: float, **options: Any) -> Tensor:
    return _full(out, value)


@_rule("new_full.default")
def _(graph: Graph, out: Tensor, a: Symbol, size: Any, value: float, **options: Any) -> Tensor:
    return _full(out, value)


def _full(like: Tensor, value: float) -> Tensor:
    return torch.full(like.shape, value, dtype=like.dtype)
