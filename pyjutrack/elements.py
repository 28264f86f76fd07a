"""Lattice elements: frozen records of parameters, without physics.

Kinds are named as in PALS, scalars as in MAD. Parameters are floats or 0-d tensors; strengths are
normalised to the reference rigidity. How an element moves a particle stands in `transport.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from torch import Tensor

from .errors import InvalidValueError, unknown
from .number import Number


@dataclass(frozen=True, kw_only=True)
class Element:
    """What every element has.

    Attributes:
        name: by which knobs find it; elements that share a name move together.
    """

    name: str = ""
    #: names of the parameters that may be knobs: numbers, or tuples of numbers
    knobs: ClassVar[tuple[str, ...]] = ()
    #: choices of the option fields
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    length: Number = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        for name in self.knobs:
            value = getattr(self, name)
            if isinstance(value, Sequence):
                object.__setattr__(self, name, tuple(self._number(name, v) for v in value))
            else:
                object.__setattr__(self, name, self._number(name, value))
        length = self.length  # a tensor is a knob being differentiated, checked when it was a float
        if not isinstance(length, Tensor) and length < 0:
            raise InvalidValueError(
                f"{self._label()} has length {length} m; lengths must not be negative"
            )
        for name, allowed in self.choices.items():
            if getattr(self, name) not in allowed:
                raise unknown(f"{name} of {self._label()}", getattr(self, name), allowed)

    def _label(self) -> str:
        return f"{type(self).__name__} {self.name!r}"

    def _number(self, name: str, value: Any) -> Number:
        if isinstance(value, Tensor):
            if value.dim() != 0:
                raise InvalidValueError(
                    f"{self._label()}: {name} must be a number or a 0-d tensor, got a tensor of "
                    f"shape {tuple(value.shape)}"
                )
            return value
        try:
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


@dataclass(frozen=True, repr=False)
class Marker(Element):
    """A place with a name."""


#: every kind by name, for files and messages
KINDS: dict[str, type[Element]] = {k.__name__: k for k in (Drift, Quadrupole, Multipole, Marker)}
