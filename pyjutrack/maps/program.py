"""Lattices as programs: what elements do to a particle, recorded and run without Python between.

A program is a list of operations with numbers. Elements write it themselves: their `transport` is
called with a `Recorder` in the place of a state, and every map that it applies is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .base import Map
from .codegen.build import kernels, require_current
from .program_numbers import NotRecordedError as NotRecordedError
from .program_numbers import flatten_numbers, tabulate

#: operations that are no maps
ENTER, LEAVE, CHECK, DRAW, FIRST_MAP = 0, 1, 2, 3, 4
#: directions that are carried along: the six of a Jacobian, and two to fill whole vectors
LANES = 8


def require_map(map: Any) -> Map:
    """A registered map.

    Raises:
        NotRecordedError: a plain function, of which no more is known than its values.
    """
    if not isinstance(map, Map):
        raise NotRecordedError(f"{getattr(map, '__name__', map)} is no registered map")
    return map


class Program(NamedTuple):
    """Operations in a row.

    Attributes:
        operations: places among `maps`, from `FIRST_MAP` on, and below it marks, (S,).
        starts: where the numbers of each begin, (S + 1,).
        numbers: of all of them.
        elements: to which element of the lattice each belongs, (S,).
        varying: where in a setting those of an operation begin that differ between settings, -1
            for those that are alike in all, (S,).
        settings: numbers of these operations, of each setting, (B, V); (1, 0) where none differ.
        maps: those that occur.
        batch: the shape of the settings; () where none differ.
    """

    operations: NDArray[np.int64]
    starts: NDArray[np.int64]
    numbers: NDArray[np.float64]
    elements: NDArray[np.int64]
    varying: NDArray[np.int64]
    settings: NDArray[np.float64]
    maps: tuple[Map, ...]
    batch: tuple[int, ...] = ()

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All but the maps, as kernels take them."""
        return self[:6]

    def spread(self, batch: Sequence[int]) -> Program:
        """The program with settings of a larger shape, to which its own broadcasts."""
        if not self.batch or self.batch == tuple(batch):
            return self
        width = self.settings.shape[-1]
        rows = np.broadcast_to(self.settings.reshape(*self.batch, width), (*batch, width))
        return self._replace(settings=rows.reshape(-1, width).copy(), batch=tuple(batch))

    def part(self, low: int, high: int) -> Program:
        """The operations from one on and before another."""
        rows = slice(low, high)
        return self._replace(
            operations=self.operations[rows],
            starts=self.starts[low : high + 1],
            elements=self.elements[rows],
            varying=self.varying[rows],
        )

    def table(self, dtype: Any) -> NDArray[np.int64]:
        """Addresses of kernels that move blocks of particles, compiled where they were not.

        Raises:
            InvalidValueError: a number that a map reads from outside is another than in its kernel.
        """
        require_current(*self.maps)
        return _blocks(self.maps, dtype)

    def tangent_table(self) -> NDArray[np.int64]:
        """Addresses of kernels that move a particle and its tangents, in double precision.

        Errors as for `table`.
        """
        require_current(*self.maps)
        return _steps(self.maps)


@cache
def _blocks(maps: tuple[Map, ...], dtype: Any) -> NDArray[np.int64]:
    return np.array([_block(map, np.dtype(dtype).name) for map in maps], dtype=np.int64)


@cache
def _steps(maps: tuple[Map, ...]) -> NDArray[np.int64]:
    return np.array([_step(map) for map in maps], dtype=np.int64)


@cache
def _block(map: Map, dtype: str) -> int:
    from numba import from_dtype, types  # late: they take a moment to load

    from ..kernels.pointers import address

    column = types.CPointer(from_dtype(np.dtype(dtype)))
    alive, numbers = types.CPointer(types.uint8), types.CPointer(types.float64)
    return address(kernels(map).block, types.int64, *(column,) * 6, alive, numbers)


@cache
def _step(map: Map) -> int:
    from ..kernels.pointers import address

    step = kernels(map).step
    return address(step, *step.callback.args)


class Recording(NamedTuple):
    """Operations that a recorder has written down, to be put into others.

    Among the numbers are tensors (B,), or of more dimensions, of those that differ between
    settings.
    """

    operations: list[int]
    starts: list[int]
    numbers: list[float | Tensor]
    maps: tuple[Map, ...]

    @property
    def varies(self) -> bool:
        """Return whether a number differs between settings."""
        return any(isinstance(n, Tensor) for n in self.numbers)


class Recorder:
    """Stands in for a `State` and records the maps that are applied to it.

    As states are, it is another one after each map, and all write one record. Particles that were
    passed by are in no record: a `transport` that goes on with them is left to tensors.
    """

    #: whether a map has been applied to it
    passed = False

    def __init__(self) -> None:
        self._operations: list[int] = []
        self._starts: list[int] = [0]
        self._numbers: list[float | Tensor] = []
        self._elements: list[int] = []
        self._maps: dict[Map, int] = {}
        self.element = 0

    def apply(self, map: Map | Callable[..., Any], *parameters: Any) -> Any:
        """Record a map; returns the particles after it, as `State.apply` does.

        Raises:
            NotRecordedError: a plain function, a parameter that is no plain number, or particles
                to which another map has been applied.
        """
        map = require_map(map)
        if not map.traceable:
            raise NotRecordedError(f"the map {map.name} has no kernels")
        if map.noisy:  # for the map that follows
            *parameters, stream = parameters  # type: ignore[assignment]
            self._numbers += stream.numbers
            self._append(DRAW)
        numbers = parameters if map.numbers is None else map.numbers(*parameters)
        self._numbers += flatten_numbers(numbers)
        self._append(FIRST_MAP + self._maps.setdefault(map, len(self._maps)))
        return self.next()

    def next(self) -> Any:
        """Return the particles after a map, which write on the same record."""
        self.require_latest()
        after = object.__new__(type(self))
        after.__dict__.update(self.__dict__)
        self.passed = True
        return after

    def require_latest(self) -> None:
        """Raise NotRecordedError for particles to which a map has been applied already."""
        if self.passed:
            raise NotRecordedError("a motion goes on with particles from before a map")

    def check(self) -> None:
        """Record that particles which no element can move are lost here."""
        self._append(CHECK)

    def enter(self) -> None:
        """Record that an element begins; particles that do not reach its end are lost at it."""
        self._append(ENTER)

    def leave(self) -> None:
        """Record that the element ends."""
        self._append(LEAVE)

    def _append(self, operation: int) -> None:
        self._operations.append(operation)
        self._starts.append(len(self._numbers))
        self._elements.append(self.element)

    @property
    def recording(self) -> Recording:
        """Operations that were recorded."""
        return Recording(self._operations, self._starts, self._numbers, tuple(self._maps))

    def extend(self, recording: Recording) -> None:
        """Record what was recorded before."""
        operations, starts, numbers, maps = recording
        codes = [*range(FIRST_MAP)]
        codes += [FIRST_MAP + self._maps.setdefault(map, len(self._maps)) for map in maps]
        first = len(self._numbers)
        self._operations += [codes[operation] for operation in operations]
        self._starts += [first + start for start in starts[1:]]
        self._numbers += numbers
        self._elements += [self.element] * len(operations)

    def program(self, batch: Sequence[int] = ()) -> Program:
        """Pack what was recorded, to be run with settings of a shape."""
        numbers, starts = self._numbers, self._starts
        varying = np.full(len(self._operations), -1, dtype=np.int64)
        columns: list[float | Tensor] = []
        if any(isinstance(n, Tensor) for n in numbers):
            for s, (first, stop) in enumerate(pairwise(starts)):
                own = numbers[first:stop]
                if any(isinstance(n, Tensor) for n in own):
                    varying[s] = len(columns)
                    columns += own
            numbers = [0.0 if isinstance(n, Tensor) else n for n in numbers]
        return Program(
            np.array(self._operations, dtype=np.int64),
            np.array(starts, dtype=np.int64),
            np.array(numbers, dtype=np.float64),
            np.array(self._elements, dtype=np.int64),
            varying,
            tabulate(columns, batch),
            tuple(self._maps),
            tuple(batch) if columns else (),
        )

    def __getattr__(self, name: str) -> Any:
        raise NotRecordedError(f"a recorder has no {name}: what reads coordinates is no map")

    def __iter__(self) -> Any:
        raise NotRecordedError("what takes a state apart is no map")

    def __getitem__(self, key: Any) -> Any:
        raise NotRecordedError("what takes a state apart is no map")
