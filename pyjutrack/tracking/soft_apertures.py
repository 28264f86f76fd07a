"""Apertures with soft edges, which take part of a particle's weight instead of all or nothing.

Whether a particle is inside of an edge has no derivative; the part of a Gaussian cloud about it has
one. A lattice is tracked from one soft aperture to the next, and the weights of the beam are
lowered between: maps and kernels need not know of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect, Plan
from ..core.errors import InvalidValueError
from ..elements import Aperture
from ..elements.aperture import NEGLIGIBLE
from ..elements.part import WHOLE
from ..elements.soft_edges import transmission
from ..lattice.lattice import Lattice
from ..maps.state import State
from .end import End, state_of
from .slicing import Segment, passed

#: tracks the beam, and test particles if there are any, once through a lattice
Tracker = Callable[[Lattice, Beam, Plan, State | None], End]


def in_sections(
    track: Tracker, lattice: Lattice, beam: Beam, turns: int, counts: Plan, probe: State | None
) -> End:
    """Track through a lattice that has soft apertures."""
    sections = list(_sections(lattice, counts))
    for _ in range(turns):
        for section, slices, aperture in sections:
            if section is not None:
                end = track(section, beam, slices, probe)
                beam, probe = end.beam(beam), end.probe
            if aperture is not None:
                beam = softened(beam, aperture)
                if probe is not None:
                    probe = passed(Segment(aperture, WHOLE, 0), probe, beam.reference)
    return End(state_of(beam.coordinates, beam.alive), probe, beam.reference, beam.weights)


def _sections(
    lattice: Lattice, counts: Plan
) -> Iterator[tuple[Lattice | None, Plan, Aperture | None]]:
    """What lies between soft apertures, and the aperture behind it; None where there is nothing."""
    start = 0
    for place in (*lattice.soft, len(lattice)):
        piece = lattice.elements[start:place]
        aperture: Any = lattice.elements[place] if place < len(lattice) else None
        if piece or aperture is not None:
            yield Lattice(piece) if piece else None, counts[start:place], aperture
        start = place + 1


def softened(beam: Beam, aperture: Aperture) -> Beam:
    """A beam after a soft aperture: coordinates as they were, and lower weights.

    A particle of which nothing worth counting is left is lost, with a weight of zero.
    """
    state = state_of(beam.coordinates, beam.alive)
    state, part = transmission(aperture, state, beam.reference)
    weights = part if beam.weights is None else beam.weights * part
    gone = state.alive & (weights.detach() < NEGLIGIBLE)
    return beam.replace(weights=torch.where(gone, 0.0, weights), alive=state.alive & ~gone)


def require_weighing(lattice: Lattice, beam: Beam, effects: Sequence[CollectiveEffect]) -> None:
    """Raise InvalidValueError for effects that would take all particles to be of equal weight."""
    if beam.weights is None and not lattice.soft:
        return
    for kick in effects:
        if not getattr(kick, "weighted", False):
            raise InvalidValueError(
                f"{type(kick).__name__} does not say that its field counts the weights of a beam "
                "(`weighted = True`, see `CollectiveEffect`), and soft apertures give particles "
                "weights; take apertures with smoothing=0"
            )
