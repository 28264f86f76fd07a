"""Threads that start quickly: they look out for the next kernel for a moment, and then sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

#: places of the flags, on lines of cache of their own: the task given last, the one done last
_GIVEN, _DONE = 0, 16
#: looks at a flag, half a nanosecond to one each, before a thread sleeps
_SPINS = 1_000_000
#: looks for which a worker leaves the interpreter's lock to the thread that gave the task
_SPINS_AFTER_TASK = 10_000


class Worker:
    """A thread that runs one kernel at a time for another thread."""

    def __init__(self) -> None:
        from . import signals  # late: it takes a moment to load

        self._signals = signals
        self._flags = np.zeros(32, np.int64)
        self._task: tuple[int, Callable[..., Any], tuple[Any, ...]] | None = None
        self._count = 0
        self._error: BaseException | None = None
        #: held by whoever runs the present task
        self._claim = threading.Lock()
        self._sleep_lock, self._asleep, self._wake = threading.Lock(), False, threading.Lock()
        self._wake.acquire()
        threading.Thread(target=self._work, name="pyjutrack", daemon=True).start()

    def give(self, kernel: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Start kernel(*args). Before the next one, `finish` must be called."""
        self._count += 1
        self._task, self._error = (self._count, kernel, args), None
        if self._claim.locked():
            self._claim.release()
        self._signals.give(self._flags, _GIVEN, self._count)
        with self._sleep_lock:
            asleep, self._asleep = self._asleep, False
        if asleep:
            self._wake.release()

    def finish(self) -> BaseException | None:
        """Wait for the task, or do it where the worker has not come round to it; what it raised."""
        if self._claim.acquire(blocking=False):
            assert self._task is not None
            (_, kernel, args), self._task = self._task, None
            kernel(*args)
            return None
        while not self._signals.wait(self._flags, _DONE, self._count, _SPINS, 0):
            time.sleep(2e-5)  # on a busy machine the worker may need this core
        self._task = None  # nor hold on to its arrays
        return self._error

    def _work(self) -> None:
        seen = done = 0
        while True:
            # the flag is raised, and the next awaited, without the interpreter's lock
            while not self._signals.give_and_wait(
                self._flags, _DONE, done, _GIVEN, seen + 1, _SPINS, _SPINS_AFTER_TASK
            ):
                if self._sleep(seen):
                    break
            if self._claim.acquire(blocking=False):
                assert self._task is not None
                seen, kernel, args = self._task
                try:
                    kernel(*args)
                except BaseException as error:
                    self._error = error
                done, args = seen, ()
            else:
                seen += 1

    def _sleep(self, seen: int) -> bool:
        """Sleep until a task is given; True at once if one has been."""
        with self._sleep_lock:
            if self._flags[_GIVEN] > seen:
                return True
            self._asleep = True
        self._wake.acquire()
        return True
