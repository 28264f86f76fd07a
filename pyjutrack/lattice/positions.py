"""Positions along a lattice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.scalars import to_float
from .lattice import Lattice


def places(lattice: Lattice) -> NDArray[np.float64]:
    """Positions of the entrances of the elements, and the end of the last: (N + 1,) [m]."""
    lengths = [to_float(element.length) for element in lattice]
    return np.concatenate([[0.0], np.cumsum(lengths)])
