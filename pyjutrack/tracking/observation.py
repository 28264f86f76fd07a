"""The beam at places on its way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect
from ..core.checks import require_texts
from ..core.errors import InvalidValueError, unknown
from ..core.transforms import uncompiled
from ..lattice.lattice import Lattice
from .adjoint import run_adjoint
from .loss_warning import warn_if_differentiable
from .task import Task, task_of


@uncompiled
def beams_at(
    lattice: Lattice,
    beam: Beam,
    places: Iterable[str],
    *,
    effects: Sequence[CollectiveEffect] = (),
    adjoint: str = "auto",
) -> dict[str, Beam]:
    """Track a beam through a lattice once, and keep it at the entrance of some elements.

    Args:
        lattice, beam, effects, adjoint: as for `track`, with the native engine.
        places: names of elements, each of one element.

    Returns:
        Name to beam. What lies behind the last place is not tracked.

    Raises:
        UnknownNameError: no such element. InvalidValueError: a name that several elements have,
            and as for `track`.

    Warns:
        LossWarning: as for `track`, at any of the places.
    """
    task = task_of(lattice, beam, effects, 1, adjoint)
    found = stations(task, require_texts("places", places, "a list of names of elements"))
    warn_if_differentiable(beam, found.values())
    return found


def stations(task: Task, places: Iterable[str], *, once: bool = False) -> dict[str, Beam]:
    """`beams_at` for what is checked already.

    Args:
        once: no gradient will be differentiated.
    """
    stops = {place: position(task.lattice, place) for place in places}
    beam, at = task.beam, 0
    found = {0: beam}
    for stop in sorted(set(stops.values())):
        if stop > at:
            section = Lattice(task.lattice.elements[at:stop])
            counts = task.counts[at:stop]
            end = run_adjoint(section, beam, task.effects, 1, counts, task.adjoint, once=once)
            beam, at = end.beam(beam), stop
        found[stop] = beam
    return {place: found[stop] for place, stop in stops.items()}


def position(lattice: Lattice, place: str) -> int:
    """Where the one element of a name stands.

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
