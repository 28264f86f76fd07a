"""What effects may not be together, and what an effect may not state, is refused by name."""

from __future__ import annotations

import dataclasses
import doctest
import inspect
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from effect_cases import EFFECTS, ELECTRON, LATTICE, Model, bunch

import pyjutrack as pj
from pyjutrack.collective import (
    CSR,
    BeamBeam2D,
    FrozenGaussian,
    ImageCharges,
    Radiation,
    Resonator,
    SpaceCharge2p5D,
    SpaceCharge3D,
    Wake,
    WakeTable,
)
from pyjutrack.errors import AccuracyWarning, InvalidValueError
from pyjutrack.maps.state import State

BEAM = bunch(300, lost=False)
CELL = LATTICE[:4]
BOX = pj.SpectralPoisson((0.014, 0.014), (28, 28))


def track(effects: list[Any], lattice: pj.Lattice = CELL, beam: pj.Beam = BEAM) -> pj.Beam:
    return pj.track(lattice, beam, effects=effects)


class OwnLoss(Radiation):
    """What a user derives."""


class Quadrupoles(Radiation):
    def slices(self, element: pj.Element) -> int:
        return super().slices(element) * isinstance(element, pj.Quadrupole)


class Bends(Radiation):
    def slices(self, element: pj.Element) -> int:
        return super().slices(element) * isinstance(element, pj.SBend)


@pytest.mark.parametrize("other", [Radiation("quantum", seed=1), Radiation(), OwnLoss(scale=0.5)])
def test_radiation_is_not_counted_twice(other: Radiation) -> None:
    message = (
        rf"effects\[0\] \(Radiation\) and effects\[2\] \({type(other).__name__}\) are both "
        r"synchrotron radiation, and act in 2 of 4 elements together, first in Quadrupole 'qf'"
    )
    effects = [Radiation(), EFFECTS["beam-beam"], other]
    with pytest.raises(InvalidValueError, match=message):
        track(effects)
    with pytest.raises(InvalidValueError, match=message):
        pj.Twin(CELL, BEAM, (pj.diagnostics.BeamPosition(at="tank"),), effects=effects)


def test_radiation_in_different_magnets_is_one() -> None:
    apart = track([Bends(), Quadrupoles()])
    assert apart.numpy() == pytest.approx(track([Radiation()]).numpy(), rel=1e-9, abs=1e-15)


SPACE_CHARGE = (
    SpaceCharge3D((20, 20, 20), max_step=0.2),
    SpaceCharge2p5D(BOX, 16, 0.2),
    FrozenGaussian((1.2e-3, 1.2e-3), 0.02, BOX, 0.2),
)
TWICE = [
    *[
        ((one, other), "space charge", "Drift 'd'")
        for one in SPACE_CHARGE
        for other in SPACE_CHARGE
    ],
    (
        (CSR(cells=36, smoothing=2.0), CSR("steady", cells=36, smoothing=2.0)),
        "coherent synchrotron radiation",
        "SBend 'b'",
    ),
]


@pytest.mark.parametrize(("effects", "physics", "first"), TWICE)
def test_a_field_that_is_counted_twice(effects: Any, physics: str, first: str) -> None:
    kinds = [type(effect).__name__ for effect in effects]
    message = (
        rf"effects\[0\] \({kinds[0]}\) and effects\[1\] \({kinds[1]}\) are both {physics}, and "
        rf"act in \d of 4 elements together, first in {first}: there it counts twice"
    )
    with pytest.warns(AccuracyWarning, match=message):
        track(list(effects))


def test_coasting_beams_too() -> None:
    coasting = pj.Beam(ELECTRON, BEAM.coordinates, current=1.0)
    kicks = [pj.SpaceCharge(BOX, 0.2), pj.SpaceCharge(ImageCharges(BOX), 0.2)]
    with pytest.warns(AccuracyWarning, match="are both space charge, and act in 3 of 4 elements"):
        track(kicks, beam=coasting)


WAKE = Wake(Resonator(2e9, 100.0, 2.0), "tank", cells=40)
TABLE = Wake(WakeTable([0.0, 1e-9, 2e-9], [1e12, 5e11, 0.0]), "tank", cells=40)
STRONG = BeamBeam2D("tank", -2e-9, 1e-3, 1e-3)


@pytest.mark.parametrize("effect", [WAKE, TABLE, STRONG])
def test_the_same_effect_twice(effect: pj.CollectiveEffect) -> None:
    message = f"are both the same {type(effect).__name__}, and act in 1 of 4 .* Marker 'tank'"
    for copy in (effect, dataclasses.replace(effect)):
        with pytest.warns(AccuracyWarning, match=message):
            track([effect, copy])


OTHER = {
    "cells": (WAKE, dataclasses.replace(WAKE, cells=48)),
    "cells and scale": (WAKE, dataclasses.replace(WAKE, cells=48, scale=0.5)),
    "window": (WAKE, dataclasses.replace(WAKE, window=0.2)),
    "period": (WAKE, dataclasses.replace(WAKE, period=1e-8)),
    "max_step": (
        Wake(Resonator(2e9, 100.0, 2.0), max_step=0.5, cells=40),
        Wake(Resonator(2e9, 100.0, 2.0), max_step={"Drift": 0.2}, cells=40),
    ),
    "scale": (
        EFFECTS["wake of a network"],
        dataclasses.replace(EFFECTS["wake of a network"], scale=2.0),
    ),
    "count and slicing": (
        EFFECTS["beam-beam"],
        dataclasses.replace(EFFECTS["beam-beam"], count=7, slicing="charge"),
    ),
}


@pytest.mark.parametrize("fields", OTHER)
def test_the_same_effect_twice_with_other_numerics(fields: str) -> None:
    kind = type(OTHER[fields][0]).__name__
    message = rf"are both the same {kind} but for {fields}, and act in \d of 4 .*: there it counts"
    with pytest.warns(AccuracyWarning, match=message):
        track(list(OTHER[fields]))


def test_the_same_wake_made_anew() -> None:
    """Of functions that are equal and not one, tables and models among them."""
    time, values = [0.0, 1e-9, 2e-9], [1e12, 5e11, 0.0]
    for make in (
        lambda: Wake(Resonator(2e9, 100.0, 2.0), "".join(["ta", "nk"]), cells=40),
        lambda: Wake(WakeTable(time, values), "tank", cells=40),
        lambda: dataclasses.replace(EFFECTS["wake of a network"], model=Model()),
    ):
        with pytest.warns(AccuracyWarning, match="are both the same"):
            track([make(), make()])


def test_several_wakes_and_opposing_bunches_are_several() -> None:
    """Warnings would be errors."""
    other = dataclasses.replace(WAKE, component="dipole x")
    louder = dataclasses.replace(WAKE, function=Resonator(3e9, 100.0, 2.0))
    table = dataclasses.replace(TABLE, function=WakeTable([0.0, 1e-9, 2e-9], [1e12, 4e11, 0.0]))
    track([WAKE, other, louder, TABLE, table, STRONG, dataclasses.replace(STRONG, x=1e-3)])


@dataclass(frozen=True)
class Thin(pj.CollectiveEffect):
    """A kick by maps, at one element."""

    at: str = "tank"
    lumped = reversible = individual = True
    by_maps = True

    def slices(self, element: pj.Element) -> int:
        return int(element.name == self.at)

    def transport(self, state: State, reference: pj.Reference, place: Any) -> State:
        return state


@pytest.mark.parametrize("method", ["upstream", "admit", "start", "remember"])
def test_methods_that_an_effect_of_maps_is_never_asked_by(method: str) -> None:
    track([Thin()])  # whose plan has the same slices
    own = {method: lambda self, *_: None, "__doc__": "Own."}
    stated = type("Stated", (Thin,), own)
    message = rf"Stated states `{method}` and acts by maps \(`by_maps`\), where `{method}` is never"
    with pytest.raises(InvalidValueError, match=message):
        track([stated()])


def test_the_example_of_a_first_effect_passes_the_checks() -> None:
    text = inspect.getdoc(pj.CollectiveEffect)
    assert text is not None
    example = doctest.DocTestParser().get_examples(text)
    scope = {"pj": pj, "torch": torch, "dataclass": dataclass, "__name__": __name__}
    for block in example:
        exec(block.source, scope)
    made = scope["Wake"](at="tank", strength=1e8)
    pj.testing.check_effect(made, BEAM, CELL, knobs=["strength"])


def test_radiation_without_magnets_says_where_it_acts() -> None:
    drifts = pj.Lattice([pj.Drift(1.0), pj.Marker(), pj.Quadrupole(0.3, 0.0)])
    message = "^Radiation acts in magnets with a field over a length.*, and this lattice has none"
    with pytest.raises(InvalidValueError, match=message) as raised:
        track([Radiation()], drifts)
    assert "slices" not in str(raised.value)
