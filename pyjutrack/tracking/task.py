"""What is tracked, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..beam.beam import Beam, check_beam, require_beam
from ..beam.moments import survivors
from ..collective.base import CollectiveEffect, plan, require_effects
from ..core.checks import require_whole
from ..core.errors import InvalidValueError, require_known
from ..lattice.lattice import Lattice, require_lattice
from .adjoint import ADJOINTS
from .soft_apertures import require_weighing


@dataclass(frozen=True)
class Task:
    """What to track, checked.

    Attributes:
        lattice, beam, effects, turns: as for `pyjutrack.track`.
        counts: how many slices each element is cut into, whatever becomes of its length.
        adjoint: how reverse mode goes back; see `pyjutrack.track`.
    """

    lattice: Lattice
    beam: Beam
    effects: tuple[CollectiveEffect, ...]
    turns: int
    counts: tuple[int, ...]
    adjoint: str = "auto"


def task_of(
    lattice: Lattice,
    beam: Beam,
    effects: Sequence[CollectiveEffect],
    turns: int,
    adjoint: str = "auto",
) -> Task:
    """What an engine is asked to track, checked."""
    require_known("adjoint", adjoint, ADJOINTS)
    check_track(lattice, beam, effects, turns)
    return Task(lattice, beam, tuple(effects), int(turns), plan(lattice, effects), adjoint)


def check_track(
    lattice: Lattice, beam: Beam, effects: Sequence[CollectiveEffect], turns: int
) -> None:
    """The checks of `track`."""
    require_lattice(lattice)
    require_beam(beam)
    require_whole("turns", turns, 1)
    require_effects(effects)
    check_beam(beam)
    if not bool(survivors(beam).any()):
        raise InvalidValueError("no particle of the beam is alive")
    require_weighing(lattice, beam, effects)
    for kick in effects:
        kick.check(beam)
