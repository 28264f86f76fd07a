"""Random numbers by keys: of a number in a stream it takes the key and the number alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import parallel

_MASK = 2**64 - 1


def key_of(*numbers: int) -> int:
    """Make the key of a stream from whole numbers, in their order."""
    key = 0
    for number in numbers:
        key = _mix((key + number + 1) * 0x9E3779B97F4A7C15 & _MASK)
    return key


def _mix(z: int) -> int:
    """The finaliser of SplitMix64; see `noise_kernels`."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
    return z ^ z >> 31


@cache
def _kernel() -> Any:
    from .noise_kernels import normal  # late: it takes a moment to load

    return normal


def normal(key: int, first: int, count: int) -> NDArray[np.float64]:
    """Standard normal numbers `first` to `first + count` of the stream of a key, (count,)."""
    out = np.empty(count)
    parallel.run(_kernel(), count, parallel.parts(count), np.uint64(key), first, out)
    return out
