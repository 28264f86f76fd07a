"""The tensors that are part of data, and those on which a result depends."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def tensors_in(data: Any) -> list[Tensor]:
    """All tensors in records, sequences, mappings, modules and closures, each once."""
    return list({id(t): t for t in _tensors(data, {})}.values())


def active(data: Any) -> list[Tensor]:
    """Those that require gradients."""
    return [t for t in tensors_in(data) if t.requires_grad]


def _tensors(data: Any, seen: dict[int, Any]) -> Iterator[Tensor]:
    if isinstance(data, Tensor):
        yield data
        return
    if data is None or isinstance(data, (str, bytes, int, float, complex, type)):
        return
    if id(data) in seen:
        return
    seen[id(data)] = data  # kept alive, so that no other object takes its id meanwhile
    if isinstance(data, torch.nn.Module):
        parts: Any = data.parameters()
    elif dataclasses.is_dataclass(data):
        parts = (getattr(data, f.name) for f in dataclasses.fields(data))
    elif isinstance(data, Mapping):
        parts = data.values()
    elif isinstance(data, (list, tuple, set, frozenset)):
        parts = data
    elif getattr(data, "__closure__", None):
        parts = (cell.cell_contents for cell in data.__closure__)
    else:
        parts = vars(data).values() if hasattr(data, "__dict__") else ()
    for part in parts:
        yield from _tensors(part, seen)


def hidden(ends: Sequence[Tensor], known: Sequence[Tensor]) -> bool:
    """Whether tensors depend on leaves that require gradients, by ways that meet no `known`."""
    stops = {id(t) for t in known} | {id(t.grad_fn) for t in known if t.grad_fn is not None}
    pending = [t.grad_fn for t in ends if t.grad_fn is not None and id(t.grad_fn) not in stops]
    seen = set()
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if leaf is not None and id(leaf) not in stops:
            return True
        pending += [n for n, _ in node.next_functions if n is not None and id(n) not in stops]
    return False
