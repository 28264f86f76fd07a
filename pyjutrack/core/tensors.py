"""The tensors that are part of data, and those on which a result depends."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor


def tensor_copy(value: Any) -> Tensor:
    """A tensor of numbers that are given, a copy where they are no tensor, of any strides."""
    return value if isinstance(value, Tensor) else torch.from_numpy(np.array(value, order="C"))


def tensors_in(data: Any) -> list[Tensor]:
    """All tensors in records, sequences, mappings, modules and closures, each once."""
    return list({id(t): t for t in _tensors(data, {})}.values())


def active(data: Any) -> list[Tensor]:
    """Select those that require gradients."""
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
        parts: Any = (*data.parameters(), *data.buffers())
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


def has_hidden_leaf(ends: Sequence[Tensor], known: Sequence[Tensor]) -> bool:
    """Return whether tensors depend on leaves that require gradients other than through `known`."""
    stops = {id(t) for t in known} | {id(t.grad_fn) for t in known if t.grad_fn is not None}
    starts = [t.grad_fn for t in ends if t.grad_fn is not None and id(t.grad_fn) not in stops]
    leaves = (getattr(node, "variable", None) for node in _nodes(starts, stops))
    return any(leaf is not None and id(leaf) not in stops for leaf in leaves)


def are_dependent(parameters: Sequence[Tensor]) -> bool:
    """Return whether one of some tensors was computed from another of them."""
    results = {t.grad_fn for t in parameters if t.grad_fn is not None}
    leaves = {id(t) for t in parameters if t.is_leaf}
    starts = [n for node in results for n, _ in node.next_functions if n is not None]
    return any(
        node in results or id(getattr(node, "variable", None)) in leaves for node in _nodes(starts)
    )


def _nodes(starts: Sequence[Any], stops: Container[int] = ()) -> Iterator[Any]:
    """Each node of a graph of autograd that is reached from some, `stops` by id left out."""
    pending, seen = list(starts), set()
    while pending:
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            yield node
            pending += [n for n, _ in node.next_functions if n is not None and id(n) not in stops]


def replace_tensors(data: Any, changes: Mapping[int, Tensor]) -> Any:
    """Replace some tensors, found by their id, in records, sequences and mappings."""
    if isinstance(data, Tensor):
        return changes.get(id(data), data)
    if isinstance(data, (list, tuple)):
        parts = [replace_tensors(part, changes) for part in data]
        if all(new is old for new, old in zip(parts, data, strict=True)):
            return data
        return type(data)(*parts) if hasattr(data, "_fields") else type(data)(parts)
    if isinstance(data, Mapping):
        named = {name: replace_tensors(part, changes) for name, part in data.items()}
        return named if any(named[name] is not data[name] for name in named) else data
    if not dataclasses.is_dataclass(data) or isinstance(data, type):
        return data
    found = {f.name: getattr(data, f.name) for f in dataclasses.fields(data) if f.init}
    new = {name: replace_tensors(part, changes) for name, part in found.items()}
    new = {name: part for name, part in new.items() if part is not found[name]}
    return dataclasses.replace(data, **new) if new else data
