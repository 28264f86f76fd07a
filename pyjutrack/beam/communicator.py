"""The ranks that share the particles of a beam: one process, or several of a job."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..autodiff import PositionalFunction, Pushed
from ..core.errors import InvalidValueError

#: of all ranks together, up to which each sends all it has [bytes]: one exchange in place of two
SHORT = 2**19


class Ranks(Protocol):
    """What carries a `Communicator`: MPI, or torch.distributed.

    Collective calls, with contiguous tensors of one shape and dtype on all ranks.
    """

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        ...

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def all_gather(self, part: Tensor) -> Tensor:
        """The parts of all ranks (size, ...), in their order, on every rank."""
        ...

    def all_to_all(self, rows: Tensor) -> Tensor:
        """Row r (size, n) of all ranks for rank r, in their order: a new tensor (size, n)."""
        ...

    def gather(self, message: bytes) -> list[bytes]:
        """The messages of all ranks, in their order, on every rank."""
        ...

    def broadcast(self, message: bytes, root: int) -> bytes:
        """The message of one rank, on every rank."""
        ...

    def scatter(self, messages: list[bytes], root: int) -> bytes:
        """One of the messages that one rank has for each; the others have none."""
        ...


@dataclass(frozen=True)
class Communicator:
    """The ranks among which a beam is shared.

    Its methods are collective: every rank calls them, in the same order, with tensors of one shape
    and dtype, and gets the same numbers, bit by bit. Alone, they return what they are given.

    Attributes:
        rank: the number of this process, from 0.
        size: how many there are; 1 is a process alone.
        particles: of the whole beam; None where no beam is shared yet, and alone.
        ranks: what carries messages, of MPI or of torch.distributed; None alone.
    """

    rank: int = 0
    size: int = 1
    particles: int | None = None
    ranks: Ranks | None = dataclasses.field(default=None, repr=False, compare=False)

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

    def rows(self, particles: int, rank: int | None = None) -> slice:
        """Select a rank's block of so many particles, this one's by default.

        Lengths differ by one at most.
        """
        rank = self.rank if rank is None else rank
        return slice(rank * particles // self.size, (rank + 1) * particles // self.size)

    def sum(self, part: Tensor) -> Tensor:
        """The sum over the ranks of a tensor of any shape, added up in the order of the ranks.

        Differentiable to any order in both modes. In reverse mode cotangents are summed likewise,
        so that what is differentiated is the sum over the ranks of what each rank differentiates;
        see `split_scalar`.

        Args:
            part: of this rank; of one shape on all ranks.
        """
        if self.is_serial:
            return part
        if isinstance(part, Pushed):
            both = self.sum(torch.cat([part.value.unsqueeze(0), part.tangent]))
            return Pushed.make(both[0], both[1:], part.directions)
        total: Tensor = _Sum.apply(part, self)
        return total

    def largest(self, part: Tensor) -> Tensor:
        """The largest over the ranks, entry by entry; without derivatives.

        Args:
            part: of this rank; of one shape on all ranks.
        """
        if self.is_serial:
            return part
        found: Tensor = _Largest.apply(part.detach(), self)
        return found

    def split_scalar(self, number: Tensor) -> Tensor:
        """Split a number that all ranks have alike: 1/size of it for each.

        The parts of all ranks sum to it, so that this is what each rank differentiates in
        reverse mode; the slopes by a parameter that all have alike are then to be summed.
        """
        return number if self.is_serial else number / self.size

    def broadcast(self, thing: Any, root: int = 0) -> Any:
        """What one rank has, on every rank: anything that can be pickled.

        Args:
            thing: on the root; the others' is not looked at.
            root: the rank that has it.
        """
        self._require_rank(root)
        if self.ranks is None:
            return thing
        sent = pickle.dumps(thing) if self.rank == root else b""
        return pickle.loads(self.ranks.broadcast(sent, root))

    def gather(self, thing: Any) -> list[Any]:
        """What all ranks have, in their order, on every rank: anything that can be pickled.

        Args:
            thing: of this rank.
        """
        if self.ranks is None:
            return [thing]
        return [pickle.loads(message) for message in self.ranks.gather(pickle.dumps(thing))]

    def scatter(self, things: Sequence[Any] | None, root: int = 0) -> Any:
        """One thing for each rank, of as many that one rank has: anything that can be pickled.

        Args:
            things: on the root, one for each rank in order; the others' are not looked at.
            root: the rank that has them.

        Raises:
            InvalidValueError: on all ranks, if there is not one for each.
        """
        self._require_rank(root)
        given = list(things or ()) if self.rank == root else []
        bad = self.rank == root and len(given) != self.size
        wrong = f"scatter needs a thing for each of {self.size} ranks, got {len(given)}"
        self.refuse(wrong if bad else None)
        if self.ranks is None:
            return given[0]
        return pickle.loads(self.ranks.scatter([pickle.dumps(thing) for thing in given], root))

    def barrier(self) -> None:
        """Wait until all ranks have come here."""
        if self.ranks is not None:
            self.ranks.gather(b"")

    def refuse(self, fault: str | None) -> None:
        """Raise InvalidValueError on every rank if any has found a fault, so that none waits."""
        mine = (fault or "").encode()
        for found in [mine] if self.ranks is None else self.ranks.gather(mine):
            if found:
                raise InvalidValueError(found.decode())

    def _require_rank(self, root: int) -> None:
        if not 0 <= root < self.size:
            raise InvalidValueError(f"root must be a rank from 0 to {self.size - 1}, got {root}")

    def _reduce(self, part: Tensor, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Combine the parts of all ranks in their order, each entry on one rank for all.

        Nothing is left to the order in which messages come, or in which a library adds up.
        """
        assert self.ranks is not None
        count, width = part.numel(), -(-part.numel() // self.size)
        if count * part.element_size() * self.size <= SHORT:
            return _fold(self.ranks.all_gather(part.contiguous()), combine)
        flat = part.reshape(-1)
        if count < width * self.size:
            flat = pad(flat, (0, width * self.size - count))
        mine = _fold(self.ranks.all_to_all(flat.contiguous().view(self.size, width)), combine)
        return self.ranks.all_gather(mine).view(-1)[:count].view(part.shape)


#: of a beam that is all in this process
SERIAL = Communicator()


def _fold(parts: Tensor, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    total = combine(parts[0], parts[1])
    for part in parts[2:]:
        total = combine(total, part)
    return total


class _Sum(PositionalFunction):
    """The sum over the ranks: linear, and its own transpose, so that it is all its derivatives."""

    @staticmethod
    def forward(part: Tensor, world: Communicator) -> Tensor:
        return world._reduce(part, torch.add)

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


class _Largest(PositionalFunction):
    """The largest over the ranks, of plain tensors inside of any transform; it has no slope."""

    @staticmethod
    def forward(part: Tensor, world: Communicator) -> Tensor:
        return world._reduce(part, torch.maximum)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Any:  # type: ignore[override]
        return None

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        return None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, part: Tensor, world: Communicator) -> Any:
        return _Largest.apply(part, world), in_dims[0]
