"""Components of wakes: which moment of the charge makes them, and what they kick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray
from torch import Tensor

from ...maps.state import State
from ...mesh.line import Line, add_line, add_line_in_place, kick_line_in_place

Array = NDArray[Any]


class Component(NamedTuple):
    """A component of a wake.

    With v(z) the wake of the source, in units of P0 c, particles feel -dU of the potential
    U = -a v(z), with a the product of the offsets `planes`, or half the square of one, so that
    their map is symplectic; the longitudinal one changes delta by -v alone.

    Attributes:
        source: column of the coordinate that weighs the charges, None for the charge itself.
        planes: columns of the offsets, whose momenta are kicked; none for delta.
    """

    source: int | None = None
    planes: tuple[int, ...] = ()

    @property
    def transverse(self) -> bool:
        """Return whether it deflects."""
        return bool(self.planes)

    @property
    def per_offset(self) -> bool:
        """Return whether its function is that of one metre of offset [V/(C m)]."""
        return self.source is not None or len(self.planes) > 1


#: by name: of a kick and what makes it, or is in its place
COMPONENTS = {
    "longitudinal": Component(),
    "constant x": Component(planes=(0,)),
    "constant y": Component(planes=(2,)),
    "dipole x": Component(0, (0,)),
    "dipole y": Component(2, (2,)),
    "dipole xy": Component(2, (0,)),
    "dipole yx": Component(0, (2,)),
    "quadrupole x": Component(planes=(0, 0)),
    "quadrupole y": Component(planes=(2, 2)),
    "quadrupole xy": Component(planes=(0, 2)),
}


class Addition(NamedTuple):
    """What a wake adds to a column: a line at the nodes, or a slope of it, times other columns."""

    column: int
    nodes: Tensor
    order: int
    factors: tuple[int, ...]


def additions(component: Component, nodes: Tensor) -> list[Addition]:
    """What a component adds to particles, of v at the nodes of a line."""
    planes = component.planes
    if not planes:
        return [Addition(5, -nodes, 0, ())]
    # the slopes of a product of offsets: the others; of half a square, the offset
    slopes = {plane: planes[:n] + planes[n + 1 :] for n, plane in enumerate(planes)}
    kicks = [Addition(plane + 1, nodes, 0, others) for plane, others in slopes.items()]
    return [*kicks, Addition(5, nodes * (len(slopes) / len(planes)), 1, planes)]


def kick(
    state: State, component: Component, line: Line, active: Tensor, nodes: Tensor
) -> tuple[Tensor, ...]:
    """The coordinates of particles after the kick of a wake.

    Args:
        active: mask of those that feel it.
        nodes: v at the nodes of the line.
    """
    columns, z = list(state.coordinates), state.coordinates[4]
    for column, values, order, factors in additions(component, nodes):
        some = (columns[other] for other in factors)
        columns[column] = add_line(line, z, active, columns[column], values, *some, order=order)
    return tuple(columns)


def kick_in_place(
    columns: Sequence[Array], component: Component, line: Line, active: Array, nodes: Tensor
) -> None:
    """The same of numbers, whose columns are changed."""
    z, planes = columns[4], component.planes
    *kicks, rest = additions(component, nodes)
    if planes:
        # one read of the line for the first momentum and delta, which are one potential's slopes
        plane, *others = planes
        products, share = [columns[other] for other in others], len(kicks) / len(planes)
        changed = columns[plane + 1], columns[5]
        kick_line_in_place(line, z, active, nodes, columns[plane], products, share, *changed)
    for column, values, order, factors in kicks[1:] if planes else [rest]:
        some = (columns[other] for other in factors)
        add_line_in_place(line, z, active, columns[column], values, *some, order=order)
