"""Kernels of `columns`."""

import numpy as np

from .jit import kernel, reduction

#: particles whose columns are filled in turn: the rows of so many are in the first-level cache,
#: and one column at a time is written half as long as six
_BLOCK = 64


@kernel
def fill(part, start, stop, x, px, y, py, z, delta, rows):
    """Columns (N) as the `rows` (6, N)."""
    for low in range(start, stop, _BLOCK):
        high = min(low + _BLOCK, stop)
        _copy(low, high, x, rows[0])
        _copy(low, high, px, rows[1])
        _copy(low, high, y, rows[2])
        _copy(low, high, py, rows[3])
        _copy(low, high, z, rows[4])
        _copy(low, high, delta, rows[5])


@kernel
def multiply(part, start, stop, factor, numbers, out):
    """Numbers in a row times a factor."""
    for i in range(start, stop):
        n = np.uintp(i)
        out[n] = factor * numbers[n]


@kernel
def _copy(low, high, column, row):
    for i in range(low, high):
        n = np.uintp(i)
        row[n] = column[n]


#: particles compared before they are copied: both sides of a column are in the first-level cache
_COMPARED = 1024


@kernel
def restore(
    part, start, stop, share, alive, x, px, y, py, z, delta, x0, px0, y0, py0, z0, delta0, alike
):
    """Copy columns over others, block by block, up to one that is not alike."""
    for low in range(start, stop, _COMPARED):
        high = min(low + _COMPARED, stop)
        part_of_sum = share / max(_count(low, high, alive), 1)
        off = _restore(low, high, part_of_sum, alive, x, x0)
        off += _restore(low, high, part_of_sum, alive, px, px0)
        off += _restore(low, high, part_of_sum, alive, y, y0)
        off += _restore(low, high, part_of_sum, alive, py, py0)
        off += _restore(low, high, part_of_sum, alive, z, z0)
        off += _restore(low, high, part_of_sum, alive, delta, delta0)
        if off:
            return
    alike[part] = True


@kernel
def _restore(low, high, part_of_sum, alive, found, kept):
    """Copy a block where none is off by more than a part of the live sizes; count those off."""
    limit = part_of_sum * _sum_sizes(low, high, alive, kept)
    off = 0
    for i in range(low, high):
        n = np.uintp(i)
        off += not abs(found[n] - kept[n]) <= limit
    if off == 0:
        _copy(low, high, kept, found)
    return off


@kernel
def _count(low, high, mask):
    total = 0
    for i in range(low, high):
        total += mask[np.uintp(i)]
    return total


@reduction
def _sum_sizes(low, high, alive, column):
    none = column.dtype.type(0.0)
    total = none
    for i in range(low, high):
        n = np.uintp(i)
        total += abs(column[n]) if alive[n] else none
    return total
