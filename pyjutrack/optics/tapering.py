"""Magnets that follow the energy of the beam along a ring."""

from __future__ import annotations

import torch

from ..beam.reference import Reference, require_reference
from ..core.checks import require_whole
from ..core.transforms import numeric
from ..lattice.batch import batch_of, require_one
from ..lattice.lattice import Lattice
from ..lattice.require import require_lattice
from .envelope import radiating_orbit


@numeric
def taper(lattice: Lattice, reference: Reference, *, rounds: int = 3) -> Lattice:
    """A ring whose magnets are scaled to the momentum of the closed orbit with radiation in them.

    The field of each, whatever its kind, is multiplied by 1 + delta at its middle, and reference
    orbits stay, so that the beam follows them. Strengths are numbers after that, each magnet has
    its own, and variables of the lattice rule them no more.

    Args:
        lattice: a ring with an RFCavity that makes up for the loss.
        reference: its particle.
        rounds: as scaled fields radiate otherwise; each leaves some hundredth of the rest.

    Raises:
        UnstableError, InvalidValueError: as for `equilibrium`.

    Example:
        >>> tapered = pj.optics.taper(ring, electron)
    """
    require_whole("rounds", rounds, 1)
    require_lattice(lattice)
    require_one("a tapered ring", batch_of(lattice))
    require_reference(reference)
    found = lattice
    with torch.no_grad():
        for _ in range(rounds):
            _, orbit = radiating_orbit(found, reference, 0.0, 0)
            delta = orbit[:, 5]
            middle = 1 + (delta + delta.roll(-1)) / 2
            factors = zip(lattice.elements, middle.tolist(), strict=True)
            found = Lattice([element.with_field(factor) for element, factor in factors])
    return found
