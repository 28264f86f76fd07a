"""Beams at places along the line."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect
from ..core.checks import require_texts
from ..core.errors import InvalidValueError, unknown
from ..core.transforms import disable_compile
from ..lattice.batch import each_where_needed
from ..lattice.lattice import Lattice
from ..maps.state import State
from .adjoint import run_adjoint
from .adjoint.choose import choose_adjoint
from .adjoints import Adjoint, Checkpoint, Reversible, Store
from .end import beam_of, expand_beam
from .loop import run
from .loss_warning import warn_if_differentiable, warn_of_effects
from .particles import Particles, expand
from .plan import Plan
from .task import Task, task_of


@disable_compile
@each_where_needed
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

    Example:
        >>> pj.moments.sizes(pj.beams_at(line, beam, ["bpm1", "bpm2"])["bpm2"])
    """
    task = task_of(lattice, beam, effects, 1, adjoint)
    found = observe_beams(task, require_texts("places", places, "a list of names of elements"))
    warn_of_effects(task, found.values())
    warn_if_differentiable(beam, found.values())
    return found


def observe_beams(task: Task, places: Iterable[str], *, once: bool = False) -> dict[str, Beam]:
    """Track a beam and keep it at some places: `beams_at` for a checked task.

    Args:
        once: no gradient will be differentiated.
    """
    stops = {place: task.plan.first(position(task.lattice, place)) for place in places}
    found = {0: expand_beam(task.beam, task.batch)}
    ordered = sorted(set(stops.values()) - {0})
    if ordered:
        *between, last = ordered

        def keep(turn: int, op: int, beam: Beam) -> None:
            found[op] = beam

        until = dataclasses.replace(task, plan=task.plan.until(last))
        found[last] = run_observed(until, between, keep, once=once)
    return {place: found[stop] for place, stop in stops.items()}


def run_observed(
    task: Task,
    stops: Collection[int],
    see: Callable[[int, int, Beam], None],
    *,
    every: int = 1,
    once: bool = False,
) -> Beam:
    """Track, and show the beam before some operations, in each turn or in some.

    Args:
        stops: the operations of the plan.
        see: is called with the turn, the operation and the beam, which stays as it is.
        every: in each so many turns alone, the first among them.
        once: no gradient will be differentiated.

    Returns:
        The beam at the end.
    """
    adjoint = choose_adjoint(task, once=once)
    if isinstance(adjoint, Store):
        watcher = _Watcher(frozenset(stops), see, every, task)
        return run(task, observers=[watcher]).beam(task.beam)
    # from one stop to the next, each section with its own backward pass; turns not read are one
    edges = sorted({0, *stops})
    plans = [
        Plan(task.plan.ops[at:stop], task.plan.elements)
        for at, stop in pairwise([*edges, len(task.plan)])
    ]
    seen = range(0, task.turns, every)
    if isinstance(adjoint, Reversible):
        adjoint = Reversible(adjoint.snapshots // (len(seen) * (len(edges) + (every > 1))))
    elif adjoint.every is None:
        adjoint = Checkpoint(max(math.isqrt(len(task)), 1))

    def pass_section(beam: Beam, plan: Plan, turn: int, turns: int) -> Beam:
        section = dataclasses.replace(
            task,
            beam=beam,
            plan=plan,
            turns=turns,
            first_turn=task.first_turn + turn,
            adjoint=adjoint,
        )
        return run_adjoint(section, once=once).beam(beam)

    beam = task.beam
    for turn in seen:
        for at, plan in zip(edges, plans, strict=True):
            if at in stops:
                see(turn, at, beam)
            beam = pass_section(beam, plan, turn, 1)
        rest = min(every, task.turns - turn) - 1
        if rest:
            beam = pass_section(beam, task.plan, turn + 1, rest)
    return beam


class _Watcher(NamedTuple):
    """Observer that shows the beam."""

    stops: frozenset[int]
    shown: Callable[[int, int, Beam], None]
    every: int
    task: Task

    def see(self, turn: int, op: int, particles: Particles, beam: Beam) -> None:
        """See `Observer`."""
        if turn % self.every:
            return
        state = State(particles.state.coordinates, particles.alive.clone())
        state = expand(state, self.task.batch)
        seen = beam_of(state, beam.reference, self.task.beam, beam.weights)
        self.shown(turn, op, seen)


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
