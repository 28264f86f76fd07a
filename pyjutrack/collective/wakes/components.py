"""Components of wakes: which moment of the charge makes them, and what they kick."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...maps.state import State
from ...mesh.line import Line, gather, gather_with_slope


class Component(NamedTuple):
    """A component of a wake.

    With v(z) the wake of the source, in units of P0 c, particles feel -dU of the potential
    U = -plane^power/power v(z), so that their map is symplectic; the longitudinal one changes
    delta by -v alone.

    Attributes:
        source: column of the coordinate that weighs the charges, None for the charge itself.
        plane: column of the coordinate whose momentum is kicked, None for delta.
        power: of that coordinate in the potential.
    """

    source: int | None = None
    plane: int | None = None
    power: int = 1

    @property
    def transverse(self) -> bool:
        """Return whether it deflects."""
        return self.plane is not None

    @property
    def per_offset(self) -> bool:
        """Return whether its function is that of one metre of offset [V/(C m)]."""
        return self.source is not None or self.power > 1


#: by name
COMPONENTS = {
    "longitudinal": Component(),
    "constant x": Component(plane=0),
    "constant y": Component(plane=2),
    "dipole x": Component(source=0, plane=0),
    "dipole y": Component(source=2, plane=2),
    "quadrupole x": Component(plane=0, power=2),
    "quadrupole y": Component(plane=2, power=2),
}


def kick(
    state: State, component: Component, line: Line, active: Tensor, nodes: Tensor
) -> tuple[Tensor, ...]:
    """The coordinates of particles after the kick of a wake.

    Args:
        active: mask of those that feel it.
        nodes: v at the nodes of the line.
    """
    columns, z = list(state.coordinates), state.coordinates[4]
    if component.plane is None:
        columns[5] = columns[5] - gather(line, z, active, nodes)
        return tuple(columns)
    value, slope = gather_with_slope(line, z, active, nodes)
    place, momentum = columns[component.plane], component.plane + 1
    place = torch.where(active, place, 0.0)
    if component.power == 1:
        columns[momentum] = columns[momentum] + value
        columns[5] = columns[5] + place * slope
    else:
        columns[momentum] = columns[momentum] + place * value
        columns[5] = columns[5] + place * place / 2 * slope
    return tuple(columns)
