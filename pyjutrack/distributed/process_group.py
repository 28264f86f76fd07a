"""The ranks of a job: how they meet, add up, and part."""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from ..beam.communicator import SERIAL, Communicator
from ..core.devices import usable
from ..core.errors import InvalidValueError, RankError
from .heartbeat import Peers, wait_until_done
from .shared_memory import Board, board

#: how long to wait for all ranks to come: they import at their own pace [s]
_MEETING = 180.0
_HOW = {"sum": dist.ReduceOp.SUM, "max": dist.ReduceOp.MAX}


@contextmanager
def job(
    *,
    device: str = "cpu",
    patience: float = 10.0,
    timeout: float = 1800.0,
    init_method: str = "env://",
) -> Iterator[Communicator]:
    """Meet the other ranks of a job that `torchrun` has started, and part from them at the end.

    Without such a job, and in one of a single rank, this process is alone, and all goes as
    without it. A rank that dies, stops or raises ends the wait of all others with an error that
    says which and why.

    Args:
        device: "cpu" (gloo), or "cuda" (NCCL; the rank takes the GPU of its local number).
        patience: how long a rank may give no sign of life while others wait for it [s]. Each
            gives one twice a second, whatever it computes.
        timeout: how long ranks wait for one that is alive [s].
        init_method: where the ranks meet, as in `torch.distributed.init_process_group`.

    Yields:
        The `Communicator` of the job, to `shard` beams among.

    Raises:
        RankError: another rank is gone, or they did not meet.
        InvalidValueError: no such device, a time that is not positive, an environment that says
            WORLD_SIZE without RANK, or torch.distributed is initialised already.
    """
    for name, seconds in (("patience", patience), ("timeout", timeout)):
        if not (math.isfinite(seconds) and seconds > 0):
            raise InvalidValueError(f"{name} must be positive, got {seconds} s")
    usable(device)
    size = _number("WORLD_SIZE", 1)
    if size == 1:
        yield SERIAL
        return
    if dist.is_initialized():
        raise InvalidValueError(
            "torch.distributed is initialised already; let pyjutrack.distributed.job do that, and "
            "use the default group that it makes"
        )
    rank = _number("RANK", None)
    peers = _meet(init_method, rank, size, device, patience, timeout)
    shared: Board | None = None

    def reduce(tensor: Tensor, how: str) -> None:
        if shared is not None and tensor.device.type == "cpu":
            shared.reduce(tensor, how, peers.wait)
            return
        work = dist.all_reduce(tensor, _HOW[how], async_op=True)
        assert work is not None
        if tensor.device.type == "cpu":
            peers.wait(lambda seconds: wait_until_done(work, seconds))
        else:
            work.wait()  # of the stream, not of this thread; NCCL has a watch of its own

    world = Communicator(rank, size, reduce=reduce)
    try:
        shared = board(world, timeout)
        yield world
    except BaseException as error:
        known = isinstance(error, RankError)
        name = type(error).__name__
        peers.leave(str(error) if known else f"rank {rank} has stopped with {name}: {error}")
        _abandon()
        raise
    finally:
        if shared is not None:
            shared.close()
            shared = None
    peers.leave(
        f"rank {rank} has finished already. Every rank must take part in whatever concerns the "
        "whole beam, its moments for instance: compute on all ranks, print on one"
    )
    dist.destroy_process_group()


def _meet(
    init_method: str, rank: int, size: int, device: str, patience: float, timeout: float
) -> Peers:
    """Join the default group; the signs of life of its members."""
    backend = "gloo"
    if device != "cpu":
        torch.cuda.set_device(_number("LOCAL_RANK", rank))
        backend = "cpu:gloo,cuda:nccl"
    try:
        meeting = rendezvous(
            init_method, rank=rank, world_size=size, timeout=timedelta(seconds=_MEETING)
        )
        store, _, _ = next(meeting)
        peers = Peers(store, rank, size, patience)
        dist.init_process_group(
            backend,
            store=PrefixStore("group", store),
            rank=rank,
            world_size=size,
            timeout=timedelta(seconds=timeout),
        )
    except (RuntimeError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise RankError(f"rank {rank} of {size} did not meet the others: {said}") from error
    peers.start()
    return peers


def _abandon() -> None:
    """Leave the group as it is to the end of the process.

    Its threads may be waiting for a rank that is no more, and taking it down waits for them.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(dist.group.WORLD))


def _number(variable: str, default: int | None) -> int:
    text = os.environ.get(variable)
    if text is None and default is not None:
        return default
    try:
        return int(text or "")
    except ValueError:
        raise InvalidValueError(
            f"the environment says {variable}={text}; start the job with torchrun"
        ) from None
