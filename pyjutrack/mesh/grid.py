"""The grid on which densities and potentials live."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InvalidValueError
from ..core.scalars import is_real, is_whole
from ..core.storage import register_description, storable
from .shapes import Shape

#: nodes added on each side, so that a particle anywhere in the box has its four nodes
GHOSTS = 2


@storable
@dataclass(frozen=True)
class Grid:
    """A rectangle of cells centred on the axis; values live at the centres of the cells.

    Attributes:
        size: full width and height of the box [m].
        shape: number of cells in x and y.
    """

    size: tuple[float, float]
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        if not _pair(self.size) or not all(
            is_real(s) and math.isfinite(s) and s > 0 for s in self.size
        ):
            raise InvalidValueError(
                f"the box must have positive finite sides, in x and in y, got {self.size!r} m"
            )
        if not _pair(self.shape) or not all(is_whole(n) and n >= 8 for n in self.shape):
            raise InvalidValueError(
                f"a grid needs at least 8 cells a side, in x and in y, got {self.shape!r}"
            )

    @property
    def spacing(self) -> tuple[float, float]:
        """Cell width and height [m]."""
        return self.size[0] / self.shape[0], self.size[1] / self.shape[1]

    @property
    def padded_shape(self) -> tuple[int, int]:
        """Shape of the arrays of `deposit` and `interpolate`: the cells and two ghosts a side."""
        return self.shape[0] + 2 * GHOSTS, self.shape[1] + 2 * GHOSTS

    def nodes(self, axis: int, *, ghosts: bool = False) -> NDArray[np.float64]:
        """Positions of the cell centres along an axis [m], ghosts included if asked for."""
        extra = GHOSTS if ghosts else 0
        index = np.arange(-extra, self.shape[axis] + extra)
        return np.asarray(self.position(axis, index))

    def position(self, axis: int, index: Any) -> Any:
        """Position of the centre of a cell along an axis [m].

        Args:
            index: of the cell, from 0; ghosts are below.
        """
        return (index + 0.5) * self.spacing[axis] - self.size[axis] / 2


class Mesh(NamedTuple):
    """A grid and the shape function that joins particles to it."""

    grid: Grid
    shape: Shape

    @property
    def geometry(self) -> tuple[float, float, float, float]:
        """Places from which particles count cells in x and y [m], and 1/spacing [1/m]."""
        # past the offset of cell i a particle has its first node at padded index i - 1 + GHOSTS;
        # cells are counted from that for which this is 0
        first = 1 - GHOSTS + self.shape.offset
        hx, hy = self.grid.spacing
        return self.grid.position(0, first), self.grid.position(1, first), 1 / hx, 1 / hy


def _pair(given: Any) -> bool:
    return isinstance(given, (tuple, list)) and len(given) == 2


register_description(Mesh, tuple, lambda pair: Mesh(*pair))
