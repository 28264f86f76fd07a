"""Tensors that carry tangents, and their arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from ..core.errors import InvalidValueError

Directions = tuple[int, ...]
#: of PyTorch's functions and methods; `rules` fills it
RULES: dict[Any, Callable[..., Any]] = {}
#: operations in place whose names do not end with one underscore
_IN_PLACE = {
    "__setitem__",
    *(f"__i{name}__" for name in ("add", "sub", "mul", "truediv", "div", "floordiv", "mod", "pow")),
}


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
        pushed: Pushed = Tensor._make_subclass(Pushed, value)  # detached
        pushed.value, pushed.tangent, pushed.directions = value, tangent, directions
        return pushed

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunctionSubclass():
            rule = RULES.get(func)
            if rule is not None and not kwargs:
                return rule(*args)
            return apply_torch_func(func, args, kwargs)


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


def map_linear(linear: Callable[[Tensor], Tensor], x: Pushed) -> Pushed:
    """Map a pushed tensor by a linear function: its tangents, in one batch, as its value."""
    return Pushed.make(linear(x.value), linear(x.tangent), x.directions)


def collect_tangents(xs: Sequence[Any]) -> tuple[Directions, list[Tensor | None]]:
    """Collect the directions of some arguments, and the tangents of each in all of them.

    None stands for the tangents of what is not pushed. No directions: nothing is pushed.
    """
    found = {x.directions for x in xs if isinstance(x, Pushed)}
    union = next(iter(found)) if len(found) == 1 else tuple(sorted(set().union(*found)))
    return union, [tangents_along(x, union) if isinstance(x, Pushed) else None for x in xs]


def pair_tangents(a: Any, b: Any) -> tuple[Directions, Tensor | None, Tensor | None]:
    """Collect the tangents of two arguments, one of which is pushed at least."""
    if not isinstance(a, Pushed):
        return b.directions, None, b.tangent
    if not isinstance(b, Pushed):
        return a.directions, a.tangent, None
    if a.directions == b.directions:
        return a.directions, a.tangent, b.tangent
    union, (da, db) = collect_tangents((a, b))
    return union, da, db


def tangents_along(x: Pushed, union: Directions) -> Tensor:
    """Return the tangents in some directions, which must include those of x."""
    if x.directions == union:
        return x.tangent
    full = x.tangent.new_zeros(len(union), *x.tangent.shape[1:])
    full[[union.index(d) for d in x.directions]] = x.tangent
    return full


def align(tangent: Tensor, dims: int) -> Tensor:
    """Reshape tangents to broadcast against a result of so many dimensions."""
    missing = dims + 1 - tangent.dim()
    if missing <= 0:
        return tangent
    return tangent.reshape(tangent.shape[0], *[1] * missing, *tangent.shape[1:])


def add_tangents(value: Tensor, union: Directions, terms: Sequence[Tensor | None]) -> Pushed:
    """Push a value by the sum of some tangents, each broadcast to its shape."""
    given = [align(t, value.dim()) for t in terms if t is not None]
    total = given[0] if len(given) == 1 else given[0] + given[1]
    return broadcast(value, total, union)


def broadcast(value: Tensor, tangent: Tensor, directions: Directions) -> Pushed:
    if tangent.dtype != value.dtype:  # a number's precision counts for nothing, its tangent's does
        tangent = tangent.to(value.dtype)
    if tangent.dim() != value.dim() + 1 or tangent.shape[1:] != value.shape:
        tangent = tangent.expand(len(directions), *value.shape)
    return Pushed.make(value, tangent, directions)


def _is_real(x: Any) -> bool:
    """Return whether it is a number of Python, which needs neither broadcasting nor aligning."""
    return isinstance(x, (float, int))


def add(a: Any, b: Any) -> Pushed:
    if _is_real(b):
        return Pushed.make(a.value + b, a.tangent, a.directions)
    if _is_real(a):
        return Pushed.make(a + b.value, b.tangent, b.directions)
    union, *tangents = pair_tangents(a, b)
    return add_tangents(value_of(a) + value_of(b), union, tangents)


def sub(a: Any, b: Any) -> Pushed:
    if _is_real(b):
        return Pushed.make(a.value - b, a.tangent, a.directions)
    if _is_real(a):
        return Pushed.make(a - b.value, -b.tangent, b.directions)
    union, da, db = pair_tangents(a, b)
    value = value_of(a) - value_of(b)
    if da is not None and db is not None and da.dim() == db.dim():
        return broadcast(value, da - db, union)
    return add_tangents(value, union, (da, None if db is None else -db))


def mul(a: Any, b: Any) -> Pushed:
    if _is_real(b):
        return Pushed.make(a.value * b, a.tangent * b, a.directions)
    if _is_real(a):
        return Pushed.make(a * b.value, a * b.tangent, b.directions)
    union, da, db = pair_tangents(a, b)
    va, vb = value_of(a), value_of(b)
    value = va * vb
    first = None if da is None else align(da, value.dim()) * vb
    if db is None:
        assert first is not None
        return broadcast(value, first, union)
    db = align(db, value.dim())
    total = db * va if first is None else torch.addcmul(first, db, va)
    return broadcast(value, total, union)


def div(a: Any, b: Any) -> Pushed:
    if _is_real(b):
        return Pushed.make(a.value / b, a.tangent / b, a.directions)
    union, da, db = pair_tangents(a, b)
    va, vb = value_of(a), value_of(b)
    value = va / vb
    if db is None:
        assert da is not None
        return broadcast(value, align(da, value.dim()) / vb, union)
    db = align(db, value.dim())
    above = -(db * value) if da is None else align(da, value.dim()) - db * value
    return broadcast(value, above / vb, union)


def negative(a: Any) -> Pushed:
    return Pushed.make(-a.value, -a.tangent, a.directions)


def _assign(rule: Callable[[Any, Any], Pushed], a: Pushed, b: Any) -> Pushed:
    """Apply a rule in place: what holds `a` has the result; what `a` was made from stays."""
    found = rule(a, b)
    if found.value.shape != a.value.shape:
        raise InvalidValueError(
            f"an operation in place cannot change the shape {tuple(a.value.shape)} to "
            f"{tuple(found.value.shape)}"
        )
    a.value, a.tangent, a.directions = found.value, found.tangent, found.directions
    return a


# operators come here at once: PyTorch's dispatch costs as much as the arithmetic
Pushed.__neg__ = negative  # type: ignore[assignment]
for _name, _rule in (("add", add), ("sub", sub), ("mul", mul), ("truediv", div)):
    setattr(Pushed, f"__{_name}__", _rule)
    setattr(Pushed, f"__r{_name}__", lambda b, a, rule=_rule: rule(a, b))
    setattr(Pushed, f"__i{_name}__", lambda a, b, rule=_rule: _assign(rule, a, b))


def apply_torch_func(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Apply an operation without a rule of its own, by PyTorch's.

    Raises:
        InvalidValueError: it writes to its arguments, which it would do twice.
    """
    name = getattr(func, "__name__", "")
    in_place = name in _IN_PLACE or (name.endswith("_") and not name.endswith("__"))
    if in_place or "out" in kwargs:
        raise InvalidValueError(
            f"{name} writes to a tensor, which cannot be where forward derivatives go through it: "
            "make a new one, such as a = a + b, torch.where or torch.stack"
        )
    leaves, spec = pytree.tree_flatten((args, kwargs))
    pushed = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Pushed)]
    union, tangents = collect_tangents([leaves[i] for i in pushed])

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
