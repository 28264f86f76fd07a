"""Ranks that `torchrun` has started, through torch.distributed: gloo, and NCCL for GPUs."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store, Work
from torch.distributed.rendezvous import rendezvous

from ..core.errors import InvalidValueError, RankError
from .messages import Array, Messages
from .watch import MEETING, Watch

#: by which PyTorch, which would not say what rank is late, waits longer [s]
_MARGIN = 30.0


class TorchRanks(Messages):
    """The collective calls of a `Communicator`, by torch.distributed.

    Args:
        device: "cpu" (gloo), or "cuda" (NCCL; the rank takes the GPU of its local number).
        timeout: how long to wait for a rank that does not come [s].
        init_method: where the ranks meet, as in `torch.distributed.init_process_group`.
    """

    def __init__(self, device: str, timeout: float, init_method: str) -> None:
        if dist.is_initialized():
            raise InvalidValueError(
                "torch.distributed is initialised already; let pyjutrack.distributed.job do that, "
                "and use the default group that it makes"
            )
        self.rank, self.size = _number("RANK"), _number("WORLD_SIZE")
        backend = "gloo"
        if device != "cpu":
            torch.cuda.set_device(_number("LOCAL_RANK", self.rank))
            backend = "cpu:gloo,cuda:nccl"
        store = self._meet(backend, timeout, init_method)
        self._watch = Watch(self.rank, self.size, _Notes(store, self.rank), timeout)

    def _meet(self, backend: str, timeout: float, init_method: str) -> Store:
        """Join the default group; where its members write notes."""
        try:
            meeting = rendezvous(
                init_method,
                rank=self.rank,
                world_size=self.size,
                timeout=timedelta(seconds=MEETING),
            )
            store, _, _ = next(meeting)
            dist.init_process_group(
                backend,
                store=PrefixStore("group", store),
                rank=self.rank,
                world_size=self.size,
                timeout=timedelta(seconds=timeout + _MARGIN),
            )
        except (RuntimeError, ValueError) as error:
            said = str(error).splitlines()[0]
            raise RankError(
                f"rank {self.rank} of {self.size} did not meet the others: {said}"
            ) from error
        return PrefixStore("notes", store)

    def all_gather(self, part: Tensor) -> Tensor:
        whole = part.new_empty((self.size, *part.shape))
        self._wait(part, lambda: dist.all_gather([*whole], part, async_op=True))
        return whole

    def all_to_all(self, rows: Tensor) -> Tensor:
        found = torch.empty_like(rows)
        self._wait(rows, lambda: dist.all_to_all_single(found, rows, async_op=True))
        return found

    def gather_arrays(self, part: Array) -> Array:
        whole = np.empty((self.size, *part.shape), part.dtype)
        rows, own = [*map(torch.from_numpy, whole)], torch.from_numpy(part)
        self._wait(own, lambda: dist.all_gather(rows, own, async_op=True))
        return whole

    def broadcast_array(self, array: Array, root: int) -> None:
        filled = torch.from_numpy(array)
        self._wait(filled, lambda: dist.broadcast(filled, root, async_op=True))

    def scatter_arrays(self, part: Array, rows: Array | None, root: int) -> None:
        given = None if rows is None else [*map(torch.from_numpy, rows)]
        filled = torch.from_numpy(part)
        self._wait(filled, lambda: dist.scatter(filled, given, root, async_op=True))

    def finish(self) -> None:
        """Part from the others at the end of a job.

        Raises:
            RankError: one of them has raised.
        """
        self._watch.finish()
        dist.destroy_process_group()

    def leave(self, why: str) -> None:
        """Part from the others before the end; the group stays as it is.

        Its threads may be waiting for a rank that is no more, and taking it down waits for them.
        """
        self._watch.leave(why)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(dist.group.WORLD))

    def _wait(self, tensor: Tensor, call: Callable[[], Work | None]) -> None:
        def start() -> Work:
            work = call()
            assert work is not None
            return work

        if tensor.device.type == "cpu":
            self._watch.wait(start, _wait_for)
        else:
            start().wait()  # of the stream, not of this thread; NCCL has a watch of its own


class _Notes:
    """Notes in the store where the ranks met, numbered as they come."""

    def __init__(self, store: Store, rank: int) -> None:
        self._store, self._rank, self._read = store, rank, 0

    def write(self, text: str) -> None:
        number = self._store.add("count", 1)
        self._store.set(f"note {number}", f"{self._rank} {text}")

    def read(self) -> list[tuple[int, str]]:
        found = []
        for number in range(self._read + 1, self._store.add("count", 0) + 1):
            rank, _, text = self._store.get(f"note {number}").decode().partition(" ")
            self._read = number
            if int(rank) != self._rank:
                found.append((int(rank), text))
        return found


def _wait_for(work: Work, seconds: float) -> bool:
    """Wait for work to end; False if it takes longer than some seconds.

    Raises:
        RuntimeError: it has failed.
    """
    try:
        work.wait(timedelta(seconds=seconds))
    except RuntimeError:
        if not work.is_completed():
            return False
        work.wait()  # which raises if it has failed, and not if it was just now done
    return True


def _number(variable: str, default: int | None = None) -> int:
    text = os.environ.get(variable)
    if text is None and default is not None:
        return default
    try:
        return int(text or "")
    except ValueError:
        raise InvalidValueError(
            f"the environment says {variable}={text}; start the job with torchrun"
        ) from None
