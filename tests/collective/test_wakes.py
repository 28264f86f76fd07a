"""Wakes of all components against explicit double sums and potentials."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from wake_cases import CHARGE, ELECTRON, GAP, LIGHT, MODE, Decay, bunch, kicks, quiet, value

import pyjutrack as pj
from pyjutrack.collective import Resonator, Wake, WakeFunction
from pyjutrack.collective.base import Place
from pyjutrack.collective.wakes.components import COMPONENTS
from pyjutrack.collective.wakes.convolution import average, convolve
from pyjutrack.maps.state import State
from pyjutrack.mesh.line import Line

PLACE = Place(GAP[0], 0, 0.0, 0.0, 1.0, 0)


def direct(beam: pj.Beam, component: str, some: np.ndarray) -> np.ndarray:
    """Changes of momenta of some particles by a sum over all charges, (n, 6), but for delta."""
    rows = beam.coordinates.numpy()
    times = -rows[:, 4] / (LIGHT * ELECTRON.beta)
    charges = np.full(len(rows), CHARGE / len(rows))
    kind, *planes = component.split()
    kicked, other = ({"x": 0, "y": 2}[p[n]] for p in planes or "x" for n in (0, -1))
    if kind == "dipole":
        charges = charges * rows[:, other]
    lag = times[some][:, None] - times[None]
    volts = (value(lag, component != "longitudinal") * charges).sum(1)
    found = np.zeros((len(some), 6))
    per_volt = 1 / (ELECTRON.beta * ELECTRON.p0c)
    if not planes:
        found[:, 5] = -per_volt * volts
    elif kind == "quadrupole":
        found[:, kicked + 1] = per_volt * volts * rows[some, other]
        found[:, other + 1] = per_volt * volts * rows[some, kicked]
    else:
        found[:, kicked + 1] = per_volt * volts
    return found


@pytest.mark.parametrize("component", COMPONENTS)
def test_kicks_are_sums_over_charges(component: str) -> None:
    """And converge faster than the square of the spacing."""
    beam = quiet(20_000, 6e-3)
    some = np.argsort(beam.coordinates[:, 4].numpy())[100:-100:1500]
    expected = direct(beam, component, some)
    columns = [1, 3] if np.abs(expected[:, 1::2]).argmax(1).max() < 2 else [1, 3, 5]
    errors = []
    for cells in (64, 256):
        found = kicks(beam, Wake(MODE, "gap", component, cells=cells))[some]
        errors.append(np.abs(found - expected)[:, columns].max() / np.abs(expected).max())
        assert (found[:, [0, 2, 4]] == 0).all()
        assert (found[:, [1, 3]][expected[:, [1, 3]] == 0] == 0).all()
    assert errors[0] < 3e-3
    # the sum itself has steps where charges pass, 1/20 000 of the wake of all
    assert errors[1] < (6e-5 if component == "longitudinal" else 2e-5)


@pytest.mark.parametrize("component", ["longitudinal", "dipole x"])
@pytest.mark.parametrize("function", [MODE, Decay(1e15)], ids=["resonator", "jump"])
def test_the_error_is_of_fourth_order(component: str, function: WakeFunction) -> None:
    beam = quiet(200_000, 6e-3)
    core = slice(2000, -2000)

    def kick(cells: int) -> np.ndarray:
        found = kicks(beam, Wake(function, "gap", component, cells=cells, window=0.08))
        return found[core, 5 if component == "longitudinal" else 1]

    exact = kick(2000)
    errors = [np.abs(kick(cells) - exact).max() / np.abs(exact).max() for cells in (50, 100, 200)]
    assert errors[0] < 2e-3
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(16, rel=0.2)


def test_convolution_is_the_double_sum() -> None:
    """By FFT against a matrix of the same kernel, with two former passages."""
    line, speed, period = Line(-0.02, 0.03, 101), LIGHT * ELECTRON.beta, 3e-10
    draw = torch.Generator().manual_seed(1)
    sources = torch.randn(3, line.nodes, generator=draw, dtype=torch.float64)
    for transverse in (False, True):
        found = convolve(MODE, transverse, line, speed, sources, period)
        expected = torch.zeros_like(found)
        step = line.spacing / speed
        for passage in range(3):
            for i in range(line.nodes):
                t = torch.arange(-i, line.nodes - i, dtype=torch.float64) * step + passage * period
                expected[i] += average(MODE, transverse, t[None], step)[0] @ sources[passage]
        error = (found - expected).abs().max() / expected.abs().max()
        assert float(error) < 1e-12


def test_a_charge_loses_half_by_itself() -> None:
    beam = pj.Beam(ELECTRON, np.zeros((1, 6)), charge=CHARGE)
    found = kicks(beam, Wake(MODE, "gap", window=1e-4, cells=100))[0, 5]
    half = CHARGE * float(value(np.zeros(1), False)[0]) / (ELECTRON.beta * ELECTRON.p0c)
    assert found == pytest.approx(-half, rel=2e-3)


def test_along_lengths_and_at_once() -> None:
    """A function of one metre, over the length of a drift whose ends are its centre's slices."""
    beam = bunch(500)
    still = beam.replace(coordinates=beam.coordinates * torch.tensor([1.0, 0, 1, 0, 1, 0]))
    pipe = pj.Lattice([pj.Drift(0.5, name="gap", model="paraxial")])
    once = pj.track(pipe, still, effects=[Wake(MODE, "gap", window=0.1)])
    along = pj.track(pipe, still, effects=[Wake(MODE, window=0.1, max_step=0.5, scale=2.0)])
    torch.testing.assert_close(along.coordinates, once.coordinates, rtol=1e-12, atol=1e-18)
    assert (once.coordinates - still.coordinates).abs().max() > 1e-7


def test_a_line_that_follows_is_that_of_a_window() -> None:
    beam = quiet(5000, 6e-3)
    follows = kicks(beam, Wake(MODE, "gap", cells=400))[:, 5]
    stands = kicks(beam, Wake(MODE, "gap", window=0.08, cells=500))[:, 5]
    assert np.abs(follows - stands).max() < 1e-5 * np.abs(stands).max()
    far = beam.replace(coordinates=beam.coordinates + torch.tensor([0.0, 0, 0, 0, 10.0, 0]))
    moved = kicks(far, Wake(MODE, "gap", cells=400))[:, 5]
    assert np.abs(moved - follows).max() < 1e-5 * np.abs(stands).max()


@pytest.mark.parametrize("window", [None, 0.05])
def test_particles_off_the_line_are_lost_where_it_acts(window: float | None) -> None:
    """Also those that it has not been asked to admit: there is nothing beyond to be read."""
    beam, effect = bunch(), Wake(MODE, "gap", window=window)
    state = effect.admit(State(beam.coordinates.unbind(-1), beam.alive))
    field = effect.field(beam, state, PLACE)
    z = torch.tensor([0.0, -1e9, 1e9, math.nan, 0.0], dtype=torch.float64)
    zeros = torch.zeros_like(z)
    test = State((zeros, zeros, zeros, zeros, z, zeros), torch.ones(5, dtype=torch.bool))
    end = effect.apply(test, field, PLACE)
    assert end.alive.tolist() == [True, False, False, False, True]
    delta = end.coordinates[5]
    assert delta[0] == delta[4] != 0
    assert not delta[1:4].any()


def test_what_is_refused_and_warned_of() -> None:
    refused = pj.errors.InvalidValueError
    for match, changes in (
        ("turns of memory need a period", {"turns": 2}),
        ("Decay does not ring: give turns", {"function": Decay(1.0), "period": 1.0}),
        ("function must be a WakeFunction", {"function": 3.0}),
        ("cells", {"cells": 4}),
    ):
        with pytest.raises(refused, match=match):
            dataclasses.replace(Wake(MODE, "gap"), **changes)
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'dipole x'"):
        Wake(MODE, "gap", "dipole  x")
    with pytest.raises(refused, match="acts on a bunch"):
        pj.track(GAP, bunch(charge=0.0, current=1.0), effects=[Wake(MODE, "gap")])
    growth, wake = pj.observables.emittance("x"), Wake(MODE, "gap", window=0.3)
    with pytest.raises(refused, match="window is a setting, and has no derivatives"):
        pj.gradient(growth, GAP, bunch(), effects=[wake], wrt=["effects[0].window"])
    with pytest.raises(refused, match="outside of the wake's window"):
        pj.track(GAP, bunch(), effects=[Wake(MODE, "gap", window=1e-3)])
    with pytest.warns(pj.errors.ResolutionWarning, match=r"in cells, z 0\.3 \(.*\), .*cells="):
        pj.track(GAP, bunch(), effects=[Wake(Decay(1.0), "gap", window=2.0, cells=100)])
    with pytest.warns(pj.errors.ResolutionWarning, match=r"^0\.\d+ particles are in a cell"):
        pj.track(GAP, bunch(100), effects=[Wake(Decay(1.0), "gap", cells=2000)])
    with pytest.warns(pj.errors.ResolutionWarning, match="a wavelength of the wake, 8e.10 Hz, is"):
        pj.track(GAP, bunch(), effects=[Wake(Resonator(8e10, 1e4), "gap", cells=60)])
