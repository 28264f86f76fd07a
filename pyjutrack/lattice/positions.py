"""Positions along a lattice."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..core.scalars import Number, to_float
from ..elements import Element
from .lattice import Lattice


def places(lattice: Lattice) -> NDArray[np.float64]:
    """Positions of the entrances of the elements, and the end of the last: (N + 1,) [m]."""
    lengths = [to_float(element.length) for element in lattice]
    return np.concatenate([[0.0], np.cumsum(lengths)])


def path_of(elements: Iterable[Element]) -> Number:
    """Path of the reference particle through elements [m]: lengths, and dz of patches."""
    total: Number = 0.0
    for element in elements:
        total = total + getattr(element, element.path)
    return total
