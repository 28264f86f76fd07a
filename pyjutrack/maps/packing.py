"""Programs: operations with numbers, packed from recordings for the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .base import Map
from .codegen.build import kernels, require_current
from .program_numbers import tabulate

#: operations that are no maps
ENTER, LEAVE, CHECK, DRAW, FIRST_MAP = 0, 1, 2, 3, 4
#: recordings of a short program
_SHORT = 32


class Program(NamedTuple):
    """Operations in a row.

    Attributes:
        operations: places among `maps`, from `FIRST_MAP` on, and below it marks, (S,).
        starts: where the numbers of each begin, (S + 1,).
        numbers: of all of them.
        elements: to which element of the lattice each belongs, (S,).
        varying: where in a setting those of an operation begin that differ between settings, -1
            for those that are alike in all, (S,).
        settings: numbers of these operations, of each setting, (V, B); (0, 1) where none differ.
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
        """The first six, as kernels take them."""
        return self[:6]

    def spread(self, batch: Sequence[int]) -> Program:
        """The program with settings of a larger shape, to which its own broadcasts."""
        if not self.batch or self.batch == tuple(batch):
            return self
        count = len(self.settings)
        own = (1,) * (len(batch) - len(self.batch)) + self.batch
        rows = np.broadcast_to(self.settings.reshape(count, *own), (count, *batch))
        return self._replace(settings=rows.reshape(count, -1).copy(), batch=tuple(batch))

    def part(self, low: int, high: int) -> Program:
        """The operations from one on and before another."""
        rows = slice(low, high)
        return self._replace(
            operations=self.operations[rows],
            starts=self.starts[low : high + 1],
            elements=self.elements[rows],
            varying=self.varying[rows],
        )

    def by_setting(self) -> Program:
        """The program with the numbers of each setting in a row, (B, V)."""
        if not self.batch:
            return self
        return self._replace(settings=np.ascontiguousarray(self.settings.T))

    def for_blocks(self, dtype: Any, per: int) -> tuple[Program, NDArray[np.int64]]:
        """The program as `run_block` takes it for settings of so many particles each, and a table.

        The table has addresses of kernels that move blocks, compiled where they were not. For
        settings of one particle it has a second row where all maps that differ have `each`.

        Raises:
            InvalidValueError: a number that a map reads from outside is another than in its kernel.
        """
        require_current(*self.maps)
        if per == 1 and self.batch:
            differing = frozenset((self.operations[self.varying >= 0] - FIRST_MAP).tolist())
            table = _blocks(self.maps, dtype, differing)
            if len(table) == 2:
                return self, table
        return self.by_setting(), _blocks(self.maps, dtype)

    def tangent_table(self) -> NDArray[np.int64]:
        """Addresses of kernels that move a particle and its tangents, in double precision.

        Errors as for `for_blocks`.
        """
        require_current(*self.maps)
        return _steps(self.maps)


@cache
def _blocks(
    maps: tuple[Map, ...], dtype: Any, differing: frozenset[int] = frozenset()
) -> NDArray[np.int64]:
    name = np.dtype(dtype).name
    table = [[_block(map, name) for map in maps]]
    if differing and all(hasattr(kernels(maps[n]), "each") for n in differing):
        table.append([_each(m, name) if n in differing else 0 for n, m in enumerate(maps)])
    return np.array(table, dtype=np.int64)


@cache
def _steps(maps: tuple[Map, ...]) -> NDArray[np.int64]:
    return np.array([_step(map) for map in maps], dtype=np.int64)


@cache
def _block(map: Map, dtype: str) -> int:
    from ..kernels.pointers import address  # late: it takes a moment to load

    return address(kernels(map).block, *_taken(dtype))


@cache
def _each(map: Map, dtype: str) -> int:
    from numba import types  # late: they take a moment to load

    from ..kernels.pointers import address

    return address(kernels(map).each, *_taken(dtype), types.int64)


def _taken(dtype: str) -> tuple[Any, ...]:
    """Numba's types of a size, six columns, the mask and the numbers."""
    from numba import from_dtype, types

    column = types.CPointer(from_dtype(np.dtype(dtype)))
    return types.int64, *(column,) * 6, types.CPointer(types.uint8), types.CPointer(types.float64)


@cache
def _step(map: Map) -> int:
    from ..kernels.pointers import address

    step = kernels(map).step
    return address(step, *step.callback.args)


@dataclass(frozen=True, eq=False)
class Recording:
    """Operations that a recorder has written down, to be packed with others.

    Among the numbers are tensors (B,), or of more dimensions, of those that differ between
    settings.
    """

    operations: tuple[int, ...]
    starts: tuple[int, ...]
    numbers: tuple[float | Tensor, ...]
    maps: tuple[Map, ...]

    @cached_property
    def varies(self) -> bool:
        """Return whether a number differs between settings."""
        return any(isinstance(n, Tensor) for n in self.numbers)

    @cached_property
    def plain(self) -> NDArray[np.float64]:
        """The numbers, with zeros for those that differ between settings."""
        return np.array([0.0 if isinstance(n, Tensor) else n for n in self.numbers])

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many numbers each operation has."""
        starts = np.array(self.starts, dtype=np.int64)
        return starts[1:] - starts[:-1]

    def coded(self, places: dict[Map, int]) -> NDArray[np.int64]:
        """The operations, with maps by their places among those of a program, which grow."""
        own = [FIRST_MAP + places.setdefault(map, len(places)) for map in self.maps]
        return np.array([*range(FIRST_MAP), *own], dtype=np.int64)[list(self.operations)]

    def varying(self, columns: list[float | Tensor]) -> NDArray[np.int64]:
        """Where numbers of the operations begin among `columns`, to which they are added."""
        found = np.full(len(self.operations), -1, dtype=np.int64)
        for s, (first, stop) in enumerate(pairwise(self.starts) if self.varies else ()):
            own = self.numbers[first:stop]
            if any(isinstance(n, Tensor) for n in own):
                found[s] = len(columns)
                columns += own
        return found


def pack(parts: Sequence[tuple[int, Recording]], batch: Sequence[int] = ()) -> Program:
    """Pack recordings, each with the number of its element, to be run with settings of a shape.

    One that comes again, as that of an element in a cell does, has its numbers of many settings
    once.
    """
    if any(r.varies for _, r in parts):
        return _pack(tuple(parts), tuple(batch))
    # a scan of numbers leaves a program at each point: many of slices are kept, few of whole rings
    return (_pack_short if len(parts) <= _SHORT else _pack_long)(tuple(parts))


def _pack(parts: tuple[tuple[int, Recording], ...], batch: tuple[int, ...] = ()) -> Program:
    places: dict[Map, int] = {}
    columns: list[float | Tensor] = []
    each = {id(r): r for _, r in parts}
    which = {key: n for n, key in enumerate(each)}
    coded = [r.coded(places) for r in each.values()]
    varying = [r.varying(columns) for r in each.values()]
    order = np.array([which[id(r)] for _, r in parts], dtype=np.int64)
    sizes = _sizes(coded)
    taken = _indices(sizes, order)
    plain = [r.plain for r in each.values()]
    counts = _joined([r.counts for r in each.values()])[taken]
    return Program(
        _joined(coded)[taken],
        np.append(0, np.cumsum(counts)),
        _joined(plain, np.float64)[_indices(_sizes(plain), order)],
        np.repeat(np.array([n for n, _ in parts], dtype=np.int64), sizes[order]),
        _joined(varying)[taken],
        tabulate(columns, batch),
        tuple(places),
        batch if columns else (),
    )


def _sizes(rows: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    return np.array([len(row) for row in rows], dtype=np.int64)


def _joined(rows: Sequence[NDArray[Any]], dtype: Any = np.int64) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *rows])


def _indices(sizes: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where in rows of such sizes, one after another, stand those of an order."""
    counts = sizes[order]
    ends = np.cumsum(counts)
    firsts = np.cumsum(sizes)[order] - ends
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(firsts, counts)


#: these pack what is the same in all settings, once for lattices that share elements
_pack_short, _pack_long = lru_cache(512)(_pack), lru_cache(32)(_pack)
