"""Elements with some of their parameters replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..core.errors import require_known
from ..core.scalars import Number, to_float
from ..core.settings import without_derivatives
from ..elements import Element


def same(a: Any, b: Any) -> bool:
    """Return whether two parameters have one value."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Tensor) and a.dim():
        return a is b or torch.equal(a.detach(), b.detach())
    return a is b or to_float(a) == to_float(b)


def detach(of: Any) -> tuple[list[Element], dict[str, Number], Any]:
    """Elements, variables and expressions of a lattice with numbers in the place of tensors."""
    variables = {name: without_derivatives(value) for name, value in of.variables.items()}
    return [*map(_as_numbers, of.elements)], variables, of.expressions


def _as_numbers(element: Element) -> Element:
    """The element with plain numbers in the place of tensors."""
    changes: dict[str, Any] = {}
    if not element.has_tensors:
        return element
    for name, value in vars(element).items():
        series = value if isinstance(value, tuple) else (value,)
        if any(isinstance(v, Tensor) for v in series):
            changes[name] = without_derivatives(value)
    return dataclasses.replace(element, **changes) if changes else element


def replace_fields(element: Element, changes: list[tuple[str, int | None, Number]]) -> Element:
    """The element with some fields, or entries of fields, replaced."""
    new: dict[str, Any] = {}
    for field, index, value in changes:
        if index is None:
            new[field] = value
        else:
            old = new.get(field, getattr(element, field))
            assert isinstance(old, tuple)
            new[field] = (*old[:index], value, *old[index + 1 :])
    before = {field: getattr(element, field) for field in new}
    if all(
        type(v) is float and type(before[f]) is float and v == before[f] for f, v in new.items()
    ):
        return element  # most of what a file's expressions give is what was read
    return dataclasses.replace(element, **new)


def skip(elements: Sequence[Element], stands_for: Sequence[str]) -> list[Element]:
    """Elements with drifts and markers in the place of placeholders; see `Lattice`."""
    known = dict.fromkeys(e.represents for e in elements if not e.is_modelled)
    for kind in stands_for:
        require_known("kind that a placeholder stands for", kind, known)
    taken = set(stands_for or known)
    return [e.skipped() if e.represents in taken else e for e in elements]
