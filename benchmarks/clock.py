"""Timing of contenders in turns, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter

#: a sample of a fast contender is the mean of as many calls as fill this time [s]
_SAMPLE = 0.05


@dataclass(frozen=True)
class Samples:
    """Seconds per call of one contender, one number per round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def min(self) -> float:
        return min(self.seconds)

    def over(self, other: Samples) -> float:
        """Median over the rounds of the ratio within the round."""
        return median(a / b for a, b in zip(self.seconds, other.seconds, strict=True))


def in_turns(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Samples]:
    """Time every contender once a round, in an order that moves on by one each round.

    Each is called twice before the clock runs (compilation, caches), and the garbage collector
    is off while it does.
    """
    calls = {}
    for name, call in contenders.items():
        call()
        calls[name] = max(1, math.ceil(_SAMPLE / _time(call, 1)))
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for k in range(rounds):
        shift = k % len(names)
        for name in names[shift:] + names[:shift]:
            seconds[name].append(_time(contenders[name], calls[name]))
    return {name: Samples(tuple(s)) for name, s in seconds.items()}


def _time(call: Callable[[], object], times: int) -> float:
    with no_collection():
        start = perf_counter()
        for _ in range(times):
            call()
        return (perf_counter() - start) / times


@contextmanager
def no_collection() -> Iterator[None]:
    """Collect now, and not again before the end."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
