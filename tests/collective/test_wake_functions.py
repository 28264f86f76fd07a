"""Wakes of resistive walls against closed forms and quadrature."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import gamma
from wake_function_cases import CHARGE, ELECTRON, GAP, LENGTH, LINE, kicks, noisy, quiet

import pyjutrack as pj
from pyjutrack.collective import ResistiveWall, Wake, WakeFunction, WakeTable
from pyjutrack.errors import InvalidValueError
from pyjutrack.testing import check_effect

LIGHT = 299792458.0
SPEED = LIGHT * ELECTRON.beta
WALL = ResistiveWall(radius=0.02, conductivity=1e6, length=10.0)
PER_VOLT = 1 / (ELECTRON.beta * ELECTRON.p0c)


def test_loss_by_a_wall() -> None:
    """1/pi int Re Z(w) exp(-(w sigma)^2) dw of Re Z = sqrt(w mu0 / 2 sigma) / (2 pi b)."""
    beam = quiet(100_000)
    sigma = LENGTH / SPEED
    surface = math.sqrt(4e-7 * math.pi / (2 * WALL.conductivity))
    factor = WALL.length * surface / (2 * math.pi**2 * WALL.radius)
    expected = CHARGE * factor * gamma(0.75) / (2 * sigma**1.5)
    errors = []
    for cells in (128, 512, 2048):
        found = -kicks(Wake(WALL, "gap", cells=cells), beam)[:, 5].mean() / PER_VOLT
        errors.append(found / expected - 1)
    # of order 3/2: eight times smaller for cells four times shorter
    assert errors[0] == pytest.approx(8 * errors[1], rel=0.3)
    assert abs(errors[1]) < 1e-3
    assert abs(errors[2]) < 3e-4


@pytest.mark.parametrize("transverse", [False, True])
def test_kick_by_a_wall_along_the_bunch(transverse: bool) -> None:
    """Of a Gaussian: the singular integral by t = u^2, with what stands at zero by parts."""
    component = "dipole x" if transverse else "longitudinal"
    beam = quiet()
    found = kicks(Wake(WALL, "gap", component, cells=512), beam)
    sigma = LENGTH / SPEED
    root = math.sqrt(4e-7 * math.pi / (math.pi * WALL.conductivity))
    some = np.arange(500, 20_000, 2111)
    times = -beam.coordinates[some, 4].numpy() / SPEED

    def density(t: float) -> float:
        return CHARGE * math.exp(-0.5 * (t / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))

    expected = []
    for time in times:
        if transverse:
            size = WALL.length * LIGHT / (math.pi * WALL.radius**3) * root * 1e-3
            rest = quad(lambda u, t=time: 2 * density(t - u * u), 0, math.sqrt(12 * sigma))[0]
        else:
            # -t^(-3/2)/2 is the slope of t^(-1/2), whose integral by parts has none at zero
            size = WALL.length / (2 * math.pi * WALL.radius) * root
            rest = quad(
                lambda u, t=time: -2 * (t - u * u) / sigma**2 * density(t - u * u),
                0,
                math.sqrt(12 * sigma),
            )[0]
        expected.append(size * rest * PER_VOLT * (1 if transverse else -1))
    column = 1 if transverse else 5
    error = np.abs(found[some, column] - expected).max() / np.abs(expected).max()
    assert error < 1e-3


@pytest.mark.parametrize("period", [3e-9, 1e-5])
def test_turns_of_a_wall_are_sums_over_passages(period: float) -> None:
    """Also after a time of a million cells, where differences of integrals would cancel."""
    beam = quiet(2000)
    alone = Wake(WALL, "gap", "dipole x", cells=128, window=0.08)
    memory = dataclasses.replace(alone, period=period, turns=2)
    single = kicks(alone, beam)[:, 1]
    end = pj.track(GAP, beam, effects=[memory], turns=3)
    found = end.coordinates[:, 1].numpy() - 3 * single
    times = -beam.coordinates[:, 4].numpy() / SPEED
    size = WALL.length * LIGHT / (math.pi * WALL.radius**3)
    size *= math.sqrt(4e-7 / WALL.conductivity) * 1e-3 * CHARGE / len(beam) * PER_VOLT
    some = np.arange(50, 2000, 150)
    lag = times[some][:, None] - times[None]
    expected = size * (2 / np.sqrt(lag + period) + 1 / np.sqrt(lag + 2 * period)).sum(1)
    np.testing.assert_allclose(found[some], expected, rtol=1e-7)


def test_a_function_that_says_nothing_is_told_so() -> None:
    class Silent(WakeFunction):
        """States neither a value nor how it rings."""

    with pytest.raises(InvalidValueError, match=r"Silent does not say what it is \(value\)"):
        kicks(Wake(Silent(), "gap"), quiet(100))


@pytest.mark.parametrize("component", ["longitudinal", "dipole x", "quadrupole y"])
def test_walls_and_tables_keep_the_promises_of_effects(component: str) -> None:
    wall = Wake(WALL, "gap", component, cells=60)
    check_effect(
        wall, noisy(), LINE, knobs=[f"function.{f.name}" for f in dataclasses.fields(WALL)]
    )
    time = torch.linspace(0, 4e-10, 40, dtype=torch.float64)
    table = WakeTable(time, 1e15 * torch.exp(-1e10 * time))
    check_effect(Wake(table, "gap", component, cells=60), noisy(), LINE, knobs=["scale"])
    along = Wake(dataclasses.replace(WALL, length=None), None, component, cells=60, max_step=0.1)
    check_effect(along, noisy(), LINE, knobs=["function.radius"])
