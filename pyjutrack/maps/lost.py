"""What maps are given in the place of lost particles, so that no derivative sees these.

To choose what a map returns is not enough: a backward pass multiplies the zero that is chosen by
the slope of the map, which is no number where the map has no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..autodiff import value_of
from ..core.scalars import carries
from ..core.special import bool_or, on_host

Numbers = Sequence[Any]


def stand_in(columns: Sequence[Tensor], alive: Tensor, numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Columns with a live particle of the same beam in the place of the lost ones, and parameters.

    Even the axis may be where a map has no value, as in a cavity that takes more than the energy of
    what arrives there. Where none of a beam lives, its parameters carry no derivative. Where there
    are no derivatives at all, the axis will do.
    """
    if hasattr(alive, "unseen"):  # written down, without numbers and derivatives
        return [torch.where(alive, u, torch.zeros_like(u)) for u in columns], numbers
    if on_host(alive) and bool_or(alive.all(), default=False):
        return columns, numbers  # none is lost
    if not any(map(_carries, (*columns, *numbers))):
        return [torch.where(alive, u, 0.0) for u in columns], numbers
    some, first = alive.any(-1, keepdim=True), alive.to(torch.uint8).argmax(-1, keepdim=True)
    safe = []
    for column in columns:
        shape = torch.broadcast_shapes(column.shape, alive.shape)  # several columns may be stacked
        there = value_of(column).detach().expand(shape).gather(-1, first.expand(*shape[:-1], 1))
        safe.append(torch.where(alive, column, torch.where(some, there, 0.0)))
    if on_host(some) and bool_or(some.all(), default=False):
        return safe, numbers
    return safe, [_hold(number, some) for number in numbers]


def _carries(number: Any) -> bool:
    """Whether a parameter, or one of a series of them, may carry a derivative."""
    return any(map(_carries, number)) if isinstance(number, tuple) else carries(number)


def _hold(number: Any, some: Tensor) -> Any:
    """A parameter, or a series of them, as numbers where no particle is left to move."""
    if isinstance(number, tuple):
        return tuple(_hold(part, some) for part in number)
    if not isinstance(number, Tensor) or not _is_of_beams(number.shape, some.shape):
        return number  # a float; a vector, or a column of elements
    return torch.where(some, number, value_of(number).detach())


def _is_of_beams(shape: torch.Size, beams: torch.Size) -> bool:
    """Whether a parameter is one number, or one of each setting that broadcasts to the beams."""
    if not shape or shape == beams:
        return True
    fits = all(
        1 in (a, b) or a == b for a, b in zip(reversed(shape), reversed(beams), strict=False)
    )
    return fits and len(shape) > 1 and shape[-1] == 1
