"""What effects and elements of one's own hand back is refused by name, in every way of tracking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.errors import InvalidValueError
from pyjutrack.maps import drift
from pyjutrack.maps.state import State

LINE = pj.Lattice([pj.Drift(0.5, name="d"), pj.Marker(name="m"), pj.Drift(0.5)])
ROWS = 1e-3 * torch.randn(20, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def beam(proton: pj.Reference) -> pj.Beam:
    return pj.Beam(proton, ROWS, charge=1e-9)


def square(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
    return (final.coordinates**2).sum()


def slope(**options: Any) -> Callable[[pj.Lattice, pj.Beam, list[Any]], Any]:
    return lambda line, beam, effects: pj.gradient(
        square, line, beam, wrt=["d.length"], effects=effects, **options
    )


WAYS: dict[str, Callable[[pj.Lattice, pj.Beam, list[Any]], Any]] = {
    "track": lambda line, beam, effects: pj.track(line, beam, effects=effects),
    "weights": lambda line, beam, effects: pj.track(
        line, beam.replace(weights=torch.ones(len(beam), dtype=torch.float64)), effects=effects
    ),
    "jacobian": lambda line, beam, effects: pj.jacobian(line, beam, effects=effects),
    "forward": slope(mode="forward"),
    "store": slope(adjoint="store"),
    "checkpoint": slope(adjoint="checkpoint"),
    "reversible": slope(adjoint="reversible"),
}
each_way = pytest.mark.parametrize("way", WAYS)


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


RETURNED: dict[str, tuple[Callable[[State], Any], str]] = {
    "None": (lambda end: None, "got None"),
    "pair": (tuple, "got a tuple"),
    "columns": (lambda end: end.coordinates, "got a tuple"),
    "rows": (lambda end: torch.stack(end.coordinates, -1), "got a (Tensor|Pushed)"),
    "five": (
        lambda end: end._replace(coordinates=end.coordinates[:5]),
        r"got a State of 5 columns, \(\d+,\).*and the mask \(\d+,\)",
    ),
    "a number": (
        lambda end: end._replace(coordinates=(*end.coordinates[:5], 0.0)),
        r"got a State of 6 columns, .*\(\d+,\), 0\.0, and the mask",
    ),
    "a mean": (
        lambda end: end._replace(coordinates=(end.coordinates[0].mean(), *end.coordinates[1:])),
        r"got a State of 6 columns, \(\), \(\d+,\)",
    ),
    "rows of columns": (
        lambda end: end._replace(coordinates=torch.stack(end.coordinates)),
        "got a State with a (Tensor|Pushed) in place of columns",
    ),
    "mask of numbers": (
        lambda end: end._replace(alive=end.alive.double()),
        r"and the mask \(\d+,\)$",
    ),
    "no mask": (lambda end: end._replace(alive=None), "and the mask None"),
}


@each_way
@pytest.mark.parametrize("name", RETURNED)
def test_what_apply_returns(proton: pj.Reference, name: str, way: str) -> None:
    made, said = RETURNED[name]
    message = rf"^Kick\.apply must return a State of six columns \(\d+,\) and a mask .*{said}"
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


class NoMemory(Kick):
    def start(self, beam: pj.Beam) -> Any:
        """Forget to return it."""

    def field(self, beam: pj.Beam, state: State, place: Any, memory: Any) -> Any:
        return 1e-6 + sum(memory)


class Forgets(NoMemory):
    def start(self, beam: pj.Beam) -> Any:
        return ()

    def remember(self, memory: Any, field: Any, place: Any) -> Any:
        """Forget to return it."""


def test_a_memory_that_is_none(proton: pj.Reference) -> None:
    said = r"NoMemory\.field fails .*the memory that it is given is None, as NoMemory\.start"
    with pytest.raises(InvalidValueError, match=said):
        pj.track(LINE, beam(proton), effects=[NoMemory(lambda end: end)])
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


class ByMaps(pj.CollectiveEffect):
    lumped = reversible = weighted = individual = True
    by_maps = True

    def slices(self, element: pj.Element) -> int:
        return int(element.name == "m")

    def transport(self, state: State, reference: pj.Reference, place: Any) -> Any:
        state.apply(drift, 0.1, reference.beta)


@dataclass(frozen=True, repr=False)
class Moves(pj.Element):
    """Returns what a function makes of the state that it would return."""

    made: Callable[[State], Any] = lambda end: None
    abstract = True

    def transport(self, state: State, reference: pj.Reference, part: Any) -> Any:
        return type(self).made(state.apply(drift, 0.1, reference.beta))


@each_way
def test_what_an_effect_by_maps_returns(proton: pj.Reference, way: str) -> None:
    with pytest.raises(InvalidValueError, match=r"ByMaps\.transport must return a State.*got None"):
        WAYS[way](LINE, beam(proton), [ByMaps()])


PLACES = [("track", {"tilt": 0.1}), ("track", {"dx": 1e-3}), *((way, {}) for way in WAYS)]


@pytest.mark.parametrize(("way", "place"), PLACES)
@pytest.mark.parametrize("name", RETURNED)
def test_what_transport_returns(
    proton: pj.Reference, name: str, place: dict[str, float], way: str
) -> None:
    made, said = RETURNED[name]
    kind = type("Guest", (Moves,), {"made": staticmethod(made)})
    line = pj.Lattice([*LINE, kind(**place)])
    with pytest.raises(InvalidValueError, match=rf"^Guest\.transport must return a State .*{said}"):
        WAYS[way](line, beam(proton), [])


@dataclass(frozen=True, repr=False)
class Drops(pj.Element):
    """Throws away what the first map returns."""

    abstract = True

    def transport(self, state: State, reference: pj.Reference, part: Any) -> Any:
        state.apply(drift, 0.1, reference.beta)
        return state.apply(drift, 0.2, reference.beta)


class Stays(Drops):
    def transport(self, state: State, reference: pj.Reference, part: Any) -> Any:
        state.apply(drift, 0.1, reference.beta)
        return state


@pytest.mark.parametrize(("kind", "length"), [(Drops, 0.2), (Stays, 0.0)])
def test_what_is_thrown_away_is_in_no_program(
    proton: pj.Reference, kind: type[pj.Element], length: float
) -> None:
    """In all ways an element does what its `transport` returns."""
    start, line = pj.Beam(proton, ROWS), pj.Lattice([pj.Drift(1.0), kind(), pj.Drift(1.0)])
    ends = [pj.track(pj.Lattice([pj.Drift(2.0 + length)]), start)]
    ends.append(pj.track(line, start))
    leaf = start.replace(coordinates=ROWS.clone().requires_grad_())
    ends += [pj.track(line, leaf, adjoint=adjoint) for adjoint in ("store", "reversible")]
    expected = ends[0].numpy()
    for end in ends[1:]:
        np.testing.assert_allclose(end.numpy(), expected, rtol=0, atol=1e-15)


class Sound(ByMaps):
    """States a `transport` alone, and is asked by no other method."""

    def transport(self, state: State, reference: pj.Reference, place: Any) -> Any:
        return state.apply(drift, 0.1, reference.beta)


@each_way
def test_an_effect_by_maps_needs_no_field(proton: pj.Reference, way: str) -> None:
    line = pj.Lattice([LINE[0], pj.Drift(0.1), LINE[2]])
    found, expected = (
        end.numpy() if isinstance(end, pj.Beam) else end
        for end in (
            WAYS[way](LINE, beam(proton), [Sound()]),
            WAYS[way](line, beam(proton), []),
        )
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
