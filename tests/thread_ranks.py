"""Ranks that are threads of this process: what carries a communicator, without a launcher."""

from __future__ import annotations

import threading
from typing import Any

import torch

from pyjutrack.distributed import Communicator


class ThreadRanks:
    """One of some ranks, which put up what they give in a list that all read."""

    def __init__(self, rank: int, given: list[Any], barrier: threading.Barrier) -> None:
        self.rank, self.given, self.barrier = rank, given, barrier

    def exchange(self, thing: Any) -> list[Any]:
        """What all ranks give."""
        self.given[self.rank] = thing.clone() if isinstance(thing, torch.Tensor) else thing
        self.barrier.wait()
        found = list(self.given)
        self.barrier.wait()
        return found

    def all_gather(self, part: torch.Tensor) -> torch.Tensor:
        return torch.stack(self.exchange(part))

    def all_to_all(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.stack([given[self.rank] for given in self.exchange(rows)])

    def gather(self, message: bytes) -> list[bytes]:
        return self.exchange(message)

    def broadcast(self, message: bytes, root: int) -> bytes:
        return self.exchange(message)[root]

    def scatter(self, messages: list[bytes], root: int) -> bytes:
        return self.exchange(messages)[root][self.rank]


def worlds(size: int, particles: int | None = None) -> list[Communicator]:
    """The communicators of so many threads."""
    given, barrier = [None] * size, threading.Barrier(size, timeout=60)
    ranks = [ThreadRanks(rank, given, barrier) for rank in range(size)]
    return [Communicator(rank, size, particles, ranks[rank]) for rank in range(size)]
