"""Wakes that grow towards zero: those with an integral are right, and those without are refused."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import pyjutrack as pj
from pyjutrack.collective import ResistiveWall, Resonator, Wake, WakeFunction, WakeTable
from pyjutrack.errors import InvalidValueError, ResolutionWarning

ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
GAP = pj.Lattice([pj.Marker(name="gap")])
LENGTH = 6e-3
WALL = ResistiveWall(radius=0.02, conductivity=1e6, length=10.0)


def bunch(count: int = 4000) -> pj.Beam:
    rows = np.zeros((count, 6))
    shares = torch.tensor((np.arange(count) + 0.5) / count)
    rows[:, 4] = LENGTH * torch.special.ndtri(shares).numpy()
    rows[:, 0] = 1e-3
    return pj.Beam(ELECTRON, rows, charge=2e-9)


def kicks(function: WakeFunction, cells: int = 128, component: str = "dipole x") -> np.ndarray:
    effect = Wake(function, "gap", component, cells=cells)
    end = pj.track(GAP, bunch(), effects=[effect])
    return np.asarray(end.coordinates[:, 1 if component == "dipole x" else 5].numpy())


@dataclass(frozen=True)
class Power(WakeFunction):
    """W = strength t^-power, and nothing else is stated."""

    power: float
    strength: Any = 1e10

    def value(self, time: Tensor, transverse: bool) -> Tensor:
        return self.strength * time**-self.power


class Stated(Power):
    def double_integral(self, time: Tensor, transverse: bool) -> Tensor:
        factor = (1 - self.power) * (2 - self.power)
        return self.strength * time ** (2 - self.power) / factor


class Softened(Power):
    """Cut off long before the first cell can show it."""

    def value(self, time: Tensor, transverse: bool) -> Tensor:
        return self.strength / (time + 1e-28)


class Wrong(Power):
    """The first integral in place of the second."""

    def double_integral(self, time: Tensor, transverse: bool) -> Tensor:
        return self.strength * time ** (1 - self.power) / (1 - self.power)


@pytest.mark.parametrize("power", [0.1, 0.5, 0.75, 0.8])
def test_powers_that_have_an_integral_are_integrated(power: float) -> None:
    """By the rule as by the closed form of the double integral."""
    found, expected = kicks(Power(power)), kicks(Stated(power))
    assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()
    if power <= 0.75:
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_a_root_is_the_wake_of_a_wall() -> None:
    size = WALL.length * 299792458.0 / (math.pi * WALL.radius**3)
    root = Power(0.5, size * math.sqrt(4e-7 / WALL.conductivity))
    np.testing.assert_allclose(kicks(root), kicks(WALL), rtol=1e-8)


@pytest.mark.parametrize("function", [Power(1.0), Power(1.5), Power(0.97), Softened(1.0)])
@pytest.mark.parametrize("cells", [32, 4 * 128])
@pytest.mark.parametrize("component", ["longitudinal", "dipole x"])
def test_powers_that_have_none_are_refused(
    function: WakeFunction, cells: int, component: str
) -> None:
    kind = type(function).__name__
    message = (
        rf"^{kind}\.value cannot be integrated from t = 0: from one cell of its line, \S+ s, to "
        r"three .* 1/t or faster has none, and no kick: .*`double_integral`"
    )
    with pytest.raises(InvalidValueError, match=message):
        kicks(function, cells, component)


def test_a_double_integral_of_something_else_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"^Wrong\.double_integral is not that of its val"):
        kicks(Wrong(0.5))


def test_what_passes() -> None:
    """Without a warning: jumps, oscillations, walls, and tables that ring within a cell."""
    time = np.linspace(0, 4e-10, 40_001)
    noise = np.random.default_rng(1).normal(size=len(time))
    step = WakeTable(time, np.where(time < 3e-12, 1e15, 0.0))
    noisy = WakeTable(time, 1e15 * (1 + 0.001 * noise))
    for function in (Resonator(5e9, 1e6), WALL, step, noisy, Power(0.0), Power(-1.0)):
        for component in ("longitudinal", "dipole x"):
            assert np.abs(kicks(function, component=component)).max() > 0


class Fading(Power):
    """Dies in a time of its own."""

    def value(self, time: Tensor, transverse: bool) -> Tensor:
        return self.strength * torch.exp(-time / self.power)


@pytest.mark.parametrize("component", ["longitudinal", "dipole x"])
def test_wakes_that_die_within_a_cell_pass(component: str) -> None:
    """Before the cells by which integrals are looked at: a table, and a fortieth of a cell."""
    time = np.geomspace(1e-15, 5e-13, 50)
    late = [5.1e-13, 2e-11, 4e-11, 6e-11, 8e-11, 1e-10, 1e-9]
    rows = np.concatenate([[0.0], time, late])
    values = np.append(1e15 * np.exp(-5 * rows[:51] / 5e-13), np.zeros(7))
    cell = 1.56e-12
    for function in (WakeTable(rows, values), Fading(cell / 10, 1e15), Fading(cell / 40, 1e15)):
        found = kicks(function, component=component)
        area = (
            1e15 * function.power
            if isinstance(function, Fading)
            else float(np.trapezoid(values, rows))
        )
        # as much as a bunch meets of a delta function: by its charge, 1e-3 m and its current
        current = 2e-9 / (LENGTH / 299792458.0 * math.sqrt(2 * math.pi))
        factor = 1e-3 if component == "dipole x" else 1.0
        assert np.abs(found).max() == pytest.approx(area * current * factor / 1e9, rel=0.02)


class Whole(Resonator):
    """With its double integral in closed form, by lambda = -a + ib."""

    def double_integral(self, time: Tensor, transverse: bool) -> Tensor:
        omega = 2 * math.pi * float(self.frequency)
        a = omega / (2 * float(self.quality))
        b = math.sqrt(omega * omega - a * a)
        ringing = complex(-a, b)
        twice = (torch.exp(ringing * time) - 1 - ringing * time) / ringing**2
        size = omega * float(self.shunt) / float(self.quality)
        if transverse:
            return size * omega / b * twice.imag
        return size * (twice.real - a / b * twice.imag)


@pytest.mark.parametrize("component", ["longitudinal", "dipole x"])
def test_a_resonator_that_dies_within_a_cell_passes(component: str) -> None:
    rows = bunch().coordinates.clone()
    rows[:, 4] *= 20.0 / LENGTH
    long = pj.Beam(pj.Reference.from_kinetic("proton", 1e9), rows, charge=2e-9)
    column = 1 if component == "dipole x" else 5
    with pytest.warns(ResolutionWarning, match="a wavelength of the wake"):
        found, expected = (
            pj.track(GAP, long, effects=[Wake(m, "gap", component, cells=100)]).numpy()[:, column]
            for m in (Resonator(1e9, 1e6, 1.0), Whole(1e9, 1e6, 1.0))
        )
    # the longitudinal one has no area: what is left of it is small
    share = 1e-6 if component == "dipole x" else 1e-3
    assert np.abs(found - expected).max() < share * np.abs(expected).max()


class Growing(Power):
    def value(self, time: Tensor, transverse: bool) -> Tensor:
        return self.strength * torch.exp(2e12 * time)


def test_a_wake_that_is_not_finite_is_refused() -> None:
    """By which all particles would be lost."""
    message = r"^the wake of Growing is not finite at some of the times up to \S+ s after a charge"
    with pytest.raises(InvalidValueError, match=message):
        pj.track(GAP, bunch(), effects=[Wake(Growing(0.0), "gap", window=0.15)])


def test_derivatives_pass_the_check() -> None:
    """By autograd, forward and `torch.func`: linear in the strength."""
    beam = bunch(500)

    def figure(final: pj.Beam) -> Tensor:
        return final.coordinate("px").sum() * 1e6

    effects = [Wake(Power(0.5), "gap", "dipole x", cells=40)]
    value = float(figure(pj.track(GAP, beam, effects=effects)))
    for mode in ("reverse", "forward"):
        (slope,) = pj.gradient(
            figure, GAP, beam, wrt=["effects[0].function.strength"], effects=effects, mode=mode
        )
        assert slope * 1e10 == pytest.approx(value, rel=1e-9)

    def of(strength: Tensor) -> Tensor:
        effect = Wake(Power(0.5, strength), "gap", "dipole x", cells=40)
        return figure(pj.track(GAP, beam, effects=[effect]))

    at = torch.tensor(1e10, dtype=torch.float64)
    assert float(torch.func.grad(of)(at)) * 1e10 == pytest.approx(value, rel=1e-9)
    with pytest.raises(InvalidValueError, match="cannot be integrated"):
        pj.gradient(
            figure,
            GAP,
            beam,
            wrt=["effects[0].function.strength"],
            effects=[Wake(Power(1.0), "gap", "dipole x", cells=40)],
        )
