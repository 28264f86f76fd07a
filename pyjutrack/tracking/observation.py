"""Beams at places along the line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect
from ..core.checks import require_texts
from ..core.errors import InvalidValueError, unknown
from ..core.transforms import disable_compile
from ..lattice.lattice import Lattice
from ..maps.state import State
from .adjoint import run_adjoint
from .adjoint.choose import choose_adjoint
from .adjoints import Adjoint, Store
from .end import beam_of
from .loop import run
from .loss_warning import warn_if_differentiable
from .particles import Particles
from .plan import Plan
from .task import Task, task_of


@disable_compile
def beams_at(
    lattice: Lattice,
    beam: Beam,
    places: Iterable[str],
    *,
    effects: Sequence[CollectiveEffect] = (),
    adjoint: str | Adjoint = "auto",
) -> dict[str, Beam]:
    """Track a beam through a lattice once, and keep it at the entrance of some elements.

    Args:
        lattice, beam, effects, adjoint: as for `track`, with the native engine.
        places: names of elements, each of one element.

    Returns:
        Name to beam. What lies after the last place is not tracked.

    Raises:
        UnknownNameError: no such element. InvalidValueError: a name that several elements have,
            and as for `track`.

    Warns:
        LossWarning: as for `track`, at any of the places.
    """
    task = task_of(lattice, beam, effects, 1, adjoint)
    found = observe_beams(task, require_texts("places", places, "a list of names of elements"))
    warn_if_differentiable(beam, found.values())
    return found


def observe_beams(task: Task, places: Iterable[str], *, once: bool = False) -> dict[str, Beam]:
    """Track a beam and keep it at some places: `beams_at` for a checked task.

    Args:
        once: no gradient will be differentiated.
    """
    stops = {place: task.plan.first(position(task.lattice, place)) for place in places}
    ordered = sorted(set(stops.values()) - {0})
    watched = isinstance(choose_adjoint(task, once=once), Store)
    found = (_observe_once if watched else _track_sections)(task, ordered, once)
    found[0] = task.beam
    return {place: found[stop] for place, stop in stops.items()}


def _observe_once(task: Task, stops: Sequence[int], once: bool) -> dict[int, Beam]:
    """Keep the beam before some operations, in one tracking."""
    if not stops:
        return {}
    *between, last = stops
    watcher = _BeamKeeper(between)
    end = run(dataclasses.replace(task, plan=task.plan.until(last)), observers=[watcher])
    return {**watcher.beams, last: end.beam(task.beam)}


def _track_sections(task: Task, stops: Sequence[int], once: bool) -> dict[int, Beam]:
    """Keep the beam in trackings from one stop to the next, each with its own backward pass."""
    beam, at, found = task.beam, 0, {}
    for stop in stops:
        section = Plan(task.plan.ops[at:stop], task.plan.elements)
        beam = run_adjoint(dataclasses.replace(task, beam=beam, plan=section), once=once).beam(beam)
        found[stop] = beam
        at = stop
    return found


class _BeamKeeper:
    """Observer that keeps beams."""

    def __init__(self, stops: Sequence[int]) -> None:
        self.stops = frozenset(stops)
        self.beams: dict[int, Beam] = {}

    def see(self, turn: int, op: int, particles: Particles, beam: Beam) -> None:
        """See `Observer`."""
        state = State(particles.state.coordinates, particles.alive.clone())
        self.beams[op] = beam_of(state, beam.reference, beam, beam.weights)


def position(lattice: Lattice, place: str) -> int:
    """Return the index of the one element of a name.

    Raises:
        UnknownNameError: there is none. InvalidValueError: there are several.
    """
    found = [i for i, element in enumerate(lattice) if element.name == place]
    if not found:
        raise unknown("element", place, lattice.names)
    if len(found) > 1:
        raise InvalidValueError(
            f"{len(found)} elements are named {place!r}; a place needs a name of its own, such as "
            "that of a Marker or Monitor"
        )
    return found[0]
