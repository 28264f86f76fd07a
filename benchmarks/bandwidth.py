"""Limits of the machine: streaming copies and matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit, prange

from .clock import in_turns

#: elements of the copy that no cache holds: 256 MiB read, as much written
_LARGE = 2**25
_MATRIX = 512


@njit(parallel=True)
def _copy(source: Any, target: Any) -> None:
    for i in prange(source.size):
        target[i] = source[i]


def copy_rate(elements: int = _LARGE, repeats: int = 5) -> float:
    """Best rate of a threaded copy of float64 [byte/s], reads and writes counted."""
    source, target = np.ones(elements), np.zeros(elements)
    samples = in_turns({"copy": lambda: _copy(source, target)}, repeats)
    return 2 * source.nbytes / samples["copy"].min


def multiply_rate(repeats: int = 5) -> float:
    """Best rate of a float64 matrix product [flop/s]."""
    a = torch.ones(_MATRIX, _MATRIX, dtype=torch.float64)
    samples = in_turns({"product": lambda: a @ a}, repeats)
    return 2 * _MATRIX**3 / samples["product"].min
