"""Kernels over ranges of particles, on a few Python threads.

Kernels release the interpreter lock, so plain threads are enough. OpenMP's spin without end while
they wait: two such runtimes in one process (PyTorch brings its own), or one other busy process, and
every kernel is slower a hundredfold. Those here spin for a moment only; see `workers`. How many is
PyTorch's number: `torch.set_num_threads` and OMP_NUM_THREADS rule both. While kernels have the
cores, PyTorch's own threads are sent to sleep; see `cores`. A child made by a fork has one thread,
and is refused when given more; see `forks`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .workers import Worker

#: kicks of single particles below which a thread of its own does not pay
_SHARE = 3000


class _ThreadState(threading.local):
    """State of the calling thread: depth of `cores`, and PyTorch's threads outside of it."""

    depth = 0
    threads = 1


_here = _ThreadState()


@contextmanager
def cores() -> Iterator[None]:
    """Let the kernels have the threads, and PyTorch's small operations run on one.

    Between two kernels PyTorch does next to nothing, but for a millisecond after that its threads
    spin on the cores that the kernels want. May be nested; every Python thread is for itself, as
    PyTorch's number is.
    """
    if _here.depth == 0:
        _here.threads = torch.get_num_threads()
        torch.set_num_threads(1)
    _here.depth += 1
    try:
        yield
    finally:
        _here.depth -= 1
        if _here.depth == 0:
            torch.set_num_threads(_here.threads)


def parts(count: int, work: float = 1.0) -> int:
    """Count the parts in which to run a loop: `work` is its cost per particle, a kick's is 1.

    Ask once, size the results by it, and pass it to `run`: another call may answer differently.
    """
    threads = _here.threads if _here.depth else torch.get_num_threads()
    return max(1, min(threads, int(count * work) // _SHARE))


def run(kernel: Callable[..., Any], count: int, share: int, *args: Any) -> None:
    """Call kernel(part, start, stop, *args) for `share` parts of range(count); wait for all."""
    if share == 1:
        kernel(0, 0, count, *args)
        return
    edges = [part * count // share for part in range(share + 1)]
    parts = [(part, edges[part], edges[part + 1], *args) for part in range(share)]
    if not _busy.acquire(blocking=False):  # another thread of Python has the workers
        for part in parts:
            kernel(*part)
        return
    try:
        while len(_workers) < share - 1:
            _workers.append(Worker())
        helpers = _workers[: share - 1]
        for worker, part in zip(helpers, parts[1:], strict=True):
            worker.give(kernel, part)
        try:
            kernel(*parts[0])
        finally:
            errors = [worker.finish() for worker in helpers]
        for error in errors:
            if error is not None:
                raise error
    finally:
        _busy.release()


_busy = threading.Lock()
_workers: list[Worker] = []


def _forget() -> None:
    # threads do not survive a fork: the child starts workers of its own where it wants them
    global _busy
    _busy = threading.Lock()
    _workers.clear()
    _here.threads = 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
