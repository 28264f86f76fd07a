"""Lattices as programs: what elements do to a particle, recorded and run without Python between.

A program is a list of operations with numbers. Elements write it themselves: their `transport` is
called with a `Recorder` in the place of a state, and every map that it applies is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from .base import Map
from .packing import CHECK, DRAW, ENTER, FIRST_MAP, LEAVE, Program, Recording, pack
from .program_numbers import NotRecordedError as NotRecordedError
from .program_numbers import flatten_numbers

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
        self._maps: dict[Map, int] = {}

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

    @property
    def recording(self) -> Recording:
        """Operations that were recorded."""
        return Recording(
            tuple(self._operations), tuple(self._starts), tuple(self._numbers), tuple(self._maps)
        )

    def program(self) -> Program:
        """Pack what was recorded."""
        return pack([(0, self.recording)])

    def __getattr__(self, name: str) -> Any:
        raise NotRecordedError(f"a recorder has no {name}: what reads coordinates is no map")

    def __iter__(self) -> Any:
        raise NotRecordedError("what takes a state apart is no map")

    def __getitem__(self, key: Any) -> Any:
        raise NotRecordedError("what takes a state apart is no map")
