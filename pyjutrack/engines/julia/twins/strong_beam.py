"""How JuTrack cuts a Gaussian bunch into slices."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from ....core.errors import require_known

#: rms lengths that evenly spaced slices reach
_REACH = 5.0


def slices_of(slice_type: str, count: int) -> tuple[list[float], list[float]]:
    """Places of slices in rms lengths, and their shares of the particles.

    Args:
        slice_type: "evenzsep", evenly spaced over five rms lengths to each side; "evennpar", of
            equal charge, at their medians.
        count: how many.
    """
    require_known("slice_type", slice_type, ("evenzsep", "evennpar"))
    middles = (np.arange(count) + 0.5) / count
    if slice_type == "evennpar":
        return [NormalDist().inv_cdf(m) for m in middles], [1 / count] * count
    places = _REACH * (2 * middles - 1)
    density = np.exp(-(places**2) / 2)
    return places.tolist(), (density / density.sum()).tolist()
