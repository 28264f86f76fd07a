"""What wakes have in common: where they act, and the line of cells that they are computed on."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from ...beam.beam import Beam
from ...beam.moments import mean
from ...core.checks import require_real, require_text, wrong
from ...core.errors import InvalidValueError, ResolutionWarning, warn
from ...core.scalars import Number, to_float
from ...maps.state import State
from ...mesh.line import Line, line_around

#: a bunch may start with this share of its particles outside the window
_OUTSIDE = 0.01
#: so many particles are charges by themselves, and no sample of a density
_FEW = 32
#: cells in an rms length of the bunch, below which a warning
_RESOLVED = 2.0


def check_places(at: str | None, max_step: float | Mapping[str, float]) -> None:
    """Raise InvalidValueError for what is no name of elements, or no step along lengths."""
    if at is not None:
        require_text("at", at)
    steps = max_step if isinstance(max_step, Mapping) else {"": max_step}
    if not steps:
        raise wrong("max_step", max_step, "a length, or one per element kind")
    for step in steps.values():
        require_real("max_step", step, above=0)


def per_volt(beam: Beam) -> Number:
    """The change of momentum by a volt, in units of P0 [1/V]."""
    reference = beam.reference
    return abs(reference.species.charge) / (reference.beta * reference.p0c)


def window_line(window: float, cells: int) -> Line:
    """The line of a window about the reference [m]."""
    return Line(-window / 2, window / 2, cells)


def wake_line(beam: Beam, state: State, window: float | None, cells: int) -> Line:
    """The line of a window, or one that holds all live particles; see `line_around`."""
    if window is not None:
        return window_line(window, cells)
    z, none = state.coordinates[4].detach(), -torch.inf
    ends = [torch.where(state.alive, sign * z, none).max() for sign in (1.0, -1.0)]
    high, low = (to_float(end) for end in beam.world.largest(torch.stack(ends)))
    return line_around(-low, high, cells) if high >= -low else Line(-1.0, 1.0, cells)


def admit(state: State, window: float | None, cells: int) -> State:
    """Particles outside the window are lost."""
    if window is None:
        return state
    z = state.coordinates[4].detach()
    return State(state.coordinates, state.alive & window_line(window, cells).inside(z))


def check_line(beam: Beam, line: Line, take: str = "take") -> float:
    """Raise for a bunch that does not fit a line, warn of one that it does not resolve.

    Args:
        take: how to come by other cells, as a warning says.

    Returns:
        the rms length of the bunch [m], the largest of a batch.
    """
    z = beam.coordinate("z").detach()
    beyond = torch.where(beam.alive, ~line.inside(z), False)
    outside = float(mean(beam, beyond.to(z.dtype)).nan_to_num(0.0).max())
    if outside > _OUTSIDE:
        raise InvalidValueError(
            f"{outside:.1%} of the bunch lie outside of the wake's window, "
            f"{line.stop - line.start:g} m; {take} a longer one"
        )
    live = torch.where(beam.alive, z, 0.0)
    centre = mean(beam, live).unsqueeze(-1)
    rms = float(mean(beam, (live - centre) ** 2).nan_to_num(0.0).max().sqrt())
    crowd = beam.particles * line.spacing / (math.sqrt(2 * math.pi) * rms) if rms else math.inf
    if crowd < 1 and beam.particles > _FEW:
        warn(
            f"{crowd:.2g} particles are in a cell of the wake's line at the centre of a bunch "
            f"of {rms:.3g} m rms, which is noise alone; take {math.ceil(1 / crowd)} times the "
            "particles, or fewer cells",
            ResolutionWarning,
        )
    if 0 < rms < _RESOLVED * line.spacing:
        warn(
            f"the rms length of the bunch, {rms:.3g} m, is {rms / line.spacing:.2g} cells of "
            f"the wake's line; {take} cells={round(line.cells * 4 * line.spacing / rms)}, or a "
            "shorter window",
            ResolutionWarning,
        )
    return rms
