"""The kernel of `columns`."""

import numpy as np

from .jit import kernel

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
def _copy(low, high, column, row):
    for i in range(low, high):
        n = np.uintp(i)
        row[n] = column[n]
