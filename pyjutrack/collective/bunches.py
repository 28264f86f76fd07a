"""What effects on bunches share: boxes that follow, batches of beams, checks of resolution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from ..beam.beam import COORDINATES, Beam
from ..beam.moments import rms
from ..core.errors import InvalidValueError, ResolutionWarning, warn
from ..core.scalars import has_numbers
from ..distributed import Communicator
from ..maps.state import State
from ..mesh.box import Box, bounds, box_around, kick
from ..mesh.line import Line, admit_finite, line_around
from .base import CollectiveEffect, Place
from .resolution import warn_if_few_cells

#: least extent of a box [m], so that a bunch without a size has one
_EXTENT = 1e-9
#: live particles a cell of the line along the bunch below which noise is all there is
_PARTICLES = 8

F = TypeVar("F")


class Plain(Protocol):
    """What knows whether derivatives may be asked for by it."""

    @property
    def is_plain(self) -> bool:
        """Whether it has no derivatives."""
        ...


class Potential3D(NamedTuple):
    """A potential on a box of nodes, whose slopes are kicks per metre."""

    box: Box
    values: Tensor

    @property
    def is_plain(self) -> bool:
        """Whether it has no derivatives."""
        return has_numbers(self.values)


def bunch_box(
    beam: Beam, at: Sequence[Tensor], alive: Tensor, nodes: Sequence[int], margin: float
) -> Box:
    """A box around the live particles of one beam, on all ranks; see `box_around`.

    Args:
        at: three positions (N,) [m].
        margin: on each side, as a part of the bunch's size.
    """
    lows, highs = extents(beam, at, alive)
    return box_around(lows, highs, nodes, margin)


def bunch_line(beam: Beam, state: State, cells: int) -> Line:
    """A line along the live particles of one beam, on all ranks; see `line_around`."""
    (low,), (high,) = extents(beam, (state.coordinates[4],), state.alive)
    return line_around(low, high, cells)


def extents(
    beam: Beam, at: Sequence[Tensor], alive: Tensor
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The lowest and the highest positions of the live particles [m]; about 0 where none lives."""
    lows, highs = bounds(at, alive)
    if not beam.world.is_serial:
        ends = torch.tensor([*(-low for low in lows), *highs], dtype=torch.float64)
        found = beam.world.largest(ends).tolist()
        lows, highs = [-low for low in found[: len(at)]], found[len(at) :]
    for axis, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if not low <= high:
            low = high = 0.0
        lack = max(0.0, _EXTENT - (high - low)) / 2
        lows[axis], highs[axis] = low - lack, high + lack
    return tuple(lows), tuple(highs)


def balance(
    world: Communicator,
    field: Potential3D,
    at: Sequence[Tensor],
    active: Tensor,
    shares: Tensor,
    axes: Sequence[int],
) -> Potential3D:
    """A potential without the mean kick of a beam on itself along some axes of the box.

    Where nothing else takes up momentum that mean is nothing but error of the grid. To take it away
    is to add a linear function to the potential, so that kicks are still its slopes.

    Args:
        at: positions (N,) along the axes [m].
        active: mask of the particles that make the field, and their shares of the beam.
    """
    still = torch.zeros_like(at[0])
    shares = torch.where(active, shares, 0.0).to(still)
    back = kick(field.box, at, active, (still, still, still), field.values, shares.new_ones(()))
    sums = torch.stack([shares.sum(), *((shares * back[axis]).sum() for axis in axes)])
    live, *sums_of_kicks = world.sum(sums).unbind()
    values = field.values
    for axis, total in zip(axes, sums_of_kicks, strict=True):
        ramp = torch.as_tensor(field.box[axis].positions()).to(still)
        ramp = ramp.reshape([-1 if other == axis else 1 for other in range(3)])
        values = values + total / torch.where(live > 0, live, 1.0) * ramp
    return Potential3D(field.box, values)


def lose_infinite(state: State, columns: Sequence[int] = (0, 2, 4)) -> State:
    """Particles are lost whose places are not finite numbers: a grid has no nodes for them."""
    alive = state.alive
    for place in (state.coordinates[column] for column in columns):
        alive = admit_finite(place, alive)
    return State(state.coordinates, alive)


def each_beam(make: Callable[[Beam, State], F], beam: Beam, state: State) -> tuple[F, ...]:
    """Make something of each beam of a batch (..., N), or of the one that there is (N,)."""
    if state.alive.dim() == 1:
        return (make(beam, state),)
    found = []
    shape, weights = state.alive.shape, beam.weights
    coordinates = beam.coordinates.expand(*shape, 6).flatten(0, -3)
    rows = None if weights is None else weights.expand(shape).flatten(0, -2)
    charge: Any = beam.charge
    many = isinstance(charge, Tensor) and charge.dim()
    charges = charge.expand(*shape[:-1], 1).flatten() if many else [charge] * len(coordinates)
    for n, one in enumerate(_states(state)):
        own = None if rows is None else rows[n]
        alone = beam.replace(
            coordinates=coordinates[n], alive=one.alive, weights=own, charge=charges[n]
        )
        found.append(make(alone, one))
    return tuple(found)


def join_beams(
    respond: Callable[[State, F, Place], State], state: State, fields: Sequence[F], place: Place
) -> State:
    """Let each beam of a batch respond to its field, or all particles to the one that there is."""
    if state.alive.dim() == 1:
        (field,) = fields
        return respond(state, field, place)
    states = _states(state)
    fields = [*fields] * len(states) if len(fields) == 1 else fields
    ends = [respond(one, field, place) for one, field in zip(states, fields, strict=True)]
    shape = state.alive.shape
    columns = tuple(
        torch.stack(column).reshape(shape)
        for column in zip(*(end.coordinates for end in ends), strict=True)
    )
    return State(columns, torch.stack([end.alive for end in ends]).reshape(shape))


def is_in_place(fields: Sequence[Plain], place: Place) -> bool:
    """Return whether a kick of one beam by a potential has no derivatives, and may be in place."""
    return len(fields) == 1 and fields[0].is_plain and not isinstance(place.ds, Tensor)


def _states(state: State) -> list[State]:
    """The beams of a batch."""
    alive = state.alive.flatten(0, -2).unbind()
    columns = (c.expand(state.alive.shape).flatten(0, -2).unbind() for c in state.coordinates)
    return [State(row, on) for row, on in zip(zip(*columns, strict=True), alive, strict=True)]


def require_extent(beam: Beam, effect: CollectiveEffect, axes: str) -> None:
    """Raise InvalidValueError for a bunch without an extent along some axes."""
    state = State(beam.coordinates.detach().unbind(-1), beam.alive)

    def find(one: Beam, here: State) -> list[str]:
        at = [here.coordinates[COORDINATES.index(axis)].contiguous() for axis in axes]
        ends = zip(axes, *extents(one, at, here.alive), strict=True)
        return [axis for axis, low, high in ends if high - low <= 1.01 * _EXTENT]

    flat = sorted({axis for found in each_beam(find, beam, state) for axis in found})
    if flat:
        live = int(beam.world.sum(beam.alive.sum(-1)).min())
        raise InvalidValueError(
            f"{type(effect).__name__} follows the bunch by a grid, and all of it (particles alive: "
            f"{live}) is within {_EXTENT:g} m in {' and '.join(flat)}: the field of charge without "
            "an extent grows beyond all bounds, and would lose the particles; give the bunch a "
            "size there, and leave the effect out where one particle stands for it"
        )


def warn_if_coarse(beam: Beam, spacings: Callable[[Beam, State], Mapping[str, float]]) -> None:
    """Warn of cells too long for a bunch.

    Args:
        spacings: length of a cell [m] by the name of the axis, for one beam of a batch.
    """
    still = beam if beam.weights is None else beam.replace(weights=beam.weights.detach())

    def measure(one: Beam, state: State) -> dict[str, tuple[float, float]]:
        found = spacings(one, state)
        return {u: (float(rms(one, one.coordinate(u).detach())), h) for u, h in found.items()}

    state = State(beam.coordinates.detach().unbind(-1), beam.alive)
    for sizes in each_beam(measure, still, state):
        warn_if_few_cells(
            sizes,
            "use more cells, or cut off particles far from the core, which the grid must hold",
        )


def warn_if_few(beam: Beam, cells: int) -> None:
    """Warn of too few particles for so many cells along the bunch."""
    live = int(beam.world.sum(beam.alive.sum(-1)).min())
    if live < _PARTICLES * cells:
        warn(
            f"{live} particles are few for {cells} cells along the bunch, "
            f"{live / cells:.2g} a cell: the field is noise; take at least "
            f"{_PARTICLES * cells} particles, or fewer cells",
            ResolutionWarning,
        )
