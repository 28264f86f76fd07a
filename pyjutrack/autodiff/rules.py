"""Rules by which PyTorch's operations push tangents forward: those that tracking uses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..core import special
from .dual import (
    RULES,
    Pushed,
    add,
    add_tangents,
    align,
    apply_torch_func,
    broadcast,
    collect_tangents,
    div,
    mul,
    negative,
    sub,
    value_of,
)


def _chain(
    function: Callable[[Tensor], Tensor], slope: Callable[[Tensor, Tensor], Tensor]
) -> Callable[[Any], Pushed]:
    """The rule of a function of one number; its slope is given by (argument, value)."""

    def rule(a: Any) -> Pushed:
        value = function(a.value)
        return Pushed.make(value, a.tangent * slope(a.value, value), a.directions)

    return rule


def _power(a: Any, exponent: Any) -> Any:
    if not isinstance(a, Pushed) or isinstance(exponent, Tensor):
        return apply_torch_func(torch.pow, (a, exponent), {})
    slope = exponent * a.value ** (exponent - 1)
    return Pushed.make(a.value**exponent, a.tangent * slope, a.directions)


def _atan2(a: Any, b: Any) -> Pushed:
    union, (da, db) = collect_tangents((a, b))
    va, vb = value_of(a), value_of(b)
    value = torch.atan2(va, vb)
    square = va * va + vb * vb
    first = None if da is None else align(da, value.dim()) * (vb / square)
    second = None if db is None else align(db, value.dim()) * (-va / square)
    return add_tangents(value, union, (first, second))


def _where(condition: Any, a: Any, b: Any) -> Any:
    condition, va, vb = value_of(condition), value_of(a), value_of(b)
    union, (da, db) = collect_tangents((a, b))
    value = torch.where(condition, va, vb)
    if not union:
        return value
    first, second = (0.0 if d is None else align(d, value.dim()) for d in (da, db))
    return broadcast(value, torch.where(condition, first, second), union)


def _select(a: Any, key: Any) -> Any:
    """An entry of the value, and of every tangent."""
    keys = key if isinstance(key, tuple) else (key,)
    if not isinstance(a, Pushed) or any(isinstance(k, Pushed) for k in keys):
        return apply_torch_func(Tensor.__getitem__, (a, key), {})
    return Pushed.make(a.value[keys], a.tangent[(slice(None), *keys)], a.directions)


def _unsqueeze(a: Any, dim: int) -> Pushed:
    return Pushed.make(
        a.value.unsqueeze(dim), a.tangent.unsqueeze(dim + 1 if dim >= 0 else dim), a.directions
    )


def _stumpff(w: Any) -> Any:
    """c_k' = (k c_(k+2) - c_(k+1)) / 2."""
    c0, c1, c2, c3, c4, c5 = special.stumpffs(w.value, 6)
    slopes = (-c1 / 2, (c3 - c2) / 2, c4 - c3 / 2, (3 * c5 - c4) / 2)
    return tuple(
        Pushed.make(c, w.tangent * slope, w.directions)
        for c, slope in zip((c0, c1, c2, c3), slopes, strict=True)
    )


def _matmul(a: Any, b: Any) -> Any:
    va, vb = value_of(a), value_of(b)
    if va.dim() != 2 or vb.dim() != 2:
        return apply_torch_func(torch.matmul, (a, b), {})
    union, (da, db) = collect_tangents((a, b))
    first = None if da is None else da @ vb
    second = None if db is None else va @ db
    return add_tangents(va @ vb, union, (first, second))


def _stack(tensors: Any, dim: int = 0) -> Pushed:
    union, tangents = collect_tangents(tensors)
    value = torch.stack([value_of(t) for t in tensors], dim)
    rows = [
        t.new_zeros(1).expand(len(union), *t.shape) if d is None else d
        for t, d in zip(tensors, tangents, strict=True)
    ]
    return Pushed.make(value, torch.stack(rows, dim + 1 if dim >= 0 else dim), union)


def _cat(tensors: Any, dim: int = 0) -> Pushed:
    union, tangents = collect_tangents(tensors)
    values = [value_of(t) for t in tensors]
    rows = [
        v.new_zeros(1).expand(len(union), *v.shape) if d is None else d
        for v, d in zip(values, tangents, strict=True)
    ]
    return Pushed.make(torch.cat(values, dim), torch.cat(rows, dim + 1 if dim >= 0 else dim), union)


def _movedim(a: Any, source: Any, destination: Any) -> Pushed:
    dims = [(d,) if isinstance(d, int) else tuple(d) for d in (source, destination)]
    shift = [[i + 1 if i >= 0 else i for i in d] for d in dims]
    return Pushed.make(
        a.value.movedim(source, destination), a.tangent.movedim(*shift), a.directions
    )


def _reshape(a: Any, *shape: Any) -> Pushed:
    value = a.value.reshape(*shape)
    return Pushed.make(value, a.tangent.reshape(len(a.directions), *value.shape), a.directions)


def _total(a: Any, *dim: Any) -> Any:
    """The sum over all, or over one dimension."""
    if len(dim) > 1 or not all(isinstance(d, int) for d in dim):
        return apply_torch_func(Tensor.sum, (a, *dim), {})
    axis = [d + 1 if d >= 0 else d for d in dim] or list(range(1, a.tangent.dim()))
    tangent = a.tangent.sum(axis) if axis else a.tangent
    return Pushed.make(a.value.sum(*dim), tangent, a.directions)


def _contiguous(a: Any) -> Pushed:
    return Pushed.make(a.value.contiguous(), a.tangent.contiguous(), a.directions)


def _unbind(a: Any, dim: int = 0) -> Any:
    tangents = a.tangent.unbind(dim + 1 if dim >= 0 else dim)
    return tuple(
        Pushed.make(v, t, a.directions) for v, t in zip(a.value.unbind(dim), tangents, strict=True)
    )


def _to(a: Any, *form: Any) -> Any:
    form = tuple(map(value_of, form))
    value = value_of(a).to(*form)
    if not isinstance(a, Pushed) or not value.is_floating_point():
        return value
    return Pushed.make(value, a.tangent.to(*form), a.directions)


def _new_full(a: Any, size: Any, number: Any) -> Any:
    if isinstance(number, Pushed):
        return apply_torch_func(Tensor.new_full, (a, size, number), {})
    return a.value.new_full(size, number)


def _along_last(function: Callable[..., Tensor]) -> Callable[..., Pushed]:
    """The rule of a linear function of the last dimension."""
    return lambda a, *size: Pushed.make(
        function(a.value, *size), function(a.tangent, *size), a.directions
    )


def _getter(name: str) -> Any:
    return getattr(Tensor, name).__get__


RULES |= {
    Tensor.mT.__get__: lambda a, *_: Pushed.make(a.value.mT, a.tangent.mT, a.directions),  # type: ignore[attr-defined]
    Tensor.__neg__: negative,
    Tensor.neg: negative,
    torch.neg: negative,
    Tensor.pow: _power,
    Tensor.__pow__: _power,
    torch.pow: _power,
    Tensor.atan2: _atan2,
    torch.atan2: _atan2,
    torch.where: _where,
    Tensor.__getitem__: _select,
    Tensor.unsqueeze: _unsqueeze,
    torch.unsqueeze: _unsqueeze,
    torch.stack: _stack,
    torch.cat: _cat,
    special.stumpff: _stumpff,
    Tensor.movedim: _movedim,
    Tensor.reshape: _reshape,
    torch.reshape: _reshape,
    Tensor.sum: _total,
    torch.sum: _total,
    Tensor.contiguous: _contiguous,
    Tensor.unbind: _unbind,
    torch.unbind: _unbind,
    Tensor.to: _to,
    Tensor.new_full: _new_full,
    torch.fft.rfft: _along_last(torch.fft.rfft),
    torch.fft.irfft: _along_last(torch.fft.irfft),
    Tensor.detach: lambda a: a.value.detach(),
    Tensor.dim: lambda a: a.value.dim(),
    Tensor.is_floating_point: lambda a: a.value.is_floating_point(),
    Tensor.__float__: lambda a: float(a.value),
    Tensor.__bool__: lambda a: bool(a.value),
}
for _name, _rule in (("add", add), ("sub", sub), ("mul", mul), ("div", div), ("matmul", _matmul)):
    _sign = "truediv" if _name == "div" else _name
    RULES |= dict.fromkeys(
        (getattr(torch, _name), getattr(Tensor, _name), getattr(Tensor, f"__{_sign}__")), _rule
    )
    RULES[getattr(Tensor, f"__r{_sign}__")] = lambda a, b, rule=_rule: rule(b, a)
for _name in ("shape", "dtype", "device", "ndim", "requires_grad", "layout", "is_leaf", "grad_fn"):
    RULES[_getter(_name)] = lambda a, *_, name=_name: getattr(a.value, name)
_SLOPES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sqrt": lambda a, f: 0.5 / f,
    "abs": lambda a, f: a.sign(),
    "exp": lambda a, f: f,
    "log": lambda a, f: 1 / a,
    "sin": lambda a, f: a.cos(),
    "cos": lambda a, f: -a.sin(),
    "tan": lambda a, f: 1 + f * f,
    "sinh": lambda a, f: a.cosh(),
    "cosh": lambda a, f: a.sinh(),
    "tanh": lambda a, f: 1 - f * f,
    "asin": lambda a, f: 1 / (1 - a * a).sqrt(),
    "acos": lambda a, f: -1 / (1 - a * a).sqrt(),
    "atan": lambda a, f: 1 / (1 + a * a),
    "erfc": lambda a, f: -2 / math.sqrt(math.pi) * (-a * a).exp(),
    "square": lambda a, f: 2 * a,
    "clone": lambda a, f: torch.ones_like(a),
}
for _name, _slope in _SLOPES.items():
    for _owner in (torch, Tensor):
        RULES[getattr(_owner, _name)] = _chain(getattr(torch, _name), _slope)
# what has no derivative, or a zero one, forgets the tangents
_FORGET = ("zeros_like", "ones_like", "full_like", "isfinite", "isnan", "sign")
_COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")


def _forgetful(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: function(*map(value_of, args))


for _name in (*_FORGET, *_COMPARE):
    for _owner in (torch, Tensor):
        if hasattr(_owner, _name):
            RULES[getattr(_owner, _name)] = _forgetful(getattr(torch, _name))
for _name in _COMPARE:
    RULES[getattr(Tensor, f"__{_name}__")] = _forgetful(getattr(torch, _name))
