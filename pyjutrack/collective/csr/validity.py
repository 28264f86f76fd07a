"""For which bunches coherent radiation in one dimension is right, and warnings for the others."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...beam.beam import Beam
from ...core.digits import tell_apart
from ...core.errors import AccuracyWarning, ResolutionWarning, warn
from ...core.scalars import is_transformed, to_float
from ...maps.state import State
from ...mesh.line import Line
from ..resolution import CELLS
from .arcs import Arc

#: a Gaussian of this many rms lengths smooths the field of a Gaussian bunch by 4 % rms
_SMOOTH = 0.5
#: a bunch must be longer than this many of the lengths by which its own field outruns it
_SHORT = 10.0


def rms_width(beam: Beam, state: State) -> float:
    """The larger of the rms sizes in x and y of a bunch on all ranks [m]; NaN if it has no values.

    Source of what is asked of it: Y. Derbenev, J. Rossbach, E. Saldin, V. Shiltsev, TESLA-FEL 95-05
    (1995).
    """
    columns = [state.coordinates[n].detach() for n in (0, 2)]
    if any(map(is_transformed, (*columns, state.alive))):
        return math.nan
    shares = torch.where(state.alive, beam.shares.detach(), 0.0).double()
    both = torch.where(state.alive, torch.stack(columns).double(), 0.0)
    powers = [(shares * both**n).sum(-1) for n in (1, 2)]
    live, *sums = beam.world.sum(torch.cat([shares.sum(-1, keepdim=True), *powers])).tolist()
    if not live > 0:
        return math.nan
    squares = [sums[n + 2] / live - (sums[n] / live) ** 2 for n in (0, 1)]
    return math.sqrt(max(0.0, *squares))


def warn_if_wrong(
    arc: Arc, line: Line, shares: Tensor, width: float, gamma: float, smoothing: float
) -> None:
    """Warn of a bunch too short for the line, its smoothing or an infinite gamma, or too wide.

    Args:
        shares: of the whole charge at the nodes of the line, without derivatives.
        width: rms [m]; NaN where it is not known.
        smoothing: rms of the Gaussian that smooths the density [cells].
    """
    if is_transformed(shares) or not shares.any():
        return
    z, shares = torch.as_tensor(line.positions()).to(shares.device), shares.double()
    mean, square = (float((shares * u).sum() / shares.sum()) for u in (z, z * z))
    rms = math.sqrt(max(0.0, square - mean * mean))
    if rms < CELLS * line.spacing:
        warn(
            f"the bunch of {rms:.2g} m rms is less than {CELLS:g} cells of the line of CSR, which "
            f"holds all of it in {line.cells * line.spacing:.2g} m; take more cells, or cut off "
            "particles far from the core",
            ResolutionWarning,
        )
    elif smoothing * line.spacing > _SMOOTH * rms:
        warn(
            f"the density of CSR is smoothed over {smoothing:.3g} cells rms, and the bunch of "
            f"{rms:.2g} m rms has {rms / line.spacing:.2g}: its field is smeared by more than 4 %; "
            f"take smoothing={0.25 * rms / line.spacing:.1f} or less, or more cells",
            ResolutionWarning,
        )
    radius, distance = to_float(arc.radius), to_float(arc.distance)
    shortest = _SHORT * max(radius / gamma**3, distance / (2 * gamma**2))
    if rms < shortest:
        where = f"{distance:.2g} m after an arc" if distance else f"in an arc of {radius:.2g} m"
        within = 2 * gamma**2 * rms / _SHORT
        cut = f"; let an element begin {within:.2g} m after it, and take reach={within:.2g}"
        remedy = cut if distance else ""
        least, own = tell_apart(shortest, rms, digits=2)
        warn(
            f"CSR {where} at gamma = {gamma:.3g} is that of bunches longer than {least} m "
            f"rms, and this one is {own} m long{remedy}",
            AccuracyWarning,
        )
    narrow = (radius * rms**2) ** (1 / 3)
    if not distance and width > narrow:
        limit, own = tell_apart(narrow, width, digits=3)
        warn(
            f"CSR in an arc of R = {radius:.2g} m is that of a line of charge, right for a bunch "
            f"of s = {rms:.3g} m rms where it is narrower than (R s^2)^(1/3) = {limit} m; "
            f"this one is {own} m rms wide, and radiates less coherently than computed",
            AccuracyWarning,
        )
