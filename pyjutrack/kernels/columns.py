"""The six columns of particles in memory of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import parallel
from .jit import kernel

Array = NDArray[Any]

#: work beside a kick, per particle
_WORK = 0.5


@kernel
def _fill(
    part: int,
    start: int,
    stop: int,
    x: Array,
    px: Array,
    y: Array,
    py: Array,
    z: Array,
    delta: Array,
    out: Array,
) -> None:
    for n in range(start, stop):
        out[0, n], out[1, n], out[2, n] = x[n], px[n], y[n]
        out[3, n], out[4, n], out[5, n] = py[n], z[n], delta[n]


def stack_columns(columns: Sequence[Tensor]) -> Tensor:
    """Six plain columns (N,) on the CPU, however they lie, as the rows of a new tensor.

    One pass on all cores, onto memory of NumPy's: that asks for large pages where PyTorch does
    not, and with small ones having them allotted takes longer than to fill them.
    """
    arrays = [column.numpy() for column in columns]
    size = arrays[0].size
    out = np.empty((len(arrays), size), arrays[0].dtype)
    parallel.run(_fill, size, parallel.parts(size, _WORK), *arrays, out)
    return torch.from_numpy(out)
