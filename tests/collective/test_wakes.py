"""Wakes of all components against explicit double sums, potentials, and the checks of effects."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import Resonator, Wake, WakeFunction
from pyjutrack.collective.base import Place
from pyjutrack.collective.wakes.components import COMPONENTS
from pyjutrack.collective.wakes.convolution import average, convolve
from pyjutrack.maps.state import State
from pyjutrack.mesh.line import Line
from pyjutrack.testing import check_effect
from pyjutrack.testing.comparison import differences

LIGHT = 299792458.0
ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
CHARGE = 2e-9
MODE = Resonator(frequency=5e9, shunt=1e6, quality=1.4)
GAP = pj.Lattice([pj.Marker(name="gap")])
PLACE = Place(GAP[0], 0, 0.0, 0.0, 1.0, 0)
LINE = pj.Lattice([pj.Drift(0.3, name="d"), pj.Marker(name="gap"), pj.Quadrupole(0.2, k1=1.0)])


@dataclass(frozen=True)
class Decay(WakeFunction):
    """W = strength exp(-rate t), which a user would write."""

    strength: Any
    rate: Any = 2e10

    def value(self, time: torch.Tensor, transverse: bool) -> torch.Tensor:
        return self.strength * torch.exp(-self.rate * time)


def bunch(count: int = 300, length: float = 6e-3, seed: int = 1, **changes: Any) -> pj.Beam:
    rows = np.random.default_rng(seed).normal(size=(count, 6))
    rows *= [1e-3, 1e-4, 2e-3, 1e-4, length, 1e-4]
    return pj.Beam(ELECTRON, rows, **{"charge": CHARGE} | changes)


def quiet(count: int, length: float, offset: float = 1e-3) -> pj.Beam:
    """A Gaussian bunch without noise, whose offset varies with z."""
    rows = np.zeros((count, 6))
    shares = torch.tensor((np.arange(count) + 0.5) / count)
    rows[:, 4] = length * torch.special.ndtri(shares).numpy()
    rows[:, 0] = offset * (1 + 0.3 * np.sin(200 * rows[:, 4]))
    rows[:, 2] = -2 * rows[:, 0]
    return pj.Beam(ELECTRON, rows, charge=CHARGE)


def value(time: np.ndarray, transverse: bool, of: Resonator = MODE) -> np.ndarray:
    """W of the textbook, half of it at zero [V/C or V/(C m)]."""
    omega = 2 * math.pi * of.frequency
    decay = omega / (2 * of.quality)
    bar = math.sqrt(omega**2 - decay**2)
    share = np.heaviside(time, 0.5)
    t = np.maximum(time, 0.0)
    if transverse:
        w = omega**2 * of.shunt / (of.quality * bar) * np.exp(-decay * t) * np.sin(bar * t)
    else:
        rings = np.cos(bar * t) - decay / bar * np.sin(bar * t)
        w = omega * of.shunt / of.quality * np.exp(-decay * t) * rings
    return np.asarray(share * w)


def kicks(beam: pj.Beam, effect: Wake) -> np.ndarray:
    """What a passage of the gap adds to the coordinates."""
    end = pj.track(GAP, beam, effects=[effect])
    return np.asarray((end.coordinates - beam.coordinates).numpy())


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


def test_turns_of_a_memory_are_sums_over_passages() -> None:
    """Former lines, a closed ringing, and the sum over all charges of all passages."""
    period, mode = 0.7e-9, Resonator(frequency=5e9, shunt=1e6, quality=20.0)
    beam = quiet(4000, 6e-3)
    frozen = beam.coordinates.numpy()
    times = -frozen[:, 4] / (LIGHT * ELECTRON.beta)
    some = np.argsort(frozen[:, 4])[50:-50:400]
    lag = times[some][:, None] - times[None]
    for component, column in (("longitudinal", 5), ("dipole x", 1)):
        given = {"at": "gap", "component": component, "window": 0.08, "period": period}
        rung = Wake(mode, **given)
        after = pj.track(GAP, beam, effects=[rung], turns=4).coordinates.numpy()
        lines = dataclasses.replace(rung, turns=3)
        same = pj.track(GAP, beam, effects=[lines], turns=4).coordinates.numpy()
        size = np.abs(after - frozen)[:, column].max()
        np.testing.assert_allclose(same, after, rtol=0, atol=1e-11 * size)
        charges = CHARGE / len(frozen) * (frozen[:, 0] if column == 1 else 1.0)
        expected = sum(
            (value(lag + n * period, column == 1, mode) * charges).sum(1) * (4 - n)
            for n in range(4)
        ) / (ELECTRON.beta * ELECTRON.p0c)
        sign = 1 if column == 1 else -1
        found = sign * (after - frozen)[some, column]
        assert np.abs(found - expected).max() < 2e-4 * np.abs(expected).max()
        short = pj.track(GAP, beam, effects=[dataclasses.replace(rung, turns=1)], turns=4)
        assert np.abs(short.coordinates.numpy() - after).max() > 1e-2 * size, "turns count"


@dataclass(frozen=True, repr=False)
class Stretch(pj.Element):
    """A bunch that grows, and arrives earlier every turn."""

    def transport(self, state: Any, reference: pj.Reference, part: Any) -> Any:
        return state.apply(lambda x, px, y, py, z, d: (x, px, y, py, 1.3 * z + 4e-3, d))


@pytest.mark.parametrize("turns", [None, 3], ids=["ringing", "lines"])
def test_lines_that_follow_remember(turns: int | None) -> None:
    """A line longer and elsewhere every turn, against the sum over all charges of all passages."""
    period, mode = 0.7e-9, Resonator(frequency=5e9, shunt=1e6, quality=20.0)
    beam = quiet(4000, 4e-3)
    ring = pj.Lattice([pj.Marker(name="gap"), Stretch()])
    wake = Wake(mode, "gap", "dipole x", cells=200, period=period, turns=turns)
    end = pj.track(ring, beam, effects=[wake], turns=4).coordinates.numpy()
    passages = [beam.coordinates.numpy()[:, 4]]
    for _ in range(3):
        passages.append(1.3 * passages[-1] + 4e-3)
    some = np.argsort(passages[0])[50:-50:400]
    charges = CHARGE / len(end) * end[:, 0]
    times = [-z / (LIGHT * ELECTRON.beta) for z in passages]
    expected = sum(
        (value(times[now][some][:, None] - times[then] + (now - then) * period, True, mode)
         * charges).sum(1)
        for now in range(4) for then in range(now + 1)
    ) / (ELECTRON.beta * ELECTRON.p0c)  # fmt: skip
    assert np.abs(end[some, 1] - expected).max() < 2e-4 * np.abs(expected).max()


def test_a_bunch_that_grows_without_end_is_refused() -> None:
    """A particle that falls behind would ask for millions of cells."""

    @dataclass(frozen=True, repr=False)
    class Behind(pj.Element):
        def transport(self, state: Any, reference: pj.Reference, part: Any) -> Any:
            return state.apply(lambda x, px, y, py, z, d: (x, px, y, py, z - 1e8 * x**2, d))

    ring = pj.Lattice([pj.Marker(name="gap"), Behind()])
    wake = Wake(MODE, "gap", cells=64, period=1e-6, turns=2)
    beam = quiet(4000, 4e-3)
    with pytest.raises(pj.errors.InvalidValueError, match="cells of the first turn"):
        pj.track(ring, beam, effects=[wake], turns=2)


def test_a_train_meets_the_wakes_of_its_bunches() -> None:
    """Two bunches in one window, the second in the wake of the first alone and its own."""
    beam = quiet(2000, 2e-3)
    rows = beam.coordinates.clone()
    rows[1000:, 4] = rows[:1000, 4]
    rows[1000:, 4] -= 0.05
    train = beam.replace(coordinates=rows)
    long = Resonator(frequency=5e9, shunt=1e6, quality=50.0)
    some = np.arange(1050, 1950, 97)
    times = -rows[:, 4].numpy() / (LIGHT * ELECTRON.beta)
    lag = times[some][:, None] - times[None]
    expected = (value(lag, False, long) * CHARGE / 2000).sum(1) / (ELECTRON.beta * ELECTRON.p0c)
    found = -kicks(train, Wake(long, "gap", window=0.15, cells=3000))[some, 5]
    assert np.abs(found - expected).max() < 2e-4 * np.abs(expected).max()


KNOBS = ["function.frequency", "function.shunt", "function.quality", "scale"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_keeps_the_promises_of_effects(component: str) -> None:
    effect = Wake(MODE, "gap", component, cells=60)
    check_effect(effect, bunch(200), LINE, knobs=KNOBS)


@pytest.mark.parametrize(
    "effect",
    [
        Wake(Decay(1e15), component="quadrupole y", max_step=0.1, cells=60),
        Wake(MODE, "gap", "dipole y", window=0.08, cells=60, period=1.2e-10),
        Wake(Decay(1e17), "gap", "dipole x", window=0.08, cells=60, period=1.2e-10, turns=2),
        Wake(MODE, "gap", "dipole yx", cells=60, period=1.2e-10),
        Wake(Decay(1e17), "gap", "quadrupole xy", cells=60, period=1.2e-10, turns=2),
    ],
    ids=["along", "ringing", "lines", "ringing follows", "lines follow"],
)
def test_other_ways_keep_the_promises_of_effects(effect: Wake) -> None:
    knobs = ["scale", "function.shunt" if effect.function.rings else "function.strength"]
    check_effect(effect, bunch(200), LINE, knobs=knobs)


@pytest.mark.parametrize("adjoint", ["store", "checkpoint", "reversible"])
def test_the_slope_by_a_length_over_which_it_acts(adjoint: str) -> None:
    """The kick grows with the length of the pipe, which moves the particles too."""
    effect = Wake(Decay(1e17), max_step=0.1, cells=60)

    def spread_of_energy(final: pj.Beam) -> torch.Tensor:
        return (final.coordinate("delta") ** 2).sum()

    wanted = {"wrt": ["d.length"], "effects": [effect]}
    (found,) = pj.gradient(spread_of_energy, LINE, bunch(200), adjoint=adjoint, **wanted)

    def value(length: float) -> float:
        line = LINE.with_values({"d.length": length})
        return float(spread_of_energy(pj.track(line, bunch(200), effects=[effect])))

    expected, _ = differences(value, float(LINE.value("d.length")), 1e-5)
    assert found == pytest.approx(expected, rel=1e-7)


def test_second_derivatives() -> None:
    """Of a figure by the shunt and the frequency, against differences of gradients."""
    beam = bunch(100)

    def figure(numbers: torch.Tensor) -> torch.Tensor:
        mode = Resonator(5e9 * numbers[0], 1e8 * numbers[1], 1.4 * numbers[2])
        end = pj.track(LINE * 2, beam, effects=[Wake(mode, "gap", "dipole x", cells=60)])
        return (end.coordinates[:, :2] ** 2).sum() * 1e6

    at = torch.ones(3, dtype=torch.float64)
    found = torch.autograd.functional.hessian(figure, at)
    for k in range(3):
        shift = 1e-5 * torch.eye(3, dtype=torch.float64)[k]
        gradients = [
            torch.autograd.functional.jacobian(figure, at + s * shift) for s in (1.0, -1.0)
        ]
        slope = (gradients[0] - gradients[1]) / 2e-5
        torch.testing.assert_close(found[k], slope, rtol=1e-6, atol=1e-6 * float(found.abs().max()))


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
