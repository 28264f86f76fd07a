"""The mean of 1/r over the cells of a box, over memory and threads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import parallel

#: work of a corner, and of a cell far away, of which a kick of a particle is 1
_CORNER, _FAR = 2.0, 0.2
#: distances in cells from which on an expansion is right to 1e-8
_NEAR = 8


def integrated_green(nodes: Sequence[int], spacing: Sequence[float]) -> NDArray[Any]:
    """The mean of 1/r over cells at distances 0 to `nodes` cells, (X + 1, Y + 1, Z + 1).

    In closed form within 8 of the longest side of a cell, and expanded beyond.

    Source: J. Qiang, S. Lidia, R. D. Ryne, C. Limborg-Deprey, PRSTAB 9 (2006) 044204, eq. 10.
    """
    from .green_kernels import expand  # late: it takes a moment to load

    total = np.empty([n + 1 for n in nodes])
    share = min(len(total), parallel.parts(total.size, _FAR))
    parallel.run(expand, len(total), share, *map(float, spacing), total)
    reach = _NEAR * max(spacing)
    near = [min(n, math.ceil(reach / h)) for n, h in zip(nodes, spacing, strict=True)]
    total[tuple(slice(n + 1) for n in near)] = _integrate(near, spacing)
    return total


def _integrate(nodes: Sequence[int], spacing: Sequence[float]) -> NDArray[Any]:
    """The same in closed form: differences over the corners of the indefinite integral."""
    from .green_kernels import integrate  # late: it takes a moment to load

    # no corner lies on an axis, where the terms have limits that a computer does not see
    x, y, z = ((np.arange(n + 2) - 0.5) * h for n, h in zip(nodes, spacing, strict=True))
    total = np.empty((len(x), len(y), len(z)))
    share = min(len(x), parallel.parts(total.size, _CORNER))
    parallel.run(integrate, len(x), share, x, y, z, total)
    for axis in range(3):
        total = np.diff(total, axis=axis)
    total /= spacing[0] * spacing[1] * spacing[2]
    return total
