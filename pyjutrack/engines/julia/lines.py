"""Lattices as JuTrack's elements in a row, and the slopes of their fields by knobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...beam.reference import Reference
from ...core.errors import InvalidValueError
from ...core.scalars import carries
from ...lattice.knobs import lattice_values
from ...lattice.lattice import Lattice
from .pack import Entry, Packed, plain
from .twins import Twin, twins_of


@dataclass(frozen=True)
class Line:
    """JuTrack's elements of a lattice.

    Attributes:
        twins: in their order.
        first: the number of the first of each of our elements, from 0.
        entries: A of their numbers, by which knobs act.
        seeds: slopes of these by K knobs, (A, K).
    """

    twins: tuple[Twin, ...]
    first: tuple[int, ...]
    entries: tuple[Entry, ...]
    seeds: NDArray[np.float64]

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Kinds, fields, entries and seeds as the Julia package takes them."""
        kinds = tuple(twin.kind for twin in self.twins)
        fields = tuple({k: plain(v) for k, v in twin.fields.items()} for twin in self.twins)
        return kinds, fields, self.entries, self.seeds


def line_of(lattice: Lattice, reference: Reference, knobs: Sequence[str] = ()) -> Line:
    """A lattice as JuTrack's elements, each with the name of ours.

    Args:
        lattice, reference: of the line.
        knobs: addresses or variables of the lattice, by which slopes are given.

    Raises:
        InvalidValueError: an element that JuTrack has no twin of; a knob that moves nothing.
    """
    if not knobs:
        twins, first = _twins(lattice, reference)
        return Line(twins, first, (), np.zeros((0, 0)))
    flat = lattice_values(lattice, knobs).requires_grad_()
    with torch.enable_grad():
        twins, first = _twins(lattice.with_values(dict(zip(knobs, flat, strict=True))), reference)
        found = [(e, n) for e, n in Packed(list(twins)).numbers() if carries(n) and e[0] == "field"]
        numbers = [n.to(torch.float64) for _, n in found if isinstance(n, Tensor)]
        seeds = np.zeros((0, len(knobs)))
        if numbers:
            (slopes,) = torch.autograd.grad(
                torch.stack(numbers), flat, torch.eye(len(numbers)).to(flat), is_grads_batched=True
            )
            seeds = slopes.numpy()
    still = [k for k, column in zip(knobs, seeds.T, strict=True) if not column.any()]
    if still:
        raise InvalidValueError(f"{still[0]} moves nothing in JuTrack's elements of this lattice")
    return Line(twins, first, tuple(e for e, _ in found), seeds)


def _twins(lattice: Lattice, reference: Reference) -> tuple[tuple[Twin, ...], tuple[int, ...]]:
    found: list[Twin] = []
    first = []
    for e in lattice:
        first.append(len(found))
        own = twins_of(e, reference)
        found += [Twin(t.kind, {"name": e.name, **t.fields}, t.slip) for t in own]
    return tuple(found), tuple(first)
