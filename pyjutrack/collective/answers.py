"""What an effect answers to tracking, refused by name where no tracking can go on with it.

Each question costs a comparison of what comes back with what was given. Why a method of an effect
fails that was given None by another one is looked for when it has failed, and only where the error
says that something is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..core.checks import format_value
from ..core.errors import InvalidValueError
from ..elements import Element
from ..maps.returned import is_like, no_state
from ..maps.state import State
from .base import CollectiveEffect, Place

_FAILED = (AttributeError, TypeError)


def admit(effect: CollectiveEffect, state: State) -> State:
    """Ask an effect which particles it can serve.

    Raises:
        InvalidValueError: it returns no state, or moves particles.
    """
    end = effect.admit(state)
    if not is_like(end, state):
        raise no_state(f"{_kind(effect)}.admit", "State(state.coordinates, alive)", end, state)
    if end.coordinates is not state.coordinates:
        for new, old in zip(end.coordinates, state.coordinates, strict=True):
            if new is not old:
                raise InvalidValueError(
                    f"{_kind(effect)}.admit changes coordinates, and may only lose particles: "
                    "return State(state.coordinates, alive), and change them in `apply`"
                )
    return end


def field(effect: CollectiveEffect, beam: Beam, state: State, place: Place, memory: Any) -> Any:
    """Ask an effect for the field of particles.

    Raises:
        InvalidValueError: it fails at a None, and its `start` returned no memory.
    """
    try:
        return effect.field(beam, state, place, memory)
    except _FAILED as error:
        stated = type(effect).start is not CollectiveEffect.start
        if memory is None and stated and _is_of_none(error):
            raise _got_none(effect, "field", "memory", "start", error) from error
        raise


def respond(effect: CollectiveEffect, state: State, field: Any, place: Place) -> State:
    """Ask an effect for the particles after its field.

    Raises:
        InvalidValueError: it returns no state like the one that it was given, or fails at a
            None, and its `field` returned None.
    """
    try:
        end = effect.apply(state, field, place)
    except _FAILED as error:
        if field is None and _is_of_none(error):
            raise _got_none(effect, "apply", "field", "field", error) from error
        raise
    if not is_like(end, state):
        raise no_state(f"{_kind(effect)}.apply", "state._replace(coordinates=...)", end, state)
    return end


def respond_in_place(
    effect: CollectiveEffect,
    columns: Sequence[NDArray[Any]],
    alive: Tensor,
    field: Any,
    place: Place,
) -> bool:
    """Ask an effect to change plain numbers in place; return whether it has.

    Raises:
        InvalidValueError: it does not say, and may have: `apply` would do it a second time.
    """
    done: Any = effect.apply_in_place(columns, alive, field, place)
    if not isinstance(done, (bool, np.bool_)):
        raise InvalidValueError(
            f"{_kind(effect)}.apply_in_place must return True where it has changed the columns and "
            f"False where it has not, got {format_value(done)}"
        )
    return bool(done)


def transport(effect: CollectiveEffect, state: State, reference: Reference, place: Place) -> State:
    """Ask an effect that is `by_maps` for the particles after it.

    Raises:
        InvalidValueError: it returns no state.
    """
    end = effect.transport(state, reference, place)
    if type(end) is not type(state) and not is_like(end, state):
        raise no_state(f"{_kind(effect)}.transport", "state.apply(map, ...)", end, state)
    return end


def remember(effect: CollectiveEffect, memory: Any, field: Any, place: Place) -> Any:
    """Ask an effect with a memory for that after a passage.

    Raises:
        InvalidValueError: it returns None, which is no memory.
    """
    after = effect.remember(memory, field, place)
    if after is None:
        raise InvalidValueError(
            f"{_kind(effect)}.remember must return the memory after the passage, got None; "
            "return a new one, such as (*memory, field)"
        )
    return after


def upstream(
    effect: CollectiveEffect, elements: Sequence[Element], number: int
) -> tuple[Element, ...]:
    """Ask an effect which elements before it it must know.

    Raises:
        InvalidValueError: it returns no sequence of elements.
    """
    found: Any = effect.upstream(elements, number)
    if type(found) is tuple and not found:
        return ()
    good = isinstance(found, Sequence) and all(isinstance(e, Element) for e in found)
    if not good:
        raise InvalidValueError(
            f"{_kind(effect)}.upstream must return elements of the lattice, () for none, got "
            f"{format_value(found)}"
        )
    return tuple(found)


def _is_of_none(error: Exception) -> bool:
    return "NoneType" in str(error)


def _got_none(
    effect: CollectiveEffect, method: str, argument: str, source: str, error: Exception
) -> InvalidValueError:
    return InvalidValueError(
        f"{_kind(effect)}.{method} fails ({type(error).__name__}: {error}), and the {argument} "
        f"that it is given is None, as {_kind(effect)}.{source} returned it; return from "
        f"`{source}` what `{method}` takes"
    )


def _kind(effect: CollectiveEffect) -> str:
    return type(effect).__name__
