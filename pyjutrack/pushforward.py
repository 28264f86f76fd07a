"""Forward mode in many directions at once, with little overhead per operation.

A `Pushed` tensor carries K tangents beside its value. Compiled operators push all K in one pass
over the particles; the few PyTorch operations that tracking is made of have rules here, and any
other falls back on `torch.func`. It does what `vmap(jvp(...))` of `torch.func` does, and a test
holds it to that; it exists because those transforms cost a millisecond for every operator call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


class Pushed(Tensor):
    """A tensor with K directional derivatives.

    Attributes:
        value: the tensor itself.
        tangent: (K, *value.shape).
    """

    value: Tensor
    tangent: Tensor

    @staticmethod
    def make(value: Tensor, tangent: Tensor) -> Pushed:
        pushed = value.detach().as_subclass(Pushed)
        pushed.value, pushed.tangent = value, tangent
        return pushed

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunctionSubclass():
            rule = _RULES.get(func)
            if rule is not None and not kwargs:
                return rule(*args)
            return _by_torch_func(func, args, kwargs)


def value_of(x: Any) -> Any:
    """The value of a pushed tensor; anything else as it is."""
    return x.value if isinstance(x, Pushed) else x


def tangent_of(x: Any) -> Tensor | None:
    """The tangents of a pushed tensor, None for anything else."""
    return x.tangent if isinstance(x, Pushed) else None


def directions(*tensors: Any) -> int:
    """K, or 0 where nothing is pushed."""
    return next((t.tangent.shape[0] for t in tensors if isinstance(t, Pushed)), 0)


def _aligned(tangent: Tensor, dims: int) -> Tensor:
    """Tangents shaped to broadcast against a result of so many dimensions."""
    missing = dims + 1 - tangent.dim()
    if missing <= 0:
        return tangent
    return tangent.reshape(tangent.shape[0], *[1] * missing, *tangent.shape[1:])


def _dims(*xs: Any) -> int:
    return max(x.dim() if isinstance(x, Tensor) else 0 for x in xs)


def _linear(sign: float) -> Callable[[Any, Any], Any]:
    def rule(a: Any, b: Any) -> Any:
        va, vb = value_of(a), value_of(b)
        value = va + vb if sign > 0 else va - vb
        da, db = tangent_of(a), tangent_of(b)
        dims = value.dim()
        if db is None:
            assert da is not None
            tangent = _aligned(da, dims)
        elif da is None:
            tangent = _aligned(db if sign > 0 else -db, dims)
        else:
            da, db = _aligned(da, dims), _aligned(db, dims)
            tangent = da + db if sign > 0 else da - db
        return _broadcast(value, tangent)

    return rule


def _broadcast(value: Tensor, tangent: Tensor) -> Pushed:
    return Pushed.make(value, tangent.expand(tangent.shape[0], *value.shape))


def _mul(a: Any, b: Any) -> Any:
    va, vb = value_of(a), value_of(b)
    value = va * vb
    da, db = tangent_of(a), tangent_of(b)
    tangent = None if da is None else _aligned(da, value.dim()) * vb
    if db is not None:
        other = _aligned(db, value.dim()) * va
        tangent = other if tangent is None else tangent + other
    assert tangent is not None
    return _broadcast(value, tangent)


def _div(a: Any, b: Any) -> Any:
    va, vb = value_of(a), value_of(b)
    value = va / vb
    da, db = tangent_of(a), tangent_of(b)
    tangent = None if da is None else _aligned(da, value.dim()) / vb
    if db is not None:
        other = _aligned(db, value.dim()) * (-value / vb)
        tangent = other if tangent is None else tangent + other
    assert tangent is not None
    return _broadcast(value, tangent)


def _matmul(a: Any, b: Any) -> Any:
    if _dims(a) != 2 or _dims(b) != 2:
        return _by_torch_func(torch.matmul, (a, b), {})
    va, vb = value_of(a), value_of(b)
    da, db = tangent_of(a), tangent_of(b)
    tangent = None if da is None else da @ vb
    if db is not None:
        other = va @ db
        tangent = other if tangent is None else tangent + other
    assert tangent is not None
    return Pushed.make(va @ vb, tangent)


def _stack(tensors: Any, dim: int = 0) -> Any:
    value = torch.stack([value_of(t) for t in tensors], dim)
    count = directions(*tensors)
    tangents = [
        t.tangent if isinstance(t, Pushed) else t.new_zeros(1).expand(count, *t.shape)
        for t in tensors
    ]
    return Pushed.make(value, torch.stack(tangents, dim + 1 if dim >= 0 else dim))


def _movedim(a: Any, source: int, destination: int) -> Any:
    shift = [i + 1 if i >= 0 else i for i in (source, destination)]
    return Pushed.make(a.value.movedim(source, destination), a.tangent.movedim(*shift))


def _by_torch_func(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Any operation, by PyTorch's own rules."""
    leaves, spec = pytree.tree_flatten((args, kwargs))
    pushed = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Pushed)]

    def call(*values: Tensor) -> Any:
        full = list(leaves)
        for i, v in zip(pushed, values, strict=True):
            full[i] = v
        full_args, full_kwargs = pytree.tree_unflatten(full, spec)
        return func(*full_args, **full_kwargs)

    primals = tuple(leaves[i].value for i in pushed)
    result = call(*primals)
    outputs, out_spec = pytree.tree_flatten(result)
    smooth = [isinstance(o, Tensor) and o.is_floating_point() for o in outputs]
    if not any(smooth):
        return result

    def floats(*values: Tensor) -> list[Tensor]:
        again, _ = pytree.tree_flatten(call(*values))
        return [o for o, s in zip(again, smooth, strict=True) if s]

    tangents = torch.func.vmap(lambda *t: torch.func.jvp(floats, primals, t)[1])(
        *(leaves[i].tangent for i in pushed)
    )
    found = iter(tangents)
    outputs = [
        Pushed.make(o, next(found)) if s else o for o, s in zip(outputs, smooth, strict=True)
    ]
    return pytree.tree_unflatten(outputs, out_spec)


def _getter(name: str) -> Any:
    return getattr(Tensor, name).__get__


_RULES: dict[Any, Callable[..., Any]] = {
    Tensor.add: _linear(1.0),
    Tensor.__add__: _linear(1.0),
    Tensor.__radd__: lambda a, b: _linear(1.0)(b, a),
    torch.add: _linear(1.0),
    Tensor.sub: _linear(-1.0),
    Tensor.__sub__: _linear(-1.0),
    Tensor.__rsub__: lambda a, b: _linear(-1.0)(b, a),
    torch.sub: _linear(-1.0),
    Tensor.mul: _mul,
    Tensor.__mul__: _mul,
    Tensor.__rmul__: lambda a, b: _mul(b, a),
    torch.mul: _mul,
    Tensor.div: _div,
    Tensor.__truediv__: _div,
    Tensor.__rtruediv__: lambda a, b: _div(b, a),
    torch.div: _div,
    Tensor.matmul: _matmul,
    Tensor.__matmul__: _matmul,
    Tensor.__rmatmul__: lambda a, b: _matmul(b, a),
    torch.matmul: _matmul,
    Tensor.mT.__get__: lambda a, *_: Pushed.make(a.value.mT, a.tangent.mT),  # type: ignore[attr-defined]
    Tensor.__neg__: lambda a: Pushed.make(-a.value, -a.tangent),
    torch.stack: _stack,
    Tensor.movedim: _movedim,
    Tensor.detach: lambda a: a.value.detach(),
    Tensor.dim: lambda a: a.value.dim(),
    Tensor.is_floating_point: lambda a: a.value.is_floating_point(),
    Tensor.__float__: lambda a: float(a.value),
    Tensor.__bool__: lambda a: bool(a.value),
}
for _name in ("shape", "dtype", "device", "ndim", "requires_grad", "layout", "is_leaf", "grad_fn"):
    _RULES[_getter(_name)] = lambda a, *_, name=_name: getattr(a.value, name)
