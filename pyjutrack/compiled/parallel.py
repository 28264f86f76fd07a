"""Kernels over ranges of particles, on a few Python threads.

Kernels release the interpreter lock, so plain threads are enough. OpenMP would start them a little
faster, but its threads spin while they wait: two such runtimes in one process (PyTorch brings its
own), or one other busy process, and every kernel is slower a hundredfold. How many threads is
PyTorch's number: `torch.set_num_threads` and OMP_NUM_THREADS rule both. While kernels have the
cores, PyTorch's own threads are sent to sleep; see `cores`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

#: kicks of single particles below which a thread of its own does not pay
_SHARE = 8192

_pool: ThreadPoolExecutor | None = None


class _Here(threading.local):
    """Of the calling thread: how deep it is in `cores`, and PyTorch's threads outside of it."""

    depth = 0
    threads = 1


_here = _Here()


@contextmanager
def cores() -> Iterator[None]:
    """Within, the kernels have the threads and PyTorch's small operations run on one.

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
    """In how many parts to run a loop: `work` is its cost per particle beside that of a kick.

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
    pool = _threads()
    waiting = {
        part: pool.submit(kernel, part, edges[part], edges[part + 1], *args)
        for part in range(1, share)
    }
    kernel(0, 0, edges[1], *args)
    for part, future in waiting.items():
        if future.cancel():  # no thread has come round to it yet, on a busy machine
            kernel(part, edges[part], edges[part + 1], *args)
        else:
            future.result()


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(max(1, (os.cpu_count() or 2) - 1), "pyjutrack")
    return _pool


def _forget() -> None:
    # threads do not survive a fork; the child starts its own
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
