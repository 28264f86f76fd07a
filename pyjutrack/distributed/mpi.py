"""Ranks that MPI has started: `mpirun`, `srun`, through mpi4py."""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import InvalidValueError, MissingPackageError, RankError
from .messages import Array, Messages
from .watch import MEETING, Watch

if TYPE_CHECKING:
    from mpi4py import MPI

#: tests of a request, half a microsecond each, before a rank naps between tests
_SPINS = 2000
#: longest nap [s]; up to there it is a part of the time waited so far
_NAP, _SHARE = 1e-3, 1 / 8


class MPIRanks(Messages):
    """The collective calls of a `Communicator`, by MPI, each of which can be waited for in part.

    Args:
        size: how many ranks the launcher has started; None if it does not say.
        timeout: how long to wait for a rank that does not come [s].
    """

    def __init__(self, size: int | None, timeout: float) -> None:
        mpi = _load()
        everyone = mpi.COMM_WORLD
        if size not in (None, everyone.size):
            raise InvalidValueError(
                f"the launcher has started {size} ranks, and the MPI of mpi4py sees "
                f"{everyone.size}: they are not of one MPI. mpi4py has loaded "
                f"{mpi.Get_library_version().splitlines()[0][:60]}; start the job with the mpirun "
                "of that, or set MPI4PY_MPIABI"
            )
        self.rank, self.size = everyone.rank, everyone.size
        self._mpi = mpi
        self._world, notes = self._meet(everyone), self._meet(everyone)
        self._notes = _Notes(notes, mpi)
        self._watch = Watch(self.rank, self.size, self._notes, timeout)

    def _meet(self, everyone: MPI.Comm) -> MPI.Comm:
        """A communicator of the same ranks, once all have come."""
        own, met = everyone.Idup()
        if not _test(met.Test, MEETING):
            raise RankError(
                f"rank {self.rank} of {self.size} did not meet the others within {MEETING:g} s: "
                "every rank must enter the job"
            )
        return own

    def all_gather(self, part: Tensor) -> Tensor:
        whole = torch.empty((self.size, *part.shape), dtype=part.dtype)
        self._wait(self._world.Iallgather, self._words(part), self._words(whole))
        return whole.to(part.device)

    def all_to_all(self, rows: Tensor) -> Tensor:
        found = torch.empty(rows.shape, dtype=rows.dtype)
        self._wait(self._world.Ialltoall, self._words(rows), self._words(found))
        return found.to(rows.device)

    def gather_arrays(self, part: Array) -> Array:
        whole = np.empty((self.size, *part.shape), part.dtype)
        self._wait(self._world.Iallgather, part, whole)
        return whole

    def broadcast_array(self, array: Array, root: int) -> None:
        self._wait(self._world.Ibcast, array, root)

    def scatter_arrays(self, part: Array, rows: Array | None, root: int) -> None:
        self._wait(self._world.Iscatter, rows, part, root)

    def finish(self) -> None:
        """Part from the others at the end of a job.

        Raises:
            RankError: one of them has raised.
        """
        self._watch.finish()
        self._notes.close()
        self._world.Free()

    def leave(self, why: str) -> None:
        """Part from the others before the end; at the end of this process MPI ends all others.

        To finalise MPI would wait for calls that do not come to an end any more.
        """
        self._watch.leave(why)
        atexit.register(self._abort)

    def _abort(self) -> None:
        self._watch.part()  # so that others may print why they end
        sys.stdout.flush()
        sys.stderr.flush()
        self._mpi.COMM_WORLD.Abort(1)

    def _wait(self, call: Callable[..., MPI.Request], *arguments: Any) -> None:
        self._watch.wait(
            lambda: call(*arguments), lambda request, seconds: _test(request.Test, seconds)
        )

    def _words(self, tensor: Tensor) -> Array:
        """A tensor as words of MPI, of 8 bytes if it can be: it counts no more than 2^31."""
        row = tensor.cpu().reshape(-1)
        if row.stride(0) != 1:  # `contiguous` leaves one number as it is
            row = row.clone(memory_format=torch.contiguous_format)
        letters: Array = row.view(torch.uint8).numpy()
        return letters if len(letters) % (8 * self.size) else letters.view(np.int64)


class _Notes:
    """Messages on a communicator of their own."""

    def __init__(self, comm: MPI.Comm, mpi: Any) -> None:
        self._comm, self._mpi = comm, mpi
        self._sent: list[MPI.Request] = []

    def write(self, text: str) -> None:
        for rank in range(self._comm.size):
            if rank != self._comm.rank:
                self._sent.append(self._comm.isend(text, dest=rank))

    def read(self) -> list[tuple[int, str]]:
        found = []
        status = self._mpi.Status()
        while self._comm.iprobe(status=status):
            rank = status.Get_source()
            found.append((rank, self._comm.recv(source=rank)))
        return found

    def close(self) -> None:
        with suppress(RuntimeError):
            self._mpi.Request.Waitall(self._sent)
            self._comm.Free()


def _load() -> Any:
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise MissingPackageError(
            "MPI has started this process, and mpi4py is not installed: pip install "
            "'pyjutrack[mpi]'"
        ) from error
    except RuntimeError as error:  # of an MPI library that is not there
        raise MissingPackageError(f"mpi4py cannot load MPI: {error}") from error
    return MPI


def _test(test: Callable[[], bool], seconds: float) -> bool:
    """Test until something is true; False if it takes longer than some seconds."""
    for _ in range(_SPINS):
        if test():
            return True
    began = time.monotonic()
    while not test():
        waited = time.monotonic() - began
        if waited > seconds:
            return False
        time.sleep(min(_NAP, _SHARE * waited))
    return True
