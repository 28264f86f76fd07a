"""Messages of bytes by collective calls of arrays.

Arrays of NumPy, which are what they are inside of PyTorch's transforms too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Messages(ABC):
    """What sends bytes of any length, where arrays of one shape on all ranks can be sent."""

    rank: int
    size: int

    @abstractmethod
    def gather_arrays(self, part: Array) -> Array:
        """The parts of all ranks (size, n), in their order, on every rank."""

    @abstractmethod
    def broadcast_array(self, array: Array, root: int) -> None:
        """Fill an array with that of one rank."""

    @abstractmethod
    def scatter_arrays(self, part: Array, rows: Array | None, root: int) -> None:
        """Fill a part (n,) with a row of those (size, n) that one rank has."""

    def gather(self, message: bytes) -> list[bytes]:
        """The messages of all ranks, in their order, on every rank."""
        lengths = self._gather_numbers([len(message)])[:, 0]
        if not lengths.any():
            return [b""] * self.size
        rows = self.gather_arrays(_letters(message, lengths.max()))
        return [row[:n].tobytes() for row, n in zip(rows, lengths, strict=True)]

    def broadcast(self, message: bytes, root: int) -> bytes:
        """The message of one rank, on every rank."""
        length = self._gather_numbers([len(message)])[root, 0]
        letters = _letters(message if self.rank == root else b"", length)
        self.broadcast_array(letters, root)
        return letters.tobytes()

    def scatter(self, messages: list[bytes], root: int) -> bytes:
        """One of the messages that one rank has for each; the others have none."""
        given = [*map(len, messages)] if self.rank == root else [0] * self.size
        lengths = self._gather_numbers(given)[root]
        rows = None
        if self.rank == root:
            rows = np.stack([_letters(message, lengths.max()) for message in messages])
        part = _letters(b"", lengths.max())
        self.scatter_arrays(part, rows, root)
        return part[: lengths[self.rank]].tobytes()

    def _gather_numbers(self, numbers: list[int]) -> Array:
        return self.gather_arrays(np.array(numbers))


def _letters(message: bytes, length: int) -> Array:
    """A message as bytes of a length, with zeros at its end."""
    letters = np.zeros(length, np.uint8)
    letters[: len(message)] = np.frombuffer(message, np.uint8)
    return letters
