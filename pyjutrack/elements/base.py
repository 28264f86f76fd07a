"""What every element is: a frozen, checked record of parameters with a name and a place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..core.checks import shown
from ..core.errors import InvalidValueError, require_known
from ..core.scalars import Number, differs
from ..core.special import bool_or

PLACEMENT = ("tilt", "dx", "dy", "dz", "x_rot", "y_rot", "z_rot")


@dataclass(frozen=True, kw_only=True)
class Element:
    """What every element has.

    The displacement is that of a rigid body about the middle of the element (of the chord's ends,
    for bends), against the frame of the reference orbit there: first the translation, then the
    rotations about y, x and s in this order. It moves the hardware and not the orbit.

    Attributes:
        name: by which knobs find it; elements that share a name move together.
        length: along the reference orbit [m].
        tilt: roll of the design about s [rad]; a bend's reference orbit rolls with it.
        dx, dy, dz: displacement [m].
        x_rot, y_rot, z_rot: rotations about the axes x, y, s [rad], right-handed.
    """

    name: str = ""
    tilt: Number = 0.0
    dx: Number = 0.0
    dy: Number = 0.0
    dz: Number = 0.0
    x_rot: Number = 0.0
    y_rot: Number = 0.0
    z_rot: Number = 0.0
    #: the class is a base of kinds and no kind itself
    abstract: ClassVar[bool] = True
    #: names of the kind's own parameters that may be knobs
    knobs: ClassVar[tuple[str, ...]] = ()
    #: knobs that every kind has
    placement: ClassVar[tuple[str, ...]] = PLACEMENT
    #: those of them that are tuples of numbers
    series: ClassVar[tuple[str, ...]] = ()
    #: names of parameters that are one vector, a knob as a whole
    vectors: ClassVar[tuple[str, ...]] = ()
    #: choices of the option fields
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    length: Number = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidValueError(
                f"{type(self).__name__}: name must be a string, got {shown(self.name)}"
            )
        for name in (*self.knobs, *self.placement):
            value: Any = getattr(self, name)
            if name in self.series:
                object.__setattr__(self, name, self._numbers(name, value))
            else:
                object.__setattr__(self, name, self._number(name, value))
        if "length" not in self.knobs and (isinstance(self.length, Tensor) or self.length != 0):
            raise InvalidValueError(f"{self._label()} is thin; it cannot have a length")
        # a tensor may step below zero while a derivative at zero is taken; maps run backwards there
        length = self.length
        if not isinstance(length, Tensor) and length < 0:
            raise InvalidValueError(
                f"{self._label()} has length {length} m; lengths must not be negative"
            )
        for name, allowed in self.choices.items():
            require_known(f"{name} of {self._label()}", getattr(self, name), allowed)

    @cached_property
    def is_displaced(self) -> bool:
        """Whether it does not stand where it was designed to; a tensor may be anything but zero."""
        values = (getattr(self, name) for name in self.placement[1:])
        return any(isinstance(value, Tensor) or value != 0.0 for value in values)

    def _label(self) -> str:
        return f"{type(self).__name__} {self.name!r}"

    def _numbers(self, name: str, values: Any) -> tuple[Number, ...]:
        if isinstance(values, Tensor) and values.dim() == 1:
            values = values.unbind(0)
        if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
            raise InvalidValueError(
                f"{self._label()}: {name} must be a sequence of numbers, got {shown(values)}"
            )
        return tuple(self._number(name, v) for v in values)

    def _vector(self, name: str, value: Tensor) -> Tensor:
        if not bool_or(torch.isfinite(value.detach()).all(), default=True):
            raise InvalidValueError(f"{self._label()}: {name} must be finite")
        return value

    def _number(self, name: str, value: Any) -> Number:
        if isinstance(value, Tensor):
            if value.is_complex() or value.dtype is torch.bool:
                raise InvalidValueError(
                    f"{self._label()}: {name} must be a real number, got a tensor of {value.dtype}"
                )
            if value.dim() != 0:
                raise InvalidValueError(
                    f"{self._label()}: {name} must be a number or a 0-d tensor, got a tensor of "
                    f"shape {tuple(value.shape)}"
                )
            if not bool_or(torch.isfinite(value.detach()), default=True):
                raise InvalidValueError(f"{self._label()}: {name} must be finite, got {value}")
            return value
        try:
            if isinstance(value, (str, bytes, bool, np.bool_)):
                raise TypeError
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise InvalidValueError(
                f"{self._label()}: {name} must be a number, got {shown(value)}"
            ) from None
        if not math.isfinite(number):
            raise InvalidValueError(f"{self._label()}: {name} must be finite, got {number}")
        return number

    def __repr__(self) -> str:
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if f.name != "name" and differs(getattr(self, f.name), f.default)
        ]
        return f"{type(self).__name__}({', '.join([*shown, f'name={self.name!r}'])})"


def kinds(base: type[Element] = Element) -> dict[str, type[Element]]:
    """Every kind of element by name, those of users included."""
    found: dict[str, type[Element]] = {}
    for kind in base.__subclasses__():
        itself = {} if vars(kind).get("abstract", False) else {kind.__name__: kind}
        found |= {**itself, **kinds(kind)}
    return found
