"""What no beam can have: numbers that are not finite, a negative current, too much charge."""

from __future__ import annotations

import math
from typing import Any

import torch

from ..core.checks import format_value
from ..core.errors import InvalidValueError
from ..core.scalars import refuse_batched
from ..core.settings import ends

#: no bunch has more charge [C]: a number of particles is much more, and so is one of nanocoulombs
LARGEST_CHARGE = 1e-3
COORDINATES = ("x", "px", "y", "py", "z", "delta")


def _find_fault(beam: Any) -> str | None:
    """What of a beam no beam can have, in words; None where all is well."""
    refuse_batched(beam.coordinates, *(() if beam.weights is None else (beam.weights,)))
    for name, unit in (("current", "A"), ("charge", "C")):
        amount = getattr(beam, name)
        least, greatest = ends(amount)
        if not (least >= 0 and greatest < math.inf):
            return (
                f"beam {name} must be finite and not negative, got {format_value(amount)} {unit}; "
                "the sign of the charge belongs to the species"
            )
    if greatest > LARGEST_CHARGE:
        return (
            f"a charge of {greatest:g} C is that of no bunch; it is in coulombs: 1e11 elementary "
            "charges are 1.6e-8 C"
        )
    if beam.weights is not None and not bool((beam.weights.detach() * 0 >= 0).all()):
        return "weights must be finite"
    if beam.weights is not None and not bool((beam.weights.detach() >= 0).all()):
        return "weights must not be negative"
    if math.isfinite(float(beam.coordinates.detach().sum())):
        return None  # one sum sees them all, and no particle need be looked for
    finite = torch.isfinite(beam.coordinates).all(-1)
    bad = ~finite & beam.alive
    if bad.any():
        n = int(bad.reshape(-1).nonzero()[0])
        row = beam.coordinates.reshape(-1, 6)[n]
        column = int((~torch.isfinite(row)).nonzero()[0])
        place = "" if beam.world.is_serial else f" of rank {beam.world.rank}"
        return (
            f"particle {n}{place} has {COORDINATES[column]} = {float(row[column])}; coordinates "
            f"must be finite ({int(bad.sum())} of {bad.numel()} particles are not)"
        )
    return None


def check_beam(beam: Any) -> None:
    """Raise InvalidValueError for coordinates or a current that no beam can have.

    A fault on one rank is raised on all.
    """
    beam.world.refuse(_find_fault(beam))
    if not beam.world.is_serial:
        held = int(beam.world.sum(torch.tensor(len(beam))))
        if held != beam.particles:
            raise InvalidValueError(
                f"the beam was shared with {beam.particles} particles, and the ranks hold {held} "
                "now; gather it, change it, and shard it again"
            )
