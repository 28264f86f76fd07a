"""The bins along one axis of a profile: how particles are spread over them, and what blurs them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import InvalidValueError
from ..core.scalars import is_real
from ..mesh.grid import GHOSTS
from ..mesh.shapes import BSPLINE

Array = NDArray[np.float64]

#: how far beyond the range the blur is followed, in rms of it
_REACH = 6.0
#: widths of ranges, and distances from the axis, above this were not written in metres [m]
_FAR = 1.0
#: so many bins an instrument does not have
_MANY = 100_000


@dataclass(frozen=True)
class Bins:
    """Equal bins along an axis, read with a Gaussian resolution.

    A particle counts in the bins near it by a cubic B-spline on a mesh that goes on beyond both
    ends of the range. A fixed matrix then blurs, and cuts the range out. So the reading is twice
    continuously differentiable in the place of each particle, at the ends as well, and what lies
    just outside counts as far as the resolution brings it in.

    The spline smears too, by a variance of h^2/3 for bins of width h. An instrument that counts in
    bins smears by h^2/12 and its resolution. Both have the same variance if the resolution is h/2
    or more, for the blur is made smaller by as much; below h/2 there is none, and a reading is
    smeared by h/sqrt(3).

    Attributes:
        centre: of the range, within 1 m of the axis [m].
        width: of the range, 1 m or less [m].
        count: of the bins, from 8 to 100 000.
        resolution: rms [m], less than the width.

    Raises:
        InvalidValueError: any of these is not so.
    """

    centre: float
    width: float
    count: int
    resolution: float = 0.0

    def __post_init__(self) -> None:
        if not _is_number(self.centre):
            raise InvalidValueError(f"centre must be a finite number [m], got {self.centre!r}")
        if not (_is_number(self.width) and self.width > 0):
            raise InvalidValueError(f"width must be positive and finite [m], got {self.width!r}")
        for name, length in (("centre", self.centre), ("width", self.width)):
            if abs(length) > _FAR:
                raise InvalidValueError(
                    f"{name} must not be above {_FAR:g} m, got {length!r}: is it in metres?"
                )
        whole = isinstance(self.count, (int, np.integer)) and not isinstance(self.count, bool)
        if not whole or self.count < 8:
            raise InvalidValueError(f"a profile needs at least 8 bins, got {self.count!r}")
        if self.count > _MANY:
            raise InvalidValueError(
                f"a profile has at most {_MANY} bins, got {self.count!r}; take fewer, of the size "
                "of the resolution or half of it"
            )
        if not (_is_number(self.resolution) and 0 <= self.resolution < self.width):
            raise InvalidValueError(
                f"resolution must lie between 0 and the width of {self.width} m, "
                f"got {self.resolution!r}"
            )

    @property
    def spacing(self) -> float:
        """Width of a bin [m]."""
        return self.width / self.count

    @property
    def edges(self) -> Array:
        """Edges of the bins, (count + 1,) [m]."""
        places = np.arange(self.count + 1) * self.spacing
        return np.asarray(places + (self.centre - self.width / 2))

    @property
    def centres(self) -> Array:
        """Centres of the bins, (count,) [m]."""
        edges = self.edges
        return np.asarray((edges[:-1] + edges[1:]) / 2)

    @property
    def blur(self) -> float:
        """Variance of the blur of the matrix, in units of the bin's width squared."""
        return max(0.0, (self.resolution / self.spacing) ** 2 + 1 / 12 - BSPLINE.variance)

    @property
    def margin(self) -> int:
        """Cells of the mesh beyond each end of the range."""
        return 2 + math.ceil(_REACH * math.sqrt(self.blur))

    @property
    def cells(self) -> int:
        """Cells of the mesh."""
        return self.count + 2 * self.margin

    @cached_property
    def matrix(self) -> Tensor:
        """Map from the mesh, its ghosts included, to the reading: (count, cells + ghosts).

        Rows are the discrete normal distribution of the blur's variance.
        """
        read = np.arange(self.count)[:, None]
        mesh = np.arange(self.cells + 2 * GHOSTS)[None] - (self.margin + GHOSTS)
        return torch.from_numpy(discrete_normal(read - mesh, self.blur))


def discrete_normal(steps: NDArray[np.int64], variance: float) -> Array:
    """The distribution on the integers proportional to exp(-n^2/(2 s)), of a given variance.

    s is the variance where that is large, and found by bisection where the integers are coarse.
    Source: A. W. Kemp, J. Statist. Planning Inference 63 (1997) 223.
    """
    from scipy.optimize import brentq  # late: it takes a moment to load

    if variance == 0:
        return np.asarray(steps == 0, dtype=float)
    support = np.arange(-40, 41) ** 2

    def excess(s: float) -> float:
        weights = np.exp(-support / (2 * s))
        return float(weights @ support / weights.sum()) - variance

    # from 2 on the two differ by less than 1e-14; the smallest s is where exp underflows
    s = variance if variance >= 2 else float(brentq(excess, 1e-3, 4.0, xtol=1e-15, rtol=1e-14))
    every = np.arange(-_whole(s), _whole(s) + 1)
    return np.asarray(np.exp(-(steps**2) / (2 * s)) / np.exp(-(every**2) / (2 * s)).sum())


def _whole(s: float) -> int:
    return 2 + math.ceil(9 * math.sqrt(s))


def _is_number(value: Any) -> bool:
    return is_real(value) and math.isfinite(value)
