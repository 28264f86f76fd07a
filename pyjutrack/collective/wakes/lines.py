"""What wakes have in common: where they act, their line of cells, and how particles read it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from ...beam.beam import Beam
from ...beam.moments import mean, rms
from ...core.checks import require_text
from ...core.digits import tell_apart
from ...core.errors import InvalidValueError, ResolutionWarning, warn
from ...core.scalars import Number, has_numbers
from ...elements import Element
from ...maps.state import State
from ...mesh.line import Line, admit, bounds
from ..base import CollectiveEffect, Place, require_max_step, slices_by_step
from ..bunches import bunch_line, lose_infinite
from ..resolution import warn_if_few_cells
from .components import COMPONENTS, kick, kick_in_place

#: a bunch may start with this share of its particles outside the window; tracking tells of them
_OUTSIDE = 0.01
#: so many particles are charges by themselves, and no sample of a density
_FEW = 32


class OnLine(Protocol):
    """What particles read: v at the nodes of a line, in units of P0 c."""

    @property
    def line(self) -> Line: ...

    @property
    def nodes(self) -> Tensor: ...


class LineEffect(CollectiveEffect):
    """A wake that is read from a line of cells, at elements of a name or along lengths.

    Derive from it, and state `line_form` and `field`.
    """

    reversible: ClassVar[bool] = True
    weighted: ClassVar[bool] = True
    numerics: ClassVar[tuple[str, ...]] = (
        "cells",
        "window",
        "period",
        "turns",
        "scale",
        "max_step",
    )

    at: str | None
    component: str
    max_step: float | Mapping[str, float] | None

    @property
    def line_form(self) -> tuple[float | None, int]:
        """The window [m], None for a line that follows the bunch, and the number of cells."""
        raise NotImplementedError

    @property
    def lumped(self) -> bool:  # type: ignore[override]  # of the kick, and not of the class
        """Return whether it acts at elements as a whole."""
        return self.at is not None

    def slices(self, element: Element) -> int:
        """Once at the elements of the name, or along lengths by `max_step`."""
        if self.max_step is None:
            return int(element.name == self.at)
        return slices_by_step(element, self.max_step)

    def admit(self, state: State) -> State:
        """Particles outside the window are lost, and those whose places are no numbers."""
        source, z = COMPONENTS[self.component].source, state.coordinates[4]
        state = state if source is None else lose_infinite(state, (source,))
        window, cells = self.line_form
        if window is None:
            return lose_infinite(state, (4,))
        return State(state.coordinates, admit(window_line(window, cells), z, state.alive))

    def left(self, state: State) -> tuple[Tensor, str] | None:
        """Mask the particles outside the window."""
        window, cells = self.line_form
        if window is None:
            return None
        outside = ~window_line(window, cells).inside(state.coordinates[4].detach())
        return outside, f"the window of {type(self).__name__}, {window:g} m about the reference"

    def apply(self, state: State, field: OnLine, place: Place) -> State:
        """Kick particles by the wake where they are; those off the line are lost."""
        component = COMPONENTS[self.component]
        active = admit(field.line, state.coordinates[4], state.alive)
        return State(kick(state, component, field.line, active, field.nodes), active)

    def apply_in_place(
        self, columns: Sequence[NDArray[Any]], alive: Tensor, field: OnLine, place: Place
    ) -> bool:
        """Kick particles that are plain numbers, all of them on the line."""
        if type(self).apply is not LineEffect.apply or not has_numbers(field.nodes):
            return False
        window, _ = self.line_form  # which tracking has them admitted to
        if window is None and admit(field.line, torch.from_numpy(columns[4]), alive) is not alive:
            return False
        component = COMPONENTS[self.component]
        kick_in_place(columns, component, field.line, alive.numpy(), field.nodes)
        return True


def check_places(at: str | None, max_step: float | Mapping[str, float] | None) -> None:
    """Raise InvalidValueError for both or neither, what is no name, or no step along lengths."""
    if at is not None:
        require_text("at", at)
    if max_step is not None:
        require_max_step(max_step)
    if (at is None) == (max_step is None):
        both = f"got both, at={at!r} and max_step={max_step!r}" if at is not None else "got neither"
        raise InvalidValueError(
            f"a wake acts at elements of a name or along lengths, and {both}: give at=, the name "
            "of elements that each have all of the wake, or max_step=, the longest slice between "
            "kicks along lengths [m], with the wake of one metre"
        )


def per_volt(beam: Beam) -> Number:
    """The change of momentum by a volt, in units of P0 [1/V]."""
    reference = beam.reference
    return abs(reference.species.charge) / (reference.beta * reference.p0c)


def window_line(window: float, cells: int) -> Line:
    """The line of a window about the reference [m]."""
    return Line(-window / 2, window / 2, cells)


def wake_line(beam: Beam, state: State, window: float | None, cells: int) -> Line:
    """The line of a window, or one that holds all live particles; see `bunch_line`."""
    if window is not None:
        return window_line(window, cells)
    return bunch_line(beam, state, cells)


def still_state(beam: Beam) -> State:
    """The particles without derivatives."""
    return State(beam.coordinates.detach().unbind(-1), beam.alive)


def check_line(beam: Beam, line: Line, take: str = "take") -> float:
    """Raise for a bunch that does not fit a line, warn of one that it does not resolve.

    Args:
        take: how to come by other cells, as a warning says.

    Returns:
        the rms length of the bunch [m], the largest of a batch.
    """
    still = beam if beam.weights is None else beam.replace(weights=beam.weights.detach())
    z = beam.coordinate("z").detach().contiguous()
    _check_ends(still, z, line, take)
    size = float(rms(still, z).nan_to_num(0.0).max())
    crowd = beam.particles * line.spacing / (math.sqrt(2 * math.pi) * size) if size else 1.0
    if crowd < 1 and beam.particles > _FEW:
        warn(
            f"{crowd:.2g} particles are in a cell of the wake's line at the centre of a bunch "
            f"of {size:.3g} m rms, which is noise alone; take {math.ceil(1 / crowd)} times the "
            "particles, or fewer cells",
            ResolutionWarning,
        )
    if size:
        more = f"{take} cells={round(line.cells * 4 * line.spacing / size)}, or a shorter window"
        warn_if_few_cells({"z": (size, line.spacing)}, more)
    return size


def require_apart(beam: Beam, distance: float) -> None:
    """Raise InvalidValueError for a bunch longer than the way to its next passage [m]."""
    z = beam.coordinates.detach()[..., 4]
    ends = [torch.where(beam.alive, sign * z, -math.inf).amax(-1).reshape(-1) for sign in (1, -1)]
    length = float(beam.world.largest(torch.cat(ends).double()).reshape(2, -1).sum(0).max())
    if length > distance:
        long, back = tell_apart(length, distance, digits=3)
        raise InvalidValueError(
            f"the bunch is {long} m long, and comes back after {back} m, the period "
            "times its velocity: it would be there before it is gone; give the time from one "
            "passage to the next [s], of a ring that of a turn"
        )


def _check_ends(beam: Beam, z: Tensor, line: Line, take: str) -> None:
    low, high = bounds(z, beam.alive)
    beyond = torch.tensor([line.start - low, high - line.stop], dtype=torch.float64)
    if float(beam.world.largest(beyond).max()) <= 0:
        return
    outside = float(mean(beam, (~line.inside(z)).to(z.dtype)).nan_to_num(0.0).max())
    if outside > _OUTSIDE:
        raise InvalidValueError(
            f"{outside:.1%} of the bunch lie outside of the wake's window, "
            f"{line.stop - line.start:g} m; {take} a longer one"
        )
