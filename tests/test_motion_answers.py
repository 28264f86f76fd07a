"""What motions of elements and effects of maps hand back is refused by name, in every way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from answer_cases import LINE, RETURNED, ROWS, WAYS, beam, each_way

import pyjutrack as pj
from pyjutrack.errors import InvalidValueError
from pyjutrack.maps import drift
from pyjutrack.maps.state import State


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
