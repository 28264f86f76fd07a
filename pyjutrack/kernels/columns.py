"""Copies of the six columns of particles, and of fields."""

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


def multiply_fields(fields: Tensor, factor: float) -> Tensor:
    """Fields of many settings, plain numbers, times a factor, on all cores."""
    from .column_kernels import multiply  # late: it takes a moment to load

    numbers = fields.contiguous().numpy()
    out = allocate(numbers.shape, numbers.dtype)
    args = numbers.dtype.type(factor), numbers.reshape(-1), out.numpy().reshape(-1)
    parallel.run(multiply, numbers.size, parallel.parts(numbers.size, _WORK), *args)
    return out


def restore_columns(
    found: Sequence[Tensor], kept: Sequence[Tensor], alive: Tensor, share: float
) -> bool:
    """Copy six plain columns (N,) on the CPU over those found, which are alike but for rounding.

    A copy takes as long when it compares too, both waiting for the memory.

    Args:
        found: own memory, written in place.
        alive: mask (N,) of the live ones, whose mean size it is; the lost are compared too.
        share: by which each may be off, as part of the mean size of those about it.

    Returns:
        Whether all are alike. Otherwise what is not alike, or a part of it, is as it was found.
    """
    from .column_kernels import restore

    ours, theirs = ([c.contiguous().numpy() for c in side] for side in (found, kept))
    size = ours[0].size
    count = parallel.parts(size, _WORK)
    alike = np.zeros(count, np.bool_)
    mask = alive.contiguous().numpy()
    parallel.run(restore, size, count, share, mask, *ours, *theirs, alike)
    return bool(alike.all())
