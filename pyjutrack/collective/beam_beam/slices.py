"""How a Gaussian bunch is cut into thin slices along its length."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: ways to cut, by name
SLICINGS = ("gauss", "charge", "length")
#: slices of equal length are between these places, in rms lengths; the tails join the outermost
_REACH = 4.0


def cut(slicing: str, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places of slices in rms lengths, the head first, and their shares of the charge.

    Args:
        slicing: "gauss" are the nodes and weights of Gauss and Hermite; "charge" are slices of
            equal charge, "length" of equal length, both at the mean of their charge.
        count: how many.
    """
    if slicing == "gauss":
        nodes, weights = np.polynomial.hermite_e.hermegauss(count)
        return nodes[::-1], weights[::-1] / math.sqrt(2 * math.pi)
    normal = NormalDist()
    if slicing == "charge":
        inner: Any = [normal.inv_cdf(n / count) for n in range(1, count)]
    else:
        inner = np.linspace(-_REACH, _REACH, count + 1)[1:-1]
    below = np.array([0.0, *map(normal.cdf, inner), 1.0])
    density = np.array([0.0, *map(normal.pdf, inner), 0.0])
    shares = np.diff(below)
    return (-np.diff(density) / shares)[::-1], shares[::-1]
