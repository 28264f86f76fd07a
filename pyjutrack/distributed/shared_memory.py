"""A board in memory on which the ranks of one machine add up, as fast as it can be read.

Sockets wake four threads for a sum: on a machine of two cores that is 2 ms for a grid of 128 x 128,
and 0.15 ms here. Each rank puts its part up, and once all parts are there each rank adds
them in the order of the ranks, so that all get the same number bit by bit.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import torch
from torch import Tensor

from ..beam.communicator import Communicator

#: memory with the name of a file; where there is none, there is no board
_FOLDER = "/dev/shm"
#: of a part [bytes]; what is longer goes up piece by piece
_PIECE = 1 << 18
#: of a flag: a line of cache of its own [bytes]
_LINE = 64
#: looks at a flag, half a nanosecond to one each, before a rank naps between looks
_PATIENCE = 2_000_000
#: longest nap [s]; up to there it is a part of the time waited so far
_NAP, _SHARE = 1e-3, 1 / 8

_COMBINE: dict[str, Callable[..., Tensor]] = {"sum": torch.add, "max": torch.maximum}

#: waits within some seconds for a sign of whether it has come to its end
Wait = Callable[[Callable[[float], bool]], None]


def board(world: Communicator, timeout: float) -> Board | None:
    """A board for all ranks of a world; None where they are not on one machine. Collective.

    Args:
        timeout: how long to wait for a rank that is alive [s].
    """
    made = _new(world.size) if world.rank == 0 else None
    name = world.first(None if made is None else made.encode())
    if name is None:
        return None
    found = None
    with suppress(OSError):  # another machine, or another user
        found = Board(name.decode(), world.rank, world.size, timeout)
    try:
        missing = bool(world.largest(torch.tensor(int(found is None))))
    finally:
        if made is not None:
            os.unlink(made)  # it lives as long as the ranks hold it
    return None if missing else found


def _new(ranks: int) -> str | None:
    """A file with the memory of a board."""
    try:
        file, name = tempfile.mkstemp(prefix="pyjutrack-", dir=_FOLDER)
    except OSError:
        return None
    try:
        os.posix_fallocate(file, 0, ranks * (_LINE + 2 * _PIECE))
    except OSError:  # no room
        os.unlink(name)
        return None
    finally:
        os.close(file)
    return name


class Board:
    """One rank's hold of a board.

    A piece goes up in one of two places in turns: once all have put up the next, all have read it.
    Each rank locks a byte of the file, and that is free again when the rank is no more.
    """

    def __init__(self, name: str, rank: int, size: int, timeout: float) -> None:
        from ..kernels import signals  # late: it takes a moment to load

        self._signals = signals
        self._rank, self._size, self._turn = rank, size, 0
        self._timeout, self._began = timeout, 0.0
        self._file = os.open(name, os.O_RDWR)
        memory = mmap.mmap(self._file, size * (_LINE + 2 * _PIECE))
        flags = size * _LINE
        self._flags = np.frombuffer(memory, np.int64, flags // 8)
        places = np.frombuffer(memory, np.uint8, offset=flags).reshape(2, size, _PIECE)
        self._places = torch.from_numpy(places)
        self._lock(rank, shared=False)

    def close(self) -> None:
        """Let the others know that nothing will come any more."""
        os.close(self._file)

    def reduce(self, tensor: Tensor, how: str, wait: Wait) -> None:
        """Sum a contiguous tensor over the ranks in place, or the largest; see `Communicator`."""
        combine = _COMBINE[how]
        for piece in tensor.view(-1).split(_PIECE // tensor.element_size()):
            self._turn += 1
            parts = self._places[self._turn % 2].view(tensor.dtype)[:, : len(piece)]
            parts[self._rank] = piece
            self._signals.give(self._flags, self._at(self._rank), self._turn)
            self._began = time.monotonic()
            wait(self._complete)
            combine(parts[0], parts[1], out=piece)
            for part in parts[2:]:
                combine(piece, part, out=piece)

    def _complete(self, seconds: float) -> bool:
        """Return whether all parts of this turn have come within a time.

        Raises:
            RuntimeError: a rank is gone and has not left its part, or has taken too long.
        """
        return all(self._wait_for_rank(rank, seconds) for rank in range(self._size))

    def _wait_for_rank(self, rank: int, seconds: float) -> bool:
        began, looks = time.monotonic(), _PATIENCE
        while not self._wait_for_flag(rank, looks):
            waited, looks = time.monotonic() - began, 1
            if waited > seconds:
                if self._lock(rank, shared=True) and not self._wait_for_flag(rank, looks):
                    raise RuntimeError(f"rank {rank} is gone")
                if time.monotonic() - self._began > self._timeout:
                    raise RuntimeError(f"rank {rank} has not come for {self._timeout:g} s")
                return False
            time.sleep(min(_NAP, _SHARE * waited))
        return True

    def _wait_for_flag(self, rank: int, looks: int) -> bool:
        seen: bool = self._signals.wait(self._flags, self._at(rank), self._turn, looks, 0)
        return seen

    def _at(self, rank: int) -> int:
        return rank * _LINE // 8

    def _lock(self, rank: int, *, shared: bool) -> bool:
        """Try to lock the byte of a rank; False where another process has it for itself."""
        import fcntl  # not on every system, but where there is the folder

        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.lockf(self._file, how | fcntl.LOCK_NB, 1, rank)
        except OSError:
            return False
        return True
