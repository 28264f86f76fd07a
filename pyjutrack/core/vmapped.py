"""The tensors that `torch.func.vmap` runs over, as they are outside of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

# private, as all that PyTorch has of it
_functorch: Any = torch._C._functorch


def running_vmap() -> int | None:
    """Return the level of the innermost transform that runs, where that is a `vmap`."""
    top = _functorch.peek_interpreter_stack()
    if top is None or top.key() != _functorch.TransformType.Vmap:
        return None
    level: int = top.level()
    return level


def is_mapped(tensor: Tensor, level: int) -> bool:
    """Return whether the `vmap` of a level runs over a tensor."""
    mapped = _functorch.is_batchedtensor(tensor) and _functorch.maybe_get_level(tensor) == level
    return bool(mapped)


def unwrap(tensor: Tensor, level: int) -> Tensor:
    """A tensor that is mapped with the calls as its first dimension; for use in `outside`."""
    value, dim = _functorch._unwrap_batched(tensor, level)
    found: Tensor = value.movedim(dim, 0)
    return found


def wrap(tensor: Tensor, level: int) -> Tensor:
    """A tensor whose first dimension are the calls of a `vmap`, as each of these sees it."""
    found: Tensor = _functorch._add_batch_dim(tensor, 0, level)
    return found


@contextmanager
def outside() -> Iterator[None]:
    """Compute outside of the innermost transform."""
    top = _functorch.pop_dynamic_layer_stack()
    try:
        yield
    finally:
        _functorch.push_dynamic_layer_stack(top)
