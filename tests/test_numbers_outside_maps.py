"""Kernels hold numbers that a map reads from outside; a change of these is refused."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
import torch
from element_cases import PROTON

import pyjutrack as pj
from pyjutrack.maps.base import MAPS, Map, map
from pyjutrack.maps.codegen.build import _changeable

FACTOR = 1.0
SERIES = [1.0, 0.5]
machine = ModuleType("machine")
machine.gap = 2.0  # type: ignore[attr-defined]
BEAM = pj.Beam(PROTON, torch.tensor([[1e-3, 0.0, 0.0, 0.0, 0.0, 0.0]], dtype=torch.float64))


def undo(k: Any) -> tuple[Any]:
    return (-k,)


def helper(x: Any) -> Any:
    return x * SERIES[0]


@map(inverse=undo, kick=True)
def kick_by_global(x, px, y, py, z, delta, k):
    return x, px - FACTOR * k * x, y, py, z, delta


@map(inverse=undo, kick=True, array_kernels=True)
def kick_by_helper(x, px, y, py, z, delta, k):
    return x, px - k * helper(x), y, py, z, delta


@map(inverse=undo, kick=True)
def kick_by_module(x, px, y, py, z, delta, k):
    return x, px - machine.gap * k * x, y, py, z, delta


def around(strength: float) -> tuple[Map, Any]:
    def set_strength(value: float) -> None:
        nonlocal strength
        strength = value

    @map(inverse=undo, kick=True)
    def kick_by_closure(x, px, y, py, z, delta, k):
        return x, px - strength * k * x, y, py, z, delta

    return kick_by_closure, set_strength


@dataclass(frozen=True, repr=False)
class Lens(pj.Element):
    k: float = 0.0
    by: Map = kick_by_global
    abstract = True
    knobs = ("k",)

    def transport(self, state: Any, reference: Any, part: Any) -> Any:
        return state.apply(self.by, self.k)


def slope(lattice: pj.Lattice) -> float:
    return float(pj.track(lattice, BEAM).coordinates[0, 1]) / 1e-3


def refuse(lattice: pj.Lattice, message: str) -> None:
    """By every call, and in a new lattice as in the old one."""
    for line in (lattice, pj.Lattice([*lattice])):
        with pytest.raises(pj.errors.InvalidValueError, match=message):
            pj.track(line, BEAM)
        with pytest.raises(pj.errors.InvalidValueError, match=message):
            pj.jacobian(line, PROTON)


def test_a_global_number(monkeypatch: pytest.MonkeyPatch) -> None:
    line = pj.Lattice([Lens(1.0, name="a")])
    assert slope(line) == pytest.approx(-1.0)
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    message = r"map 'kick_by_global' hold FACTOR = 1\.0, which is 5\.0 now; make it a parameter"
    refuse(line, message)
    monkeypatch.setitem(globals(), "FACTOR", 2.0 / 2.0)
    assert slope(line) == pytest.approx(-1.0)


def test_a_number_of_a_helper_in_a_list() -> None:
    line = pj.Lattice([Lens(1.0, kick_by_helper, name="a")])
    assert slope(line) == pytest.approx(-1.0)
    SERIES[0] = 3.0
    refuse(line, r"SERIES = \(1\.0, 0\.5\), which is \[3\.0, 0\.5\] now")
    with pytest.raises(pj.errors.InvalidValueError, match="SERIES"):
        pj.gradient(lambda final: final.coordinates[0, 1], line, BEAM, wrt=["a.k"])


def test_a_number_of_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    line = pj.Lattice([Lens(1.0, kick_by_module, name="a")])
    assert slope(line) == pytest.approx(-2.0)
    monkeypatch.setattr(machine, "gap", 4.0)
    refuse(line, r"machine\.gap = 2\.0, which is 4\.0 now")


def test_a_variable_around_the_map() -> None:
    made, set_strength = around(3.0)
    line = pj.Lattice([Lens(1.0, made, name="a")])
    assert slope(line) == pytest.approx(-3.0)
    set_strength(7.0)
    refuse(line, r"strength = 3\.0, which is 7\.0 now")
    set_strength(3)
    assert slope(line) == pytest.approx(-3.0)


def test_maps_of_the_package_read_nothing_from_outside() -> None:
    """So that looking costs nothing."""
    own = tuple(m for m in MAPS.values() if m.function.__module__.startswith("pyjutrack."))
    assert len(own) > 15
    assert _changeable(own) == ()
