"""Memory of beams, and of fields of many settings, that are gone, kept for the next ones.

The system gives large memory page by page, each zeroed when it is first touched, and takes it back
when it is freed: for a million particles that takes longer than to fill it, up to ten times.
"""

from __future__ import annotations

import math
import weakref
from collections import deque
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

#: bytes of what is kept: less is no trouble to the system, more is too much to hold on to
_LEAST, _MOST = 2**20, 2**27
#: what was lent last and what tells that it is in use; of less than `_KEPT` bytes together, so
#: that one beam may come from another, and of few, as fields of a slice come from those before
_lent: deque[tuple[NDArray[np.uint8], weakref.ref[NDArray[Any]]]] = deque(maxlen=6)
_KEPT = 2 * _MOST


def allocate(shape: tuple[int, ...], dtype: DTypeLike) -> Tensor:
    """A tensor of any numbers; what it lies on goes to another one when no tensor is left on it."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not _LEAST <= size <= _MOST:
        return torch.from_numpy(np.empty(shape, dtype))
    memory = _find(size)
    if memory is None:
        memory = np.empty(size, np.uint8)
    array = memory.view(dtype).reshape(shape)
    _lent.append((memory, weakref.ref(array)))
    _forget_oldest()
    # views of a tensor, and arrays made of it, hold its storage, and that holds this very array;
    # a view of the array would not
    return torch.from_numpy(array)


def _forget_oldest() -> None:
    while sum(memory.size for memory, _ in tuple(_lent)) > _KEPT:
        with suppress(IndexError):  # other threads were faster
            _lent.popleft()


def _find(size: int) -> NDArray[np.uint8] | None:
    """Memory of that size that is not in use; it is no other thread's once it is off the list."""
    for _ in range(len(_lent)):
        try:
            memory, user = _lent.popleft()
        except IndexError:  # other threads were faster
            return None
        if user() is None and memory.size == size:
            return memory
        _lent.append((memory, user))
    return None
