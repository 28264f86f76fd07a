"""Random numbers by keys: of a number in a stream it takes the key and the number alone."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import parallel

_MASK = 2**64 - 1


def key_of(*numbers: int, key: int = 0) -> int:
    """Make the key of a stream from whole numbers, in their order, going on from a key."""
    for number in numbers:
        key = _mix((key + number + 1) * 0x9E3779B97F4A7C15 & _MASK)
    return key


def _mix(z: int) -> int:
    """The finaliser of SplitMix64; see `noise_kernels`."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
    return z ^ z >> 31


class Stream(NamedTuple):
    """The normal numbers of particles at a place in a turn.

    Attributes:
        seed: the key that all places and turns have in common.
        place: whole numbers that tell the place, two.
        turn: from 0.
        first: the number of the first particle here in the whole beam.
    """

    seed: int
    place: tuple[int, int]
    turn: int = 0
    first: int = 0

    @property
    def numbers(self) -> list[float]:
        """What compiled programs read: the seed in halves, as a float has 53 bits, and the place.

        They have turn and particles themselves.
        """
        return [float(self.seed >> 32), float(self.seed & 0xFFFFFFFF), *map(float, self.place)]

    def draw(self, count: int) -> NDArray[np.float64]:
        """Draw numbers for so many particles."""
        return normal(key_of(self.turn, *self.place, key=self.seed), self.first, count)


@cache
def _kernel() -> Any:
    from .noise_kernels import normal  # late: it takes a moment to load

    return normal


def normal(key: int, first: int, count: int) -> NDArray[np.float64]:
    """Standard normal numbers `first` to `first + count` of the stream of a key, (count,)."""
    out = np.empty(count)
    parallel.run(_kernel(), count, parallel.parts(count), np.uint64(key), first, out)
    return out
