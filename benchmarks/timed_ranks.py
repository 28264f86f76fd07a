"""What carries a communicator, with a clock: a rank that waits works, and does nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

from pyjutrack.distributed import Communicator


class TimedRanks:
    """Ranks that count how long all that passes between them takes.

    Attributes:
        wall: seconds of it, waiting for others included.
        work: of these the seconds that this process had a core.
    """

    def __init__(self, ranks: Any) -> None:
        self._ranks = ranks
        self.wall = self.work = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ranks, name)
        return self._timed(found) if callable(found) else found

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            wall, work = perf_counter(), process_time()
            try:
                return call(*arguments)
            finally:
                self.wall += perf_counter() - wall
                self.work += process_time() - work

        return timed


def time_ranks(world: Communicator) -> tuple[Communicator, TimedRanks]:
    """The same ranks, and the clock on what passes between them."""
    clock = TimedRanks(world.ranks)
    return dataclasses.replace(world, ranks=clock if world.ranks else None), clock
