"""The six columns of particles in memory of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import parallel
from .memory import allocate

Array = NDArray[Any]

#: work beside a kick, per particle
_WORK = 0.5
#: so many particles are copied as fast by NumPy, which takes twice as long for a million
_FEW = 12_000


def stack_columns(columns: Sequence[Tensor]) -> Tensor:
    """Six plain columns (N,) on the CPU, however they lie, as the rows of a new tensor.

    One pass on all cores, onto memory of NumPy's: that asks for large pages where PyTorch does
    not, and with small ones having them allotted takes longer than to fill them; see `memory`.
    """
    arrays = [column.numpy() for column in columns]
    size = arrays[0].size
    if size < _FEW:
        return torch.from_numpy(np.array(arrays))
    from .column_kernels import fill  # late: it takes a moment to load

    out = allocate((len(arrays), size), arrays[0].dtype)
    parallel.run(fill, size, parallel.parts(size, _WORK), *arrays, out.numpy())
    return out
