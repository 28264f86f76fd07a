"""What effects of one's own hand back is refused by name, in every way of tracking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from answer_cases import LINE, RETURNED, WAYS, beam, each_way

import pyjutrack as pj
from pyjutrack.errors import InvalidValueError
from pyjutrack.maps.state import State


@dataclass(frozen=True)
class Kick(pj.CollectiveEffect):
    """Returns what a function makes of the state that it would return."""

    made: Callable[[State], Any]
    lumped = reversible = weighted = True

    def slices(self, element: pj.Element) -> int:
        return int(element.name == "m")

    def field(self, beam: pj.Beam, state: State, place: Any, memory: Any) -> Any:
        return 1e-6

    def apply(self, state: State, field: Any, place: Any) -> Any:
        x, px, *others = state.coordinates
        return self.made(state._replace(coordinates=(x, px + field, *others)))


@each_way
@pytest.mark.parametrize("name", RETURNED)
def test_what_apply_returns(proton: pj.Reference, name: str, way: str) -> None:
    made, said = RETURNED[name]
    message = (
        r"^Kick\.apply must return a State of six columns \(\d+,\) of torch\.float64 and a mask .*"
        + said
    )
    with pytest.raises(InvalidValueError, match=message):
        WAYS[way](LINE, beam(proton), [Kick(made)])


@each_way
def test_what_is_right_goes_through(proton: pj.Reference, way: str) -> None:
    """Columns in a list too, and a state that is made anew."""
    found = [
        WAYS[way](LINE, beam(proton), [Kick(made)])
        for made in (
            lambda end: end,
            lambda end: State(list(end.coordinates), end.alive.clone()),  # type: ignore[arg-type]
        )
    ]
    first, second = (f.numpy() if isinstance(f, pj.Beam) else f for f in found)
    np.testing.assert_array_equal(first, second)


class Admits(Kick):
    def apply(self, state: State, field: Any, place: Any) -> Any:
        return state

    def admit(self, state: State) -> Any:
        return self.made(state)


@each_way
@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda state: None, r"Admits\.admit must return a State .*got None"),
        (lambda state: state.alive, r"as in `return State\(state\.coordinates, alive\)`, got a"),
        (
            lambda state: State(tuple(1 * c for c in state.coordinates), state.alive),
            r"Admits\.admit changes coordinates, and may only lose particles",
        ),
    ],
)
def test_what_admit_returns(proton: pj.Reference, way: str, made: Any, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said):
        WAYS[way](LINE, beam(proton), [Admits(made)])


class NoField(Kick):
    def field(self, beam: pj.Beam, state: State, place: Any, memory: Any) -> Any:
        """Forget to return it."""


@each_way
def test_a_field_that_is_none_is_named_where_apply_fails(proton: pj.Reference, way: str) -> None:
    said = r"NoField\.apply fails \(TypeError: .*\), and the field that it is given is None, as NoF"
    with pytest.raises(InvalidValueError, match=said):
        WAYS[way](LINE, beam(proton), [NoField(lambda end: end)])
    with pytest.raises(TypeError, match="concatenate"):  # its own mistake, which says so itself
        WAYS[way](LINE, beam(proton), [Kick(lambda end: end + 1)])


class Mistyped(NoField):
    """Needs no field, and has another mistake."""

    def apply(self, state: State, field: Any, place: Any) -> Any:
        return state._replace(coordinates=(self.sterngth, *state.coordinates[1:]))  # type: ignore[attr-defined]


@each_way
def test_an_error_that_is_not_of_none_stays_as_it_is(proton: pj.Reference, way: str) -> None:
    with pytest.raises(AttributeError, match=r"^'Mistyped' object has no attribute 'sterngth'"):
        WAYS[way](LINE, beam(proton), [Mistyped(lambda end: end)])


class NoMemory(Kick):
    def start(self, beam: pj.Beam) -> Any:
        """Forget to return it."""

    def field(self, beam: pj.Beam, state: State, place: Any, memory: Any) -> Any:
        return 1e-6 + sum(memory)


class Fails(NoMemory):
    """Needs no memory, and has another mistake."""

    def field(self, beam: pj.Beam, state: State, place: Any, memory: Any) -> Any:
        return 1e-6 + "m"  # type: ignore[operator]


class Forgets(NoMemory):
    def start(self, beam: pj.Beam) -> Any:
        return ()

    def remember(self, memory: Any, field: Any, place: Any) -> Any:
        """Forget to return it."""


def test_a_memory_that_is_none(proton: pj.Reference) -> None:
    said = r"NoMemory\.field fails .*the memory that it is given is None, as NoMemory\.start"
    with pytest.raises(InvalidValueError, match=said):
        pj.track(LINE, beam(proton), effects=[NoMemory(lambda end: end)])
    with pytest.raises(TypeError, match=r"^unsupported operand"):
        pj.track(LINE, beam(proton), effects=[Fails(lambda end: end)])
    said = r"Forgets\.remember must return the memory after the passage, got None"
    with pytest.raises(InvalidValueError, match=said):
        pj.track(LINE, beam(proton), effects=[Forgets(lambda end: end)])


class InPlace(Kick):
    def apply_in_place(self, columns: Any, alive: Any, field: Any, place: Any) -> Any:
        columns[1] += field  # and forgets to say so


def test_a_kick_in_place_says_that_it_was_done(proton: pj.Reference) -> None:
    with pytest.raises(InvalidValueError, match=r"apply_in_place must return True where .*None"):
        pj.track(LINE, beam(proton), effects=[InPlace(lambda end: end)])


class Upstream(Kick):
    def upstream(self, elements: Any, number: int) -> Any:
        return self.made(elements)  # type: ignore[arg-type]

    def apply(self, state: State, field: Any, place: Any) -> State:
        return state


class Slices(Kick):
    def slices_along(self, elements: Any) -> Any:
        return None


class Left(Kick):
    def apply(self, state: State, field: Any, place: Any) -> State:
        return state._replace(alive=state.coordinates[0] > 0)

    def left(self, state: State) -> Any:
        return state.coordinates[0] > 0


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        (Upstream(lambda elements: None), r"Upstream\.upstream must return elements .*got None"),
        (Upstream(lambda elements: ["d"]), r"upstream must return elements .*got \['d'\]"),
        (Slices(lambda end: end), r"Slices\.slices_along: counts must be one for each of 3"),
        (Left(lambda end: end), r"what Left\.left returns must be None, or a mask"),
    ],
)
def test_what_else_an_effect_returns(proton: pj.Reference, effect: Any, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said):
        pj.track(LINE, beam(proton), effects=[effect])
