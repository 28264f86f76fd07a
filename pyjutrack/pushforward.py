"""Forward mode in many directions at once, with little overhead per operation.

A `Pushed` tensor carries tangents beside its value. Compiled operators push them all in one pass
over the particles; the few PyTorch operations that tracking is made of have rules here, and any
other falls back on `torch.func`. It does what `vmap(jvp(...))` of `torch.func` does, and a test
holds it to that; it exists because those transforms cost a millisecond for every operator call,
and because it knows zeros: a knob costs nothing before the beam has reached it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from . import functions

Directions = tuple[int, ...]


class Pushed(Tensor):
    """A tensor with directional derivatives.

    Attributes:
        value: the tensor itself.
        tangent: (K, *value.shape), the derivatives in K directions.
        directions: which these are, ascending; in all others the derivative is zero.
    """

    value: Tensor
    tangent: Tensor
    directions: Directions

    @staticmethod
    def make(value: Tensor, tangent: Tensor, directions: Directions) -> Pushed:
        pushed = value.detach().as_subclass(Pushed)
        pushed.value, pushed.tangent, pushed.directions = value, tangent, directions
        return pushed

    # operators come here at once: PyTorch's dispatch costs as much as the arithmetic
    def __add__(self, other: Any) -> Any:
        return _add(self, other)

    def __radd__(self, other: Any) -> Any:
        return _add(other, self)

    def __sub__(self, other: Any) -> Any:
        return _sub(self, other)

    def __rsub__(self, other: Any) -> Any:
        return _sub(other, self)

    def __mul__(self, other: Any) -> Any:
        return _mul(self, other)

    def __rmul__(self, other: Any) -> Any:
        return _mul(other, self)

    def __truediv__(self, other: Any) -> Any:
        return _div(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _div(other, self)

    def __neg__(self) -> Any:
        return _negative(self)

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


def seeds(parts: Sequence[Tensor]) -> list[Tensor]:
    """Numbers and vectors, each entry pushed in the direction of its own number."""
    found: list[Tensor] = []
    first = 0
    for part in parts:
        size = part.numel()
        own = torch.eye(size, dtype=part.dtype).reshape(size, *part.shape)
        found.append(Pushed.make(part, own, tuple(range(first, first + size))))
        first += size
    return found


def value_of(x: Any) -> Any:
    """The value of a pushed tensor; anything else as it is."""
    return x.value if isinstance(x, Pushed) else x


def through(linear: Callable[[Tensor], Tensor], x: Pushed) -> Pushed:
    """A linear function of a pushed tensor: tangents go through it, in one batch, as the value."""
    return Pushed.make(linear(x.value), linear(x.tangent), x.directions)


def common(xs: Sequence[Any]) -> tuple[Directions, list[Tensor | None]]:
    """All directions that occur in some arguments, and the tangents of each in all of them.

    None stands for the tangents of what is not pushed. No directions: nothing is pushed.
    """
    found = {x.directions for x in xs if isinstance(x, Pushed)}
    union = next(iter(found)) if len(found) == 1 else tuple(sorted(set().union(*found)))
    return union, [along(x, union) if isinstance(x, Pushed) else None for x in xs]


def along(x: Pushed, union: Directions) -> Tensor:
    """The tangents in all of some directions, which must be those of x and may be more."""
    if x.directions == union:
        return x.tangent
    full = x.tangent.new_zeros(len(union), *x.tangent.shape[1:])
    full[[union.index(d) for d in x.directions]] = x.tangent
    return full


def _aligned(tangent: Tensor, dims: int) -> Tensor:
    """Tangents shaped to broadcast against a result of so many dimensions."""
    missing = dims + 1 - tangent.dim()
    if missing <= 0:
        return tangent
    return tangent.reshape(tangent.shape[0], *[1] * missing, *tangent.shape[1:])


def _sum(value: Tensor, union: Directions, terms: Sequence[Tensor | None]) -> Pushed:
    """A value with the sum of some tangents, each broadcast to its shape."""
    given = [_aligned(t, value.dim()) for t in terms if t is not None]
    total = given[0] if len(given) == 1 else given[0] + given[1]
    return _broadcast(value, total, union)


def _broadcast(value: Tensor, tangent: Tensor, directions: Directions) -> Pushed:
    if tangent.dtype != value.dtype:  # a number's precision counts for nothing, its tangent's does
        tangent = tangent.to(value.dtype)
    if tangent.dim() != value.dim() + 1 or tangent.shape[1:] != value.shape:
        tangent = tangent.expand(len(directions), *value.shape)
    return Pushed.make(value, tangent, directions)


def _add(a: Any, b: Any) -> Pushed:
    union, tangents = common((a, b))
    return _sum(value_of(a) + value_of(b), union, tangents)


def _sub(a: Any, b: Any) -> Pushed:
    union, (da, db) = common((a, b))
    return _sum(value_of(a) - value_of(b), union, (da, None if db is None else -db))


def _mul(a: Any, b: Any) -> Pushed:
    union, (da, db) = common((a, b))
    va, vb = value_of(a), value_of(b)
    value = va * vb
    first = None if da is None else _aligned(da, value.dim()) * vb
    if db is None:
        assert first is not None
        return _broadcast(value, first, union)
    db = _aligned(db, value.dim())
    total = db * va if first is None else torch.addcmul(first, db, va)
    return _broadcast(value, total, union)


def _div(a: Any, b: Any) -> Pushed:
    union, (da, db) = common((a, b))
    va, vb = value_of(a), value_of(b)
    value = va / vb
    if db is None:
        assert da is not None
        return _broadcast(value, _aligned(da, value.dim()) / vb, union)
    db = _aligned(db, value.dim())
    above = -(db * value) if da is None else _aligned(da, value.dim()) - db * value
    return _broadcast(value, above / vb, union)


def _negative(a: Any) -> Pushed:
    return Pushed.make(-a.value, -a.tangent, a.directions)


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
        return _by_torch_func(torch.pow, (a, exponent), {})
    slope = exponent * a.value ** (exponent - 1)
    return Pushed.make(a.value**exponent, a.tangent * slope, a.directions)


def _atan2(a: Any, b: Any) -> Pushed:
    union, (da, db) = common((a, b))
    va, vb = value_of(a), value_of(b)
    value = torch.atan2(va, vb)
    square = va * va + vb * vb
    first = None if da is None else _aligned(da, value.dim()) * (vb / square)
    second = None if db is None else _aligned(db, value.dim()) * (-va / square)
    return _sum(value, union, (first, second))


def _where(condition: Any, a: Any, b: Any) -> Any:
    condition, va, vb = value_of(condition), value_of(a), value_of(b)
    union, (da, db) = common((a, b))
    value = torch.where(condition, va, vb)
    if not union:
        return value
    first, second = (0.0 if d is None else _aligned(d, value.dim()) for d in (da, db))
    return _broadcast(value, torch.where(condition, first, second), union)


def _select(a: Any, key: Any) -> Any:
    """An entry of the value, and of every tangent."""
    keys = key if isinstance(key, tuple) else (key,)
    if not isinstance(a, Pushed) or any(isinstance(k, Pushed) for k in keys):
        return _by_torch_func(Tensor.__getitem__, (a, key), {})
    return Pushed.make(a.value[keys], a.tangent[(slice(None), *keys)], a.directions)


def _unsqueeze(a: Any, dim: int) -> Pushed:
    return Pushed.make(
        a.value.unsqueeze(dim), a.tangent.unsqueeze(dim + 1 if dim >= 0 else dim), a.directions
    )


def _series(first: int, w: Tensor) -> Tensor:
    """The Stumpff function c_first for |w| < 1."""
    total = torch.zeros_like(w)
    for j in reversed(range(9)):
        total = 1 / math.factorial(first + 2 * j) - w * total
    return total


def _stumpff(w: Any) -> Any:
    """c_k' = (k c_(k+2) - c_(k+1)) / 2."""
    value = w.value
    c0, c1, c2, c3 = functions.stumpff(value)
    near = value.abs() < 1.0
    small = torch.where(near, value, torch.zeros_like(value))
    far = torch.where(near, torch.ones_like(value), value)
    c4, c5 = (
        torch.where(near, _series(first, small), (1 / math.factorial(first - 2) - c) / far)
        for first, c in ((4, c2), (5, c3))
    )
    slopes = (-c1 / 2, (c3 - c2) / 2, c4 - c3 / 2, (3 * c5 - c4) / 2)
    return tuple(
        Pushed.make(c, w.tangent * slope, w.directions)
        for c, slope in zip((c0, c1, c2, c3), slopes, strict=True)
    )


def _matmul(a: Any, b: Any) -> Any:
    va, vb = value_of(a), value_of(b)
    if va.dim() != 2 or vb.dim() != 2:
        return _by_torch_func(torch.matmul, (a, b), {})
    union, (da, db) = common((a, b))
    first = None if da is None else da @ vb
    second = None if db is None else va @ db
    return _sum(va @ vb, union, (first, second))


def _stack(tensors: Any, dim: int = 0) -> Pushed:
    union, tangents = common(tensors)
    value = torch.stack([value_of(t) for t in tensors], dim)
    rows = [
        t.new_zeros(1).expand(len(union), *t.shape) if d is None else d
        for t, d in zip(tensors, tangents, strict=True)
    ]
    return Pushed.make(value, torch.stack(rows, dim + 1 if dim >= 0 else dim), union)


def _movedim(a: Any, source: int, destination: int) -> Pushed:
    shift = [i + 1 if i >= 0 else i for i in (source, destination)]
    return Pushed.make(
        a.value.movedim(source, destination), a.tangent.movedim(*shift), a.directions
    )


def _total(a: Any, *dim: Any) -> Any:
    """The sum over all, or over one dimension."""
    if len(dim) > 1 or not all(isinstance(d, int) for d in dim):
        return _by_torch_func(Tensor.sum, (a, *dim), {})
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
        return _by_torch_func(Tensor.new_full, (a, size, number), {})
    return a.value.new_full(size, number)


def _by_torch_func(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Any operation, by PyTorch's own rules."""
    leaves, spec = pytree.tree_flatten((args, kwargs))
    pushed = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Pushed)]
    union, tangents = common([leaves[i] for i in pushed])

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

    found = iter(torch.func.vmap(lambda *t: torch.func.jvp(floats, primals, t)[1])(*tangents))
    outputs = [
        Pushed.make(o, next(found), union) if s else o for o, s in zip(outputs, smooth, strict=True)
    ]
    return pytree.tree_unflatten(outputs, out_spec)


def _getter(name: str) -> Any:
    return getattr(Tensor, name).__get__


_RULES: dict[Any, Callable[..., Any]] = {
    Tensor.add: _add,
    Tensor.__add__: _add,
    Tensor.__radd__: lambda a, b: _add(b, a),
    torch.add: _add,
    Tensor.sub: _sub,
    Tensor.__sub__: _sub,
    Tensor.__rsub__: lambda a, b: _sub(b, a),
    torch.sub: _sub,
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
    Tensor.mT.__get__: lambda a, *_: Pushed.make(a.value.mT, a.tangent.mT, a.directions),  # type: ignore[attr-defined]
    Tensor.__neg__: _negative,
    Tensor.neg: _negative,
    torch.neg: _negative,
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
    functions.stumpff: _stumpff,
    Tensor.movedim: _movedim,
    Tensor.sum: _total,
    torch.sum: _total,
    Tensor.contiguous: _contiguous,
    Tensor.unbind: _unbind,
    torch.unbind: _unbind,
    Tensor.to: _to,
    Tensor.new_full: _new_full,
    Tensor.detach: lambda a: a.value.detach(),
    Tensor.dim: lambda a: a.value.dim(),
    Tensor.is_floating_point: lambda a: a.value.is_floating_point(),
    Tensor.__float__: lambda a: float(a.value),
    Tensor.__bool__: lambda a: bool(a.value),
}
for _name in ("shape", "dtype", "device", "ndim", "requires_grad", "layout", "is_leaf", "grad_fn"):
    _RULES[_getter(_name)] = lambda a, *_, name=_name: getattr(a.value, name)
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
        _RULES[getattr(_owner, _name)] = _chain(getattr(torch, _name), _slope)
# what has no derivative, or a zero one, forgets the tangents
_FORGET = ("zeros_like", "ones_like", "full_like", "isfinite", "isnan", "sign")
_COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")


def _forgetful(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: function(*map(value_of, args))


for _name in (*_FORGET, *_COMPARE):
    for _owner in (torch, Tensor):
        if hasattr(_owner, _name):
            _RULES[getattr(_owner, _name)] = _forgetful(getattr(torch, _name))
for _name in _COMPARE:
    _RULES[getattr(Tensor, f"__{_name}__")] = _forgetful(getattr(torch, _name))
