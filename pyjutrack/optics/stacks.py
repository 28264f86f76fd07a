"""Elements of a kind as one element whose parameters are columns, to be passed all at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core.scalars import is_zero, vanishes
from ..elements import Element


class Stack(NamedTuple):
    """Elements that one call of the map of their kind passes.

    Attributes:
        element: of their kind; parameters that differ are columns (n,), or (..., n) of many
            settings.
        places: where they stand in the lattice.
    """

    element: Element
    places: list[int]


def stacks(elements: Iterable[Element]) -> list[Stack]:
    """Every element of a lattice in a stack.

    Elements stand in one stack if kind, options, lengths of series and the zeros among their
    parameters are the same: maps take other ways at zeros.
    """
    members = list(elements)
    kinds: dict[type[Element], list[int]] = {}
    for place, kind in enumerate(map(type, members)):
        kinds.setdefault(kind, []).append(place)
    found: list[Stack] = []
    for kind, places in kinds.items():
        form = _Form(kind)
        rows = [form.read(members[place]) for place in places]
        if form.have_one_key(rows):
            found += form.stacks(places, rows)
            continue
        groups: dict[Any, list[int]] = {}
        for i, row in enumerate(rows):
            groups.setdefault(form.key(row), []).append(i)
        for group in groups.values():
            found += form.stacks([places[i] for i in group], [rows[i] for i in group])
    # one alone is itself: what changes the momentum of the reference takes no columns
    return [s if len(s.places) > 1 else Stack(members[s.places[0]], s.places) for s in found]


class _Form:
    """The fields of a kind: its scalar knobs, its series, its options."""

    def __init__(self, kind: type[Element]) -> None:
        self.kind = kind
        self.scalars = [k for k in (*kind.knobs, *kind.placement) if k not in kind.series]
        if "length" not in self.scalars:
            self.scalars.append("length")
        self.series = [k for k in kind.series if k in kind.knobs]
        known = {"name", *self.scalars, *self.series}
        self.options = [f.name for f in dataclasses.fields(kind) if f.name not in known]
        self.read: Callable[[Element], tuple[Any, ...]] = attrgetter(
            *self.scalars, *self.series, *self.options
        )
        self.ends = len(self.scalars), len(self.scalars) + len(self.series)

    def key(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        first, last = self.ends
        return row[last:] if first == last else (*map(len, row[first:last]), *row[last:])

    def have_one_key(self, rows: list[tuple[Any, ...]]) -> bool:
        """Return whether all rows have one key: columns are compared faster than rows."""
        first, last = self.ends
        columns = list(zip(*rows, strict=True))[first:]
        lengths = (set(map(len, c)) for c in columns[: last - first])
        return all(len(c) == 1 for c in (*lengths, *map(set, columns[last - first :])))

    def stacks(self, places: list[int], rows: list[tuple[Any, ...]]) -> list[Stack]:
        """Stacks of elements with the same key."""
        first, last = self.ends
        whole = list(zip(*rows, strict=True))
        columns = whole[:first]
        for series in whole[first:last]:
            columns += zip(*series, strict=True)
        # zeros of some and not of others
        mixed = [c for c in columns if len(set(c)) > 1 and len(set(map(_zero, c))) > 1]
        if not mixed:
            return [Stack(self.element(columns, rows[0]), places)]
        parts: dict[tuple[int, ...], list[int]] = {}
        for i, entries in enumerate(zip(*mixed, strict=True)):
            parts.setdefault(tuple(map(_zero, entries)), []).append(i)
        return [
            Stack(
                self.element([[c[i] for i in part] for c in columns], rows[0]),
                [places[i] for i in part],
            )
            for part in parts.values()
        ]

    def element(self, columns: Sequence[Sequence[Any]], row: tuple[Any, ...]) -> Element:
        """An element that was never checked: a column is not what its fields admit."""
        first, last = self.ends
        made = object.__new__(self.kind)
        # one value an element, of each setting: none is left to be spread along particles
        values: dict[str, Any] = {"name": "", "batch": torch.Size()}
        entries = map(column, columns)
        values |= {name: next(entries) for name in self.scalars}
        for name, series in zip(self.series, row[first:last], strict=True):
            values[name] = tuple(next(entries) for _ in series)
        values |= dict(zip(self.options, row[last:], strict=True))
        for name, value in values.items():
            object.__setattr__(made, name, value)
        return made


def _zero(value: Any) -> int:
    """2 for a plain zero, 1 for one that carries a derivative, else 0: maps differ there."""
    return 2 if is_zero(value) else int(vanishes(value))


def column(values: Sequence[Any]) -> float | Tensor:
    """Parameters as a column (n,), of many settings (..., n), or as the float that all are."""
    first = values[0]
    # in a set a tensor is itself; by == it would pass for a float of its value
    if type(first) is float and len(set(values)) == 1:
        return first
    tensors = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
    if not tensors:
        return torch.tensor(values, dtype=torch.float64)
    batch = torch.broadcast_shapes(*(values[i].shape for i in tensors))
    if batch:
        wide = (torch.as_tensor(v, dtype=torch.float64).expand(batch) for v in values)
        return torch.stack(list(wide), -1)
    carried = torch.stack([values[i].to(torch.float64) for i in tensors])
    if len(tensors) == len(values):
        return carried
    plain = torch.tensor([0.0 if isinstance(v, Tensor) else v for v in values], dtype=torch.float64)
    return plain.index_put((torch.tensor(tensors),), carried)
