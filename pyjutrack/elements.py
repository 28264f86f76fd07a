"""Lattice elements: frozen records of parameters, without physics.

Kinds are named as in PALS, scalars as in MAD. Parameters are floats or 0-d tensors; strengths are
normalised to the reference rigidity. How an element moves a particle stands in `transport.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from .errors import InvalidValueError, require_known
from .functions import bool_or
from .number import Number


@dataclass(frozen=True, kw_only=True)
class Element:
    """What every element has.

    Attributes:
        name: by which knobs find it; elements that share a name move together.
    """

    name: str = ""
    #: names of the parameters that may be knobs
    knobs: ClassVar[tuple[str, ...]] = ()
    #: those of them that are tuples of numbers
    series: ClassVar[tuple[str, ...]] = ()
    #: choices of the option fields
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    length: Number = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        for name in self.knobs:
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

    def _label(self) -> str:
        return f"{type(self).__name__} {self.name!r}"

    def _numbers(self, name: str, values: Any) -> tuple[Number, ...]:
        if isinstance(values, Tensor) and values.dim() == 1:
            values = values.unbind(0)
        if isinstance(values, str) or not isinstance(values, (Sequence, np.ndarray)):
            raise InvalidValueError(
                f"{self._label()}: {name} must be a sequence of numbers, got {values!r}"
            )
        return tuple(self._number(name, v) for v in values)

    def _number(self, name: str, value: Any) -> Number:
        if isinstance(value, Tensor):
            if value.dim() != 0:
                raise InvalidValueError(
                    f"{self._label()}: {name} must be a number or a 0-d tensor, got a tensor of "
                    f"shape {tuple(value.shape)}"
                )
            if not bool_or(torch.isfinite(value.detach()), default=True):
                raise InvalidValueError(f"{self._label()}: {name} must be finite, got {value}")
            return value
        try:
            if isinstance(value, str):
                raise TypeError
            number = float(value)
        except (TypeError, ValueError):
            raise InvalidValueError(
                f"{self._label()}: {name} must be a number, got {value!r}"
            ) from None
        if not math.isfinite(number):
            raise InvalidValueError(f"{self._label()}: {name} must be finite, got {number}")
        return number

    def __repr__(self) -> str:
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if f.name != "name" and getattr(self, f.name) != f.default
        ]
        return f"{type(self).__name__}({', '.join([*shown, f'name={self.name!r}'])})"


@dataclass(frozen=True, repr=False)
class Drift(Element):
    """Field-free space.

    Attributes:
        length: [m].
        model: "exact" (square root) or "paraxial".
    """

    length: Number
    model: str = field(default="exact", kw_only=True)
    knobs: ClassVar[tuple[str, ...]] = ("length",)
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"model": ("exact", "paraxial")}


@dataclass(frozen=True, repr=False)
class Quadrupole(Element):
    """Quadrupole with hard edges and no fringe.

    Attributes:
        length: [m].
        k1: normalised gradient (1/B rho) dB_y/dx [1/m^2]; positive focuses x, whatever the charge.
        model: "linear" is the exact solution of the paraxial Hamiltonian, chromatic in delta;
            "integrator" a 4th-order symplectic sequence of exact drifts and kicks.
        steps: of the integrator, per slice.
    """

    length: Number
    k1: Number = 0.0
    model: str = field(default="linear", kw_only=True)
    steps: int = field(default=1, kw_only=True)
    knobs: ClassVar[tuple[str, ...]] = ("length", "k1")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"model": ("linear", "integrator")}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.steps, int) and self.steps >= 1):
            raise InvalidValueError(
                f"{self._label()}: steps must be a positive integer, got {self.steps!r}"
            )


@dataclass(frozen=True, repr=False)
class Multipole(Element):
    """Thin multipole of zero length.

    Attributes:
        knl: normal integrated strengths (k0 L, k1 L, ...), MAD's convention [rad, 1/m, ...].
        ksl: skew integrated strengths.
    """

    knl: tuple[Number, ...] = ()
    ksl: tuple[Number, ...] = ()
    knobs: ClassVar[tuple[str, ...]] = ("knl", "ksl")
    series: ClassVar[tuple[str, ...]] = ("knl", "ksl")


@dataclass(frozen=True, repr=False)
class Marker(Element):
    """A place with a name."""


def kinds(base: type[Element] = Element) -> dict[str, type[Element]]:
    """Every kind of element by name, those of users included."""
    found: dict[str, type[Element]] = {}
    for kind in base.__subclasses__():
        found |= {kind.__name__: kind, **kinds(kind)}
    return found
