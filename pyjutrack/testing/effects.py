"""A collective effect keeps its promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from ..beam.beam import Beam
from ..collective import answers
from ..collective.base import CollectiveEffect, Place
from ..core.errors import InvalidValueError
from ..core.scalars import to_float
from ..engines.track import track
from ..lattice.lattice import Lattice
from ..maps.state import State
from ..tracking.plan import plan_of
from .beams import shuffle, stack_twice
from .comparison import Array, CheckFailedError, require_close, require_finite, require_true
from .effect_derivatives import check_gradients, check_symplectic, count_turns, intensity_name
from .effect_intensity import check_individual, check_nothing, track_turns
from .effect_precision import check_default_precision, check_precision
from .effect_protocol import explain_nothing, explain_nowhere, require_protocol


def check_effect(
    effect: CollectiveEffect,
    beam: Beam,
    lattice: Lattice,
    *,
    knobs: Sequence[str] = (),
    step: float = 1e-4,
) -> None:
    """Put an effect through all that effects of this package go through.

    It acts on the lattice, and does nothing without a current or charge, or on each particle by
    itself, where it is `individual`; a second call gives the same, and so does `apply_in_place`;
    particles that are lost stay and make no field; order, batches, weights, single precision and
    PyTorch's default one change nothing that they should not; half the length has half the kick,
    unless it is `lumped`; the map of a test particle is symplectic, if it is `reversible` and not
    `individual`; what is `numbered` need not hold for another order; gradients by its knobs
    and the intensity, in every mode that it can have, against differences of values from rebuilt
    effects, and by a length, mode against mode. An effect with a memory is tracked for three turns,
    and must leave the memory that `remember` is given as it was.

    Args:
        effect: with parameters of usual size.
        beam: with the current or the charge that it needs, of some hundred particles.
        lattice: in which it acts.
        knobs: of its fields, those that derivatives go through; "function.shunt" is one of a field.
        step: of the differences, relative.

    Raises:
        CheckFailedError: what does not hold.
    """
    require_protocol(effect, knobs)
    effect.check(beam)
    places = effect.slices_along(lattice.elements)
    require_true(
        f"it acts nowhere in this lattice: {explain_nowhere(effect, lattice)}", sum(places) > 0
    )
    try:
        plan_of(lattice, (effect,))
    except InvalidValueError as error:
        raise CheckFailedError(str(error)) from error
    _check_answers(effect, beam, lattice)
    end = track_turns(effect, beam, lattice)
    without = track(lattice, beam, turns=count_turns(effect, beam)).coordinates.numpy()
    change = float(np.nanmax(np.abs(end - without), initial=0.0))
    require_true(explain_nothing(beam), change > 0)
    tolerance = 1e-9 * change + 1e-12 * float(np.nanmax(np.abs(end)))
    _check_pure(effect, beam, lattice, end, tolerance)
    _check_in_place(effect, beam, lattice)
    if effect.individual:
        check_individual(effect, beam, lattice, end, tolerance)
    else:
        check_nothing(effect, beam, lattice, without)
    _check_sets(effect, beam, lattice, end, tolerance)
    check_precision(effect, beam, lattice, end, change)
    check_default_precision(effect, beam, lattice, end, tolerance)
    _check_lost(effect, beam, lattice, end, tolerance)
    _check_weights(effect, beam, lattice, tolerance)
    if not effect.lumped:
        _check_length(effect, beam, lattice)
    if effect.reversible and effect.start(beam) is None and not effect.individual:
        check_symplectic(effect, beam, lattice)
    check_gradients(effect, beam, lattice, knobs, step)


def _places(effect: CollectiveEffect, lattice: Lattice) -> Iterator[Place]:
    """The first slice of each element in which the effect acts."""
    s = 0.0
    counts = effect.slices_along(lattice.elements)
    for number, (element, count) in enumerate(zip(lattice, counts, strict=True)):
        length = to_float(element.length)
        if count:
            ds, upstream = length / count, tuple(effect.upstream(lattice.elements, number))
            yield Place(element, number, s + ds / 2, ds, 1 / count, 0, 0.5 / count, 0, upstream)
        s += length


def _kick(effect: CollectiveEffect, beam: Beam, state: State, place: Place, memory: Any) -> Array:
    """What the effect adds to the coordinates of the living, once; (N, 6)."""
    end = effect.apply(state, effect.field(beam, state, place, memory), place)
    added = torch.stack(end.coordinates, -1) - torch.stack(state.coordinates, -1)
    made: Array = torch.where(state.alive.unsqueeze(-1), added, 0.0).detach().numpy()
    return made


def _state(effect: CollectiveEffect, beam: Beam) -> State:
    return effect.admit(State(tuple(beam.coordinates.detach().unbind(-1)), beam.alive))


def _check_answers(effect: CollectiveEffect, beam: Beam, lattice: Lattice) -> None:
    """Check that what the effect returns are particles, at finite places."""
    place = next(_places(effect, lattice))
    start = State(tuple(beam.coordinates.detach().unbind(-1)), beam.alive)
    try:
        state = answers.admit(effect, start)
        field = answers.field(effect, beam, state, place, effect.start(beam))
        end = answers.respond(effect, state, field, place)
    except InvalidValueError as error:
        raise CheckFailedError(str(error)) from error
    require_finite(
        f"the first kick of {effect!r}",
        torch.stack(end.coordinates, -1).detach().numpy(),
        end.alive,
        "look for a division by zero, as by a size of the beam, and for the root of a negative "
        "number; take torch.where(state.alive, ..., 0.0) before a sum",
    )


def _check_pure(
    effect: CollectiveEffect, beam: Beam, lattice: Lattice, end: Array, tolerance: float
) -> None:
    """Check that a second call gives the same, and that `remember` leaves what it is given."""
    remedy = "take nothing at random, and let `start` make a new memory each time"
    found = track_turns(effect, beam, lattice)
    require_close("A second call must give the same", found, end, tolerance, remedy, rows=True)
    memory, state = effect.start(beam), _state(effect, beam)
    place = next(_places(effect, lattice))
    for turn in range(3 if memory is not None else 0):
        here = place._replace(turn=turn)
        before = _kick(effect, beam, state, here, memory)
        then = effect.remember(memory, effect.field(beam, state, here, memory), here)
        after = _kick(effect, beam, state, here, memory)
        require_close(
            "`remember` changes the memory that it is given, and so the kick made from it",
            after,
            before,
            tolerance,
            "return a new one, such as [*memory, field]",
            rows=True,
        )
        memory = then


def _check_in_place(effect: CollectiveEffect, beam: Beam, lattice: Lattice) -> None:
    """Check that `apply_in_place`, where it does anything, does what `apply` does."""
    state, place = _state(effect, beam), next(_places(effect, lattice))
    lost = state.alive.clone()
    lost[0] = False
    state = state._replace(alive=lost)
    field = effect.field(beam, state, place, effect.start(beam))
    columns = [column.clone().numpy() for column in state.coordinates]
    if effect.apply_in_place(columns, state.alive, field, place):
        end = np.stack([column.numpy() for column in effect.apply(state, field, place).coordinates])
        tolerance = 1e-12 * float(np.nanmax(np.abs(end - torch.stack(state.coordinates).numpy())))
        remedy = "change the columns as `apply` does, and no particle that is lost"
        found = "`apply_in_place` differs from `apply`"
        require_close(found, np.stack(columns, 1), end.T, tolerance, remedy, rows=True)


def _check_sets(
    effect: CollectiveEffect, beam: Beam, lattice: Lattice, end: Array, tolerance: float
) -> None:
    shuffled, order = shuffle(beam)
    if not effect.numbered:
        require_close(
            "The order of the particles must not matter",
            track_turns(effect, shuffled, lattice),
            end[order.numpy()],
            tolerance,
            "sum over all particles, and take none by its number, or state `numbered`",
            rows=True,
        )
    require_close(
        "A beam in a batch must move as it does alone",
        track_turns(effect, stack_twice(beam), lattice)[1],
        end,
        tolerance,
        "sum over the last axis of the coordinates, .sum(-1, keepdim=True)",
        rows=True,
    )


def _check_lost(
    effect: CollectiveEffect, beam: Beam, lattice: Lattice, end: Array, tolerance: float
) -> None:
    """A lost particle is as one that is not there: the rest has another share of the whole."""
    far = 0.5 * beam.coordinates.nan_to_num().abs().amax(0, keepdim=True)
    lost = torch.cat([far, torch.full_like(far, np.nan)])
    weights = beam.weights
    more = beam.replace(
        coordinates=torch.cat([beam.coordinates, lost]),
        alive=torch.cat([beam.alive, beam.alive.new_zeros(2)]),
        weights=None if weights is None else torch.cat([weights, weights.new_ones(2)]),
        **{intensity_name(beam): getattr(beam, intensity_name(beam)) * (1 + 2 / len(beam))},
    )
    found = track_turns(effect, more, lattice)
    require_close(
        "lost particles must change nothing for the others",
        found[:-2],
        end,
        tolerance,
        "take torch.where(state.alive, ..., 0.0) before a sum, moments of `state`, not of `beam`, "
        "and the charge of those alive: beam.particles counts the lost",
        rows=True,
    )
    require_close(
        "lost particles must stay where they are",
        found[-2:],
        lost.numpy(),
        0.0,
        "in `apply`, take torch.where(state.alive, new, old)",
        rows=True,
    )


def _check_weights(
    effect: CollectiveEffect, beam: Beam, lattice: Lattice, tolerance: float
) -> None:
    if not effect.weighted or beam.weights is not None:
        return
    halves = beam.replace(weights=torch.full_like(beam.coordinates[:, 0], 0.5))
    amount = {intensity_name(beam): getattr(beam, intensity_name(beam)) / 2}
    require_close(
        "Half the weight of each particle must act as half the intensity",
        track_turns(effect, halves, lattice),
        track_turns(effect, beam.replace(**amount), lattice),
        tolerance,
        "count beam.shares, or do not state `weighted`",
        rows=True,
    )


def _check_length(effect: CollectiveEffect, beam: Beam, lattice: Lattice) -> None:
    """Check that a kick grows with the length over which it acts.

    Only then do kicks in more and shorter slices tend to a limit. Of a slice that is short the kick
    must be twice that of half the slice, to first order.
    """
    place = next((p for p in _places(effect, lattice) if p.ds), None)
    if place is None:
        return
    state, memory = _state(effect, beam), effect.start(beam)

    def kick(part: float) -> Array:
        here = place._replace(ds=part * to_float(place.ds), share=part * place.share)
        return _kick(effect, beam, state, here, memory)

    whole, half = kick(1e-2), kick(5e-3)
    rounding = 1e-14 * np.nan_to_num(beam.coordinates.detach().abs().numpy()).max(0)
    require_close(
        "Half the length must have half the kick",
        2 * half,
        whole,
        1e-2 * np.abs(whole).max(0) + rounding,
        "multiply by place.ds, the length over which it acts, in `field` or in `apply`; an effect "
        "that acts at an element as a whole states `lumped = True`",
        rows=True,
    )
