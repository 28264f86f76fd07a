"""The ranks that share the particles of a beam: one process, or several of a job."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..autodiff import PositionalFunction, Pushed
from ..core.errors import InvalidValueError

#: sums a contiguous tensor over the ranks in place, or takes the largest ("sum" or "max")
Reduce = Callable[[Tensor, str], None]


@dataclass(frozen=True)
class Communicator:
    """The ranks among which a beam is shared.

    Its methods are collective: every rank calls them, in the same order, with tensors of one shape
    and dtype, and gets the same numbers, bit by bit. Alone, they return what they are given.

    Attributes:
        rank: the number of this process, from 0.
        size: how many there are; 1 is a process alone.
        particles: of the whole beam; None where no beam is shared yet, and alone.
        reduce: how the ranks add up; None alone.
    """

    rank: int = 0
    size: int = 1
    particles: int | None = None
    reduce: Reduce | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def is_serial(self) -> bool:
        """Return whether one process holds the whole beam."""
        return self.size == 1

    def for_particles(self, particles: int) -> Communicator:
        """Return the same ranks, for a beam of so many particles in all.

        Raises:
            InvalidValueError: too few for every rank to have one.
        """
        if self.is_serial:
            return self
        if particles < self.size:
            raise InvalidValueError(
                f"{particles} particles cannot be shared among {self.size} ranks: each needs one; "
                "take fewer ranks"
            )
        return dataclasses.replace(self, particles=particles)

    def rows(self, particles: int) -> slice:
        """Select this rank's block of so many particles; lengths differ by one at most."""
        return slice(self.rank * particles // self.size, (self.rank + 1) * particles // self.size)

    def sum(self, part: Tensor) -> Tensor:
        """The sum over the ranks of a tensor of any shape.

        Differentiable to any order in both modes. In reverse mode cotangents are summed likewise,
        so that what is differentiated is the sum over the ranks of what each rank differentiates;
        see `share`.
        """
        if self.is_serial:
            return part
        if isinstance(part, Pushed):
            both = self.sum(torch.cat([part.value.unsqueeze(0), part.tangent]))
            return Pushed.make(both[0], both[1:], part.directions)
        if not part.is_floating_point():
            return self._reduce_copy(part, "sum")
        total: Tensor = _Sum.apply(part, self)
        return total

    def largest(self, part: Tensor) -> Tensor:
        """The largest over the ranks, entry by entry; without derivatives."""
        return part if self.is_serial else self._reduce_copy(part, "max")

    def split_scalar(self, number: Tensor) -> Tensor:
        """Split a number that all ranks have alike: 1/size of it for each.

        The parts of all ranks sum to it, so that this is what each rank differentiates in
        reverse mode; the slopes by a parameter that all have alike are then to be summed.
        """
        return number if self.is_serial else number / self.size

    def first(self, message: bytes | None) -> bytes | None:
        """The message of the lowest rank that has one, on every rank; None if none has."""
        if self.is_serial:
            return message
        lengths = torch.full((self.size,), -1)
        if message is not None:
            lengths[self.rank] = len(message)
        lengths = self.largest(lengths)
        senders = (lengths >= 0).nonzero()
        if not len(senders):
            return None
        sender = int(senders[0])
        letters = torch.zeros(int(lengths[sender]), dtype=torch.uint8)
        if sender == self.rank and message:
            letters = torch.frombuffer(bytearray(message), dtype=torch.uint8)
        return bytes(self.sum(letters).numpy())

    def refuse(self, fault: str | None) -> None:
        """Raise InvalidValueError on every rank if any has found a fault, so that none waits."""
        found = self.first(None if fault is None else fault.encode())
        if found is not None:
            raise InvalidValueError(found.decode())

    def _reduce_copy(self, part: Tensor, how: str) -> Tensor:
        assert self.reduce is not None
        total = part.detach().clone(memory_format=torch.contiguous_format)
        self.reduce(total, how)
        return total


#: of a beam that is all in this process
SERIAL = Communicator()


class _Sum(PositionalFunction):
    """The sum over the ranks: linear, and its own transpose, so that it is all its derivatives."""

    @staticmethod
    def forward(part: Tensor, world: Communicator) -> Tensor:
        return world._reduce_copy(part, "sum")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.world = inputs[1]

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Any:  # type: ignore[override]
        return _Sum.apply(tangent, ctx.world)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        return _Sum.apply(gradient, ctx.world), None

    @staticmethod
    def vmap(info: Any, in_dims: Any, part: Tensor, world: Communicator) -> Any:
        return _Sum.apply(part, world), in_dims[0]
