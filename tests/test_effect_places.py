"""Effects that say they act where they cannot, or nowhere, are refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from element_cases import PROTON

import pyjutrack as pj
from pyjutrack.collective import Place, Resonator, Wake
from pyjutrack.maps.state import State
from pyjutrack.tracking.plan import plan_of

LINE = pj.Lattice([pj.Drift(0.5, name="d"), pj.Marker(name="tank"), pj.Quadrupole(0.2, name="q")])
BUNCH = pj.Beam(PROTON, [[1e-3, 0.0, 0.0, 0.0, 1e-3, 0.0]] * 4, charge=1e-9)
WRONG = "Push: slices of Marker 'tank' must be"


@dataclass(frozen=True)
class Push(pj.CollectiveEffect):
    """A push at one element, as often as is asked for."""

    at: str
    count: Any = 1
    lumped = reversible = True

    def slices(self, element: pj.Element) -> int:
        return self.count if element.name == self.at else 0  # type: ignore[no-any-return]

    def field(self, beam: pj.Beam, state: State, place: Place, memory: Any) -> Any:
        return beam.charge * 1e5 * place.share

    def apply(self, state: State, field: Any, place: Place) -> State:
        x, px, *rest = state.coordinates
        return state._replace(coordinates=(x, px + field, *rest))


class AlongLengths(Push):
    lumped = False


class Unplaced(pj.CollectiveEffect):
    lumped = True

    def slices(self, element: pj.Element) -> int:
        return 0


def track(effect: pj.CollectiveEffect, lattice: pj.Lattice = LINE) -> pj.Beam:
    return pj.track(lattice, BUNCH, effects=[effect])


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (-1, "0 or more, got -1"),
        (1.5, "a whole number, got 1.5"),
        (1.0, "a whole number, got 1.0"),
        ("two", "a whole number, got 'two'"),
        ([1], r"a whole number, got \[1\]"),
        (3, "0 or 1, as it has no length, got 3"),
    ],
)
def test_slices_that_cannot_be_made(count: Any, expected: str) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=f"{WRONG} {expected}"):
        track(Push("tank", count))


def test_slices_that_can_be_made() -> None:
    assert plan_of(LINE, [Push("tank", True)]).slices() == (0, 1, 0)
    assert plan_of(LINE, [Push("q", 3)]).slices() == (0, 0, 3)
    # a length of zero may grow
    assert plan_of(pj.Lattice([pj.Drift(name="d")]), [AlongLengths("d", 2)]).slices() == (2,)


def test_an_effect_along_lengths_at_an_element_of_none_says_lumped() -> None:
    track(Push("tank"))  # whose plan has the same slices
    message = "AlongLengths acts along lengths, and Marker 'tank' has none; say `lumped = True`"
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        track(AlongLengths("tank"))


def objective(final: pj.Beam) -> Any:
    return final.coordinates.sum()


def twin(effect: pj.CollectiveEffect) -> pj.Twin:
    return pj.Twin(LINE, BUNCH, (pj.diagnostics.BeamPosition(at="q"),), effects=[effect])


CALLS = {
    "track": track,
    "jacobian": lambda effect: pj.jacobian(LINE, BUNCH, effects=[effect]),
    "jacobian_derivatives": lambda effect: pj.jacobian_derivatives(
        LINE, BUNCH, wrt=["q.k1"], effects=[effect]
    ),
    "gradient": lambda effect: pj.gradient(
        objective, LINE, BUNCH, wrt=["beam.charge"], effects=[effect]
    ),
    "beams_at": lambda effect: pj.beams_at(LINE, BUNCH, ["d"], effects=[effect]),
    "loss_map": lambda effect: pj.loss_map(LINE, BUNCH, effects=[effect]),
    "Twin": twin,
}


@pytest.mark.parametrize("call", CALLS)
def test_a_misspelt_place_is_refused_everywhere(call: str) -> None:
    wake = Wake(Resonator(frequency=1e9, shunt=1e3), "tnak")
    message = "no element for Wake named 'tnak'; did you mean 'tank'?"
    with pytest.raises(pj.errors.UnknownNameError, match=message):
        CALLS[call](wake)


def test_a_lattice_that_is_cut_short_must_have_the_place() -> None:
    assert track(Push("tank"), LINE[:2]).alive.all()
    with pytest.raises(pj.errors.UnknownNameError, match="no element for Push named 'tank'"):
        track(Push("tank"), LINE[2:])


def test_an_effect_that_acts_nowhere_without_a_name() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"no element .* Unplaced\.slices is 0"):
        track(Unplaced())


def test_effects_along_lengths_may_find_none() -> None:
    track(AlongLengths("tank", 0))


@pytest.mark.parametrize(
    "make",
    [
        pj.SpaceCharge,
        pj.collective.SpaceCharge3D,
        pj.collective.CSR,
        lambda max_step: pj.collective.Wake(pj.collective.Resonator(1e9, 1e3), max_step=max_step),
    ],
)
def test_steps_of_a_kind_that_is_misspelt_are_refused(make: Any) -> None:
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'Drift'"):
        make(max_step={"Drft": 0.1})
