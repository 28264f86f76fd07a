"""Stumpff functions in written kernels: a table for a block of particles, filled beforehand.

A series serves a block whose arguments are all small. With a table that is decided in one place,
`kernels.stumpff.tabulate`, and the loops that use it are written, and compiled, once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from ...kernels.emit import TRUTH, Column, Emitter
from ...kernels.stumpff import BLOCK, tabulate
from ..base import COORDINATES
from .formulas import values
from .trace import STUMPFF, Expression, symbol
from .traced import Traced

_WIDTH = 1 + len(STUMPFF)
_POINTER = types.CPointer(types.float64)
_KINDS = (types.int64, types.boolean, _POINTER, _POINTER)


def members(w: Expression) -> list[Expression]:
    """The functions of an argument."""
    return [Expression.make(name, w) for name in STUMPFF]


class Stumpffs:
    """The functions that a map takes, in a kernel of it.

    Args:
        alike: whether particles share the numbers of the map, given by `share`; by `take`
            otherwise.
    """

    def __init__(self, emitter: Emitter, of: Traced, *, alike: bool = True) -> None:
        self._emitter, self._of = emitter, of
        self._moving = of.moving if alike else of.reach
        self._table = emitter.room(_WIDTH * BLOCK * len(self._moving)) if self._moving else None
        self._shared: dict[Expression, Any] = {}
        self._numbers: dict[Expression, Any] = {}
        self._own: Sequence[Column] = ()

    def share(self, numbers: Sequence[Any]) -> None:
        """Take numbers of the map, and what functions are the same for all particles."""
        known = dict(zip(map(symbol, self._of.numbers), numbers, strict=True))
        self._numbers = known
        wanted = [member for w in self._of.fixed for member in members(w)]
        self._shared = dict(zip(wanted, values(self._emitter, wanted, known), strict=True))

    def take(self, numbers: Sequence[Column]) -> None:
        """Take the numbers of each particle of a block."""
        self._own = numbers

    def fill(self, count: Any, columns: Sequence[Column], alive: Column) -> None:
        """Fill the table for a block."""
        if self._table is None:
            return
        e = self._emitter
        small = cgutils.alloca_once_value(e.builder, ir.Constant(TRUTH, 1))
        with e.loop(count) as n:
            fits = e.builder.not_(alive.load(n))
            arguments = values(e, self._moving, self._known(n, columns))
            within = [
                e.builder.fcmp_ordered("<", e.call(math.fabs, w), e.number(1.0)) for w in arguments
            ]
            fits = e.builder.or_(fits, reduce(e.builder.and_, within))
            e.builder.store(e.builder.and_(e.builder.load(small), fits), small)
            for r, w in enumerate(arguments):
                self._row(r, 0).store(n, w)
        for r in range(len(self._moving)):
            given = count, e.builder.load(small), self._row(r, 0).data, self._row(r, 1).data
            e.call(tabulate, *given, kinds=_KINDS)

    def _row(self, r: int, k: int) -> Column:
        assert self._table is not None
        return self._table.shifted(self._emitter.index((_WIDTH * r + k) * BLOCK))

    def _known(self, n: Any, columns: Sequence[Column]) -> dict[Expression, Any]:
        found = {symbol(s): c.double(n) for s, c in zip(COORDINATES, columns, strict=True)}
        if not self._own:
            return self._numbers | found
        return found | {
            symbol(s): c.double(n) for s, c in zip(self._of.numbers, self._own, strict=True)
        }

    def known(self, n: Any, columns: Sequence[Column]) -> Mapping[Expression, Any]:
        """All that expressions of particle n are made of."""
        found = {**self._known(n, columns), **self._shared}
        for r, w in enumerate(self._moving):
            for k, member in enumerate(members(w)):
                found[member] = self._row(r, 1 + k).load(n)
        return found
