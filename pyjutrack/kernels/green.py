"""The mean of 1/r over the cells of a box, over memory and threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import parallel

#: work of a corner, of which a kick of a particle is 1
_WORK = 2.0


def integrated_green(nodes: Sequence[int], spacing: Sequence[float]) -> NDArray[Any]:
    """The mean of 1/r over cells at distances 0 to `nodes` cells, (X + 1, Y + 1, Z + 1).

    Source: J. Qiang, S. Lidia, R. D. Ryne, C. Limborg-Deprey, PRSTAB 9 (2006) 044204, eq. 10.
    """
    from .green_kernels import integrate  # late: it takes a moment to load

    # no corner lies on an axis, where the terms have limits that a computer does not see
    x, y, z = ((np.arange(n + 2) - 0.5) * h for n, h in zip(nodes, spacing, strict=True))
    total = np.empty((len(x), len(y), len(z)))
    share = min(len(x), parallel.parts(total.size, _WORK))
    parallel.run(integrate, len(x), share, x, y, z, total)
    for axis in range(3):
        total = np.diff(total, axis=axis)
    total /= spacing[0] * spacing[1] * spacing[2]
    return total
