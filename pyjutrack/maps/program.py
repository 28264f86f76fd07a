"""Lattices as programs: what elements do to a particle, recorded and run without Python between.

A program is a list of operations with numbers. Transport functions write it themselves: they are
called with a `Recorder` where they expect a state, and every map that they apply is noted down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.errors import PyJuTrackError
from .compiled import COMPILED_MAPS, SCALAR_MAPS

#: names of the operations; `program_kernel` knows them by their place here
OPERATIONS = (
    *("enter", "leave", "check"),
    *COMPILED_MAPS,
    *SCALAR_MAPS,
    *("multipole_kick", "patch", "in_ellipse", "in_racetrack"),
)
_PLACES = {name: place for place, name in enumerate(OPERATIONS)}


class NotRecordedError(PyJuTrackError):
    """Something cannot be written down as operations with plain numbers."""


class Program(NamedTuple):
    """Operations in a row.

    Attributes:
        operations: places in `OPERATIONS`, (S,).
        starts: where the numbers of each begin, (S + 1,).
        numbers: of all of them.
        elements: to which element of the lattice each belongs, (S,).
    """

    operations: NDArray[np.int64]
    starts: NDArray[np.int64]
    numbers: NDArray[np.float64]
    elements: NDArray[np.int64]


class Recorder:
    """Stands in for a state and writes down what is done to it."""

    def __init__(self) -> None:
        self._operations: list[int] = []
        self._starts: list[int] = [0]
        self._numbers: list[float] = []
        self._elements: list[int] = []
        self.element = 0

    def record(self, name: str, *parameters: Any) -> Any:
        """Note an operation; returns itself, as maps return the next state."""
        numbers = _multipoles(*parameters) if name == "multipole_kick" else _flat(parameters)
        self._operations.append(_PLACES[name])
        self._numbers += numbers
        self._starts.append(len(self._numbers))
        self._elements.append(self.element)
        return self

    @property
    def count(self) -> int:
        """How many operations there are."""
        return len(self._operations)

    def program(self, count: int | None = None) -> Program:
        """What was recorded, or the first operations of it."""
        count = self.count if count is None else count
        return Program(
            np.array(self._operations[:count], dtype=np.int64),
            np.array(self._starts[: count + 1], dtype=np.int64),
            np.array(self._numbers[: self._starts[count]], dtype=np.float64),
            np.array(self._elements[:count], dtype=np.int64),
        )

    def __getattr__(self, name: str) -> Any:
        raise NotRecordedError(f"a recorder has no {name}: the map is no operation")


def _flat(parameters: Iterable[Any]) -> list[float]:
    found: list[float] = []
    for parameter in parameters:
        if isinstance(parameter, tuple):
            found += _flat(parameter)
        elif isinstance(parameter, (float, int)):
            found.append(float(parameter))
        else:
            raise NotRecordedError(f"{parameter!r} is no plain number")
    return found


def _multipoles(knl: tuple[Any, ...], ksl: tuple[Any, ...]) -> list[float]:
    """Normal and skew coefficients of the powers of x + i y in pairs, both series of one length."""
    order = max(len(knl), len(ksl))
    normal, skew = ((*_flat(k), *[0.0] * (order - len(k))) for k in (knl, ksl))
    return [
        k / math.factorial(n) for n, pair in enumerate(zip(normal, skew, strict=True)) for k in pair
    ]
