"""Operations without a rule of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from .pushed import Pushed, common


def by_torch_func(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
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
