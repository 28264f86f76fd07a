"""Shape functions: how a particle is spread over the grid, and how the grid is read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from ..core.checks import require_setting, wrong
from ..core.errors import InvalidValueError, require_known
from ..core.storage import register_description

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """A piecewise cubic shape function on four nodes.

    Its pieces meet an `offset` past the nodes. With u in [0, 1) the distance past that place of
    node i, in units of the spacing, the weights of the nodes i - 1, i, i + 1, i + 2 are the
    polynomials `coefficients[node][power]` in u.

    Attributes:
        name: what `shape("...")` finds it by.
        coefficients: 4 x 4, rows are nodes, columns powers 0 to 3.
        variance: its second moment in units of the spacing squared.
        transfer: its Fourier transform as a function of k h, by which a solver may divide to undo
            the smoothing; one everywhere if it is not to be undone.
        offset: 0, or 1/2 where the pieces meet in the middle between nodes.
    """

    name: str
    coefficients: tuple[tuple[float, ...], ...] = field(repr=False)
    variance: float = field(repr=False)
    transfer: Callable[[Array], Array] = field(repr=False, compare=False)
    offset: float = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        require_setting("variance", self.variance, least=0)
        require_setting("offset", self.offset)
        if self.offset not in (0.0, 0.5):
            raise wrong("offset", self.offset, "0 or 1/2 of a cell")

    @cached_property
    def staircase(self) -> bool:
        """True if the kick jumps from cell to cell, so that it has no derivative."""
        slopes = self.table[:, 1:] * np.arange(1, self.table.shape[1])
        leaving = np.append(slopes.sum(1), 0.0)  # at u = 1 of the cell, by node
        entering = np.insert(slopes[:, 0], 0, 0.0)  # at u = 0 of the next, by the same node
        return not np.allclose(leaving, entering, rtol=0, atol=1e-9)

    @cached_property
    def table(self) -> Array:
        """The coefficients as an array."""
        return np.array(self.coefficients)

    @cached_property
    def on_node(self) -> tuple[float, float, float]:
        """Weights of the nodes before, at and after a particle that stands on a node."""
        at = self.table @ self.offset ** np.arange(4)
        first = 0 if self.offset == 0 else 1
        before, here, after = at[first : first + 3].tolist()
        return before, here, after

    def on_nodes(self, kh: Array) -> Array:
        """The Fourier transform of the weights `on_node`.

        Args:
            kh: wave numbers times the spacing.
        """
        before, here, after = self.on_node
        return here + (before + after) * np.cos(kh)

    @cached_property
    def met(self) -> tuple[int, ...]:
        """The nodes that have weights, of four: the last three of a quadratic, or all.

        For kernels, which know of a tuple how long it is when they are compiled, and leave out the
        others.
        """
        quadratic = not self.table[0].any() and not self.table[:, 3].any()
        return (1, 2, 3) if quadratic else (0, 1, 2, 3)

    @cached_property
    def _slopes(self) -> list[Array]:
        return [self.table]

    def slopes(self, order: int) -> Array:
        """The coefficients of a derivative by u of some order, as the table."""
        while len(self._slopes) <= order:
            falling = self._slopes[-1][:, 1:] * np.arange(1, 4)
            self._slopes.append(np.pad(falling, ((0, 0), (0, 1))))
        return self._slopes[order]


def _sinc_power(kh: Array, power: int) -> Array:
    return np.asarray(np.sinc(kh / (2 * np.pi)) ** power)


def _ones(kh: Array) -> Array:
    return np.ones_like(kh)


#: Cubic B-spline: twice continuously differentiable, so that the kick is C1.
#: Source: M. Unser, Splines: a perfect fit, IEEE Signal Proc. Mag. 16 (1999) 22.
BSPLINE = Shape(
    "bspline",
    (
        (1 / 6, -1 / 2, 1 / 2, -1 / 6),
        (2 / 3, 0.0, -1.0, 1 / 2),
        (1 / 6, 1 / 2, 1 / 2, -1 / 2),
        (0.0, 0.0, 0.0, 1 / 6),
    ),
    1 / 3,
    partial(_sinc_power, power=4),
)

#: Quadratic B-spline, on three nodes: once continuously differentiable, the kick has kinks.
#: Source: R. W. Hockney, J. W. Eastwood, Computer Simulation Using Particles, ch. 5 ("triangular
#: shaped cloud").
QUADRATIC = Shape(
    "quadratic",
    (
        (0.0, 0.0, 0.0, 0.0),
        (1 / 2, -1.0, 1 / 2, 0.0),
        (1 / 2, 1.0, -1.0, 0.0),
        (0.0, 0.0, 1 / 2, 0.0),
    ),
    1 / 4,
    partial(_sinc_power, power=3),
    1 / 2,
)

#: Catmull-Rom: interpolates the nodes, once continuously differentiable: the kick has kinks.
#: Source: R. Keys, Cubic convolution interpolation, IEEE Trans. ASSP 29 (1981) 1153, a = -1/2.
CATMULL_ROM = Shape(
    "catmull-rom",
    (
        (0.0, -1 / 2, 1.0, -1 / 2),
        (1.0, 0.0, -5 / 2, 3 / 2),
        (0.0, 1 / 2, 2.0, -3 / 2),
        (0.0, 0.0, -1 / 2, 1 / 2),
    ),
    0.0,
    _ones,
)

#: Cloud in cell: linear; the kick jumps from cell to cell.
#: Source: C. K. Birdsall, A. B. Langdon, Plasma Physics via Computer Simulation, ch. 8.
CIC = Shape(
    "cic",
    ((0.0, 0.0, 0.0, 0.0), (1.0, -1.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)),
    1 / 6,
    partial(_sinc_power, power=2),
)

_SHAPES = {s.name: s for s in (BSPLINE, QUADRATIC, CATMULL_ROM, CIC)}


def shape(name: str | Shape) -> Shape:
    """A shape by name: "bspline", "quadratic", "catmull-rom" or "cic".

    Raises:
        UnknownNameError: there is no such shape.
    """
    if isinstance(name, Shape):
        return name
    require_known("shape function", name, _SHAPES)
    return _SHAPES[name]


def _describe(used: Shape) -> str:
    if shape(used.name) != used:
        raise InvalidValueError(f"no file can hold the shape {used}: {used.name} is another")
    return used.name


register_description(Shape, _describe, shape)
