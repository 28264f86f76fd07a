"""How a Gaussian bunch is cut into thin slices along its length."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

#: ways to cut, by name
SLICINGS = ("even", "charge", "gauss")
#: evenly spaced slices reach so many rms lengths, beyond which 7e-6 of the charge is
REACH = 4.5


def cut(slicing: str, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places of slices in rms lengths, the head first, and their shares of the charge.

    Args:
        slicing: "even" are evenly spaced, with shares by the density there; "charge" have equal
            charges, and are at their means; "gauss" are nodes and weights of Gauss and Hermite.
        count: how many.
    """
    if slicing == "gauss":
        nodes, weights = np.polynomial.hermite_e.hermegauss(count)
        return nodes[::-1], weights[::-1] / weights.sum()
    if slicing == "even":
        # few slices reach as far as leaves tails what their distance leaves out
        reach = min(REACH, math.sqrt(math.pi * count))
        places = reach * (1 - (2 * np.arange(count) + 1) / count)
        density = np.exp(-(places**2) / 2)
        return places, density / density.sum()
    normal = NormalDist()
    edges = [normal.inv_cdf(n / count) for n in range(1, count)]
    at_edges = np.array([0.0, *map(normal.pdf, edges), 0.0])
    return -np.diff(at_edges)[::-1] * count, np.full(count, 1 / count)
