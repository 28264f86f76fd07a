"""Unknowns of a calibration: errors of knobs, and weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.checks import format_value, require_flag
from ..core.errors import InvalidValueError
from ..core.scalars import is_real
from ..core.storage import storable
from ..lattice.knobs import current, overlay, parts
from ..tracking.task import Task


@storable
@dataclass(frozen=True, eq=False)
class Unknown:
    """An error of a knob: how far it differs from its set value.

    The machine has set + value, or set (1 + value) if it is relative. For weights, which no one
    sets, the value is what is added to those of the model.

    Attributes:
        address: of a knob or a vector of weights; see `pyjutrack.lattice.knobs`.
        prior: rms of what is thought possible, around zero, before anything is measured; in the
            units of `value`. Infinite if nothing is known.
        relative: whether the value is a share of the setting.
        value: the present estimate, a number or a vector; None is zero.

    Example:
        >>> pj.Unknown("q1.k1", prior=0.05, relative=True)  # 5 % rms of its strength
    """

    address: str
    prior: float = math.inf
    relative: bool = False
    value: Tensor | float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.address, str):
            raise InvalidValueError(f"an unknown needs an address, got {self.address!r}")
        require_flag(f"relative of {self.address}", self.relative)
        if not is_real(self.prior) or not self.prior > 0:
            raise InvalidValueError(
                f"the prior of {self.address} must be a positive rms, got {self.prior!r}"
            )
        vector = isinstance(self.value, (Tensor, np.ndarray)) and self.value.ndim <= 1
        vector = vector and _plain(self.value).size > 0
        if not (vector or self.value is None or is_real(self.value)):
            raise InvalidValueError(
                f"the value of {self.address} must be a number or a vector, got {self.value!r}"
            )
        if self.value is not None and not bool(np.isfinite(_plain(self.value)).all()):
            raise InvalidValueError(f"the value of {self.address} must be finite")

    @property
    def count(self) -> int:
        """Numbers in the value."""
        return self.value.numel() if isinstance(self.value, Tensor) else 1

    @property
    def labels(self) -> list[str]:
        """A name for every number."""
        if isinstance(self.value, Tensor) and self.value.dim():
            return [f"{self.address}[{i}]" for i in range(self.count)]
        return [self.address]

    def tensor(self) -> Tensor:
        """The value as a float64 tensor."""
        return torch.as_tensor(0.0 if self.value is None else self.value, dtype=torch.float64)


def _plain(value: Any) -> Any:
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value, float)


def reshape_values(unknowns: Sequence[Unknown], task: Task) -> list[Unknown]:
    """Give the values of unknowns the shapes that their knobs have.

    Raises:
        UnknownNameError: no such knob. InvalidValueError: one that is named twice, a value of
            another shape.
    """
    if not isinstance(unknowns, (list, tuple)) or not unknowns:
        raise InvalidValueError(f"unknowns must be a list of Unknown, got {format_value(unknowns)}")
    if not all(isinstance(u, Unknown) for u in unknowns):
        raise InvalidValueError(f"unknowns must be a list of Unknown, got {unknowns!r}")
    found = []
    for u, knob in zip(unknowns, parts(task, [u.address for u in unknowns]), strict=True):
        value = torch.zeros_like(knob) if u.value is None else u.tensor()
        if value.shape != knob.shape:
            raise InvalidValueError(
                f"the value of {u.address} has shape {tuple(value.shape)}, and the knob "
                f"{tuple(knob.shape)}"
            )
        found.append(Unknown(u.address, u.prior, u.relative, value))
    return found


def apply_unknowns(task: Task, unknowns: Sequence[Unknown], values: Sequence[Tensor]) -> Task:
    """Give the knobs of a task errors of these values, tensors that may carry derivatives."""
    if not unknowns:
        return task
    numbers = []
    for u, value in zip(unknowns, values, strict=True):
        knob = current(task, u.address)
        numbers.append(value * knob + knob if u.relative else value + knob)
    return overlay(task, [u.address for u in unknowns], numbers)
