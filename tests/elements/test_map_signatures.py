"""What a map of one's own takes and returns is held against what maps are, by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack.elements.inverse import inverse_parameters
from pyjutrack.errors import InvalidValueError, UnknownNameError
from pyjutrack.maps.base import MAPS, Map, map


def test_coordinates_by_other_names_are_refused() -> None:
    """They would be taken for parameters."""
    before = set(MAPS)
    message = r"takes x, px, y, py, z, delta, by these names.*kick_by_d begins with .* z, d$"
    with pytest.raises(InvalidValueError, match=message):

        @map(inverse=lambda k: (-k,))
        def kick_by_d(x: Any, px: Any, y: Any, py: Any, z: Any, d: Any, k: Any) -> Any:
            return x, px - k * x, y, py, z, d

    with pytest.raises(InvalidValueError, match="takes x, y, by these names"):

        @map(opening=True)
        def opening_in_y(y: Any, x: Any, size: Any) -> Any:
            return abs(y) <= size

    assert set(MAPS) == before


@dataclass(frozen=True, repr=False)
class Five(pj.Element):
    """An element whose function forgets delta."""

    def transport(self, state: Any, reference: pj.Reference, part: Any) -> Any:
        def forget(*at: Any) -> Any:
            return at[:5]

        return state.apply(forget)


def test_five_coordinates_are_refused(proton: pj.Reference) -> None:
    beam = pj.Beam(proton, [[1e-3] * 6])
    message = r"the map forget must return six coordinates .*, got 5 values"
    with pytest.raises(InvalidValueError, match=message):
        pj.track(pj.Lattice([Five()]), beam)
    lost = pj.Beam(proton, [[1e-3] * 6] * 2, alive=[True, False])
    with pytest.raises(InvalidValueError, match=message):
        pj.track(pj.Lattice([Five()]), lost)


def kick(x, px, y, py, z, delta, k):
    return x, px - k * x, y, py, z, delta


def star(x, px, y, py, z, delta, *k):
    return x, px - k[0] * x, y, py, z, delta


def default(x, px, y, py, z, delta, k=1.0):
    return x, px - k * x, y, py, z, delta


def by_keyword(x, px, y, py, z, delta, *, k):
    return x, px - k * x, y, py, z, delta


BARE = r"@map takes keywords alone, got .*; write @map\(\), or @map\(inverse=\.\.\., kick=True\)"


@pytest.mark.parametrize("given", [kick, 5, None, pj.Drift])
def test_the_decorator_without_brackets_says_how_it_is_used(given: Any) -> None:
    with pytest.raises(InvalidValueError, match=BARE):
        map(given)


@pytest.mark.parametrize("given", [5, None, pj.Drift, abs, lambda x: x, partial(kick, k=1.0)])
def test_what_is_no_function_is_refused(given: Any) -> None:
    with pytest.raises(InvalidValueError, match=r"what @map registers must be a function defined"):
        map(kick=True)(given)


def test_a_map_is_registered_once() -> None:
    drift = MAPS["drift"]
    with pytest.raises(InvalidValueError, match=r"a function defined by def, got Map\(drift\)"):
        map()(drift)  # type: ignore[arg-type]


def test_a_keyword_that_is_misspelt_is_named() -> None:
    with pytest.raises(UnknownNameError, match="keyword of @map named 'invers'; did you mean 'inv"):
        map(invers=lambda k: (-k,))


@pytest.mark.parametrize("function", [star, default, by_keyword])
def test_parameters_are_given_by_their_places(function: Any) -> None:
    with pytest.raises(
        InvalidValueError, match=rf"of the map {function.__name__} must be one that"
    ):
        map()(function)


@dataclass(frozen=True, repr=False)
class ByPlace(pj.Element):
    k: float = 0.0
    knobs = ("k",)

    def transport(self, state: Any, reference: pj.Reference, part: Any) -> Any:
        return state.apply(MAPS["kick_by_place"], self.k)


def test_parameters_that_are_given_by_their_places_alone_are_taken(proton: pj.Reference) -> None:
    @map(inverse=lambda k: (-k,), kick=True, array_kernels=True)
    def kick_by_place(x, px, y, py, z, delta, k, /):
        return x, px - k * x, y, py, z, delta

    rows = 1e-3 * np.arange(1.0, 25.0).reshape(4, 6)
    beam, line = pj.Beam(proton, rows), pj.Lattice([ByPlace(0.5, name="a"), pj.Drift(1.0)])
    kicked = rows.copy()
    kicked[:, 1] -= 0.5 * rows[:, 0]
    expected = pj.track(pj.Lattice([pj.Drift(1.0)]), pj.Beam(proton, kicked)).numpy()
    np.testing.assert_allclose(pj.track(line, beam).numpy(), expected, rtol=1e-12)
    for options in ({"mode": "forward"}, {"adjoint": "store"}, {"adjoint": "reversible"}):
        slope = pj.gradient(
            lambda final, initial: final.coordinates[..., 1].sum(),
            line,
            beam,
            wrt=["a.k"],
            **options,
        )
        np.testing.assert_allclose(slope, [-rows[:, 0].sum()], rtol=1e-12)


@pytest.mark.parametrize(
    ("said_of_it", "message"),
    [
        ({"inverse": 5}, r"inverse of the map kick must be a function of 1 arguments, got 5"),
        ({"inverse": lambda: ()}, r"inverse of the map kick must be a function of 1 arguments"),
        ({"undo": lambda k: k}, r"undo of the map kick must be .* 7 arg"),
        ({"numbers": "k"}, r"numbers of the map kick must be a function of 1 arguments"),
        ({"kick": "yes"}, r"kick of the map kick must be True or False, got 'yes'"),
        (
            {"constants": "k"},
            r"constants of the map kick must be a tuple of the names .* are k, got",
        ),
        ({"constants": ("beta0",)}, r"constants of the map kick must be a tuple of the names"),
        (
            {"shapes": {"m": (6, 6)}},
            r"shapes of the map kick must be by names of its parameters, k",
        ),
        ({"shapes": 5}, r"shapes of the map kick must be a dictionary"),
        ({"written": 5}, r"written of the map kick must be a string"),
    ],
)
def test_what_is_said_of_a_map_fits_its_function(said_of_it: dict, message: str) -> None:
    before = set(MAPS)
    with pytest.raises(InvalidValueError, match=message):
        map(**said_of_it)(kick)
    assert set(MAPS) == before


def test_an_inverse_of_other_parameters_is_named() -> None:
    made = Map(kick, inverse=lambda k: -k)
    with pytest.raises(InvalidValueError, match=r"inverse of the map kick must return 1 param.*-2"):
        inverse_parameters(made, (2.0,))
