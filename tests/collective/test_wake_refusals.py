"""What cannot be a wake as it is given is refused or warned of, with the remedy."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import (
    CSR,
    NeuralWake,
    Radiation,
    ResistiveWall,
    Resonator,
    Wake,
    WakeFunction,
    WakeTable,
)
from pyjutrack.errors import InvalidValueError, ResolutionWarning, UnknownNameError

PROTON = pj.Reference.from_kinetic("proton", 25e9)
GAP = pj.Lattice([pj.Marker(name="gap")])
MODE = Resonator(5e8, shunt=1e6, quality=1.0)
LENGTH = 1.5  # of all of the bunch [m]
GONE = LENGTH / (299792458.0 * PROTON.beta)


def bunch(offset: float = 0.0) -> pj.Beam:
    rows = np.zeros((1000, 6))
    rows[:, 4] = offset + LENGTH * np.linspace(-0.5, 0.5, 1000)
    return pj.Beam(PROTON, rows, charge=1e-8)


@pytest.mark.parametrize("window", [None, 3.0])
def test_a_bunch_that_comes_back_before_it_is_gone(window: float | None) -> None:
    """Its tail would meet the past of a head that is still before it."""
    wake = Wake(MODE, "gap", window=window, period=1.01 * GONE)
    pj.track(GAP, bunch(), effects=[wake], turns=2)
    short = dataclasses.replace(wake, period=0.99 * GONE)
    message = r"the bunch is 1\.5 m long, and comes back after 1\.4\d m.*that of a turn"
    with pytest.raises(InvalidValueError, match=message):
        pj.track(GAP, bunch(), effects=[short], turns=2)


def test_lost_particles_and_other_beams_of_a_batch_do_not_count() -> None:
    wake = Wake(MODE, "gap", window=5.0, period=1.01 * GONE)
    rows = torch.stack([bunch(-0.5).coordinates, bunch(0.5).coordinates])
    pj.track(GAP, pj.Beam(PROTON, rows, charge=1e-8), effects=[wake], turns=2)
    alive = torch.ones(1000, dtype=torch.bool)
    alive[:500] = False
    half = dataclasses.replace(wake, period=0.51 * GONE)
    pj.track(GAP, bunch().replace(alive=alive), effects=[half], turns=2)


class Array(WakeFunction):
    def value(self, time: torch.Tensor, transverse: bool) -> Any:
        return np.exp(-np.asarray(time))


class Number(WakeFunction):
    def value(self, time: torch.Tensor, transverse: bool) -> torch.Tensor:
        return torch.tensor(1e12)


@pytest.mark.parametrize(("function", "got"), [(Array(), "ndarray"), (Number(), r"shape \(\)")])
def test_values_that_are_no_tensor_of_the_times_shape(function: WakeFunction, got: str) -> None:
    message = rf"{type(function).__name__}\.value must return a tensor .*got {got} for times"
    with pytest.raises(InvalidValueError, match=message):
        pj.track(GAP, bunch(), effects=[Wake(function, "gap")])


def test_a_knob_of_the_function_is_found_by_its_name() -> None:
    with pytest.raises(UnknownNameError, match=r"named 'shunt'; did you mean 'function\.shunt'"):
        pj.gradient(
            pj.observables.size("x"),
            GAP,
            bunch(),
            wrt=["effects[0].shunt"],
            effects=[Wake(MODE, "gap")],
        )


WALL = ResistiveWall(0.02, 5.8e7)


def test_the_length_of_a_wall_counts_once() -> None:
    """Ten metres by its length at one element, or by the length of the pipe along which it acts."""
    flat = bunch().replace(coordinates=bunch().coordinates + torch.tensor([1e-3, 0, 0, 0, 0, 0]))
    pipe = pj.Lattice([pj.Drift(10.0, name="pipe", model="paraxial")])
    once = Wake(dataclasses.replace(WALL, length=10.0), "pipe", "dipole x")
    along = Wake(WALL, component="dipole x", max_step=10.0)
    ends = [pj.track(pipe, flat, effects=[effect]).coordinates[:, 1] for effect in (once, along)]
    torch.testing.assert_close(ends[1], ends[0], rtol=1e-12, atol=0.0)
    assert float(ends[0].abs().max()) > 0


def test_the_length_of_a_wall_twice_or_never() -> None:
    long = dataclasses.replace(WALL, length=10.0)
    twice = r"^ResistiveWall has length=10 m and acts along lengths, .* count twice; leave it out"
    with pytest.raises(InvalidValueError, match=twice):
        Wake(long, max_step=1.0)
    with pytest.raises(
        InvalidValueError, match=r"^ResistiveWall acts at elements .* no length: gi"
    ):
        Wake(WALL, "gap")
    with pytest.raises(InvalidValueError, match=r"effects\[0\]\.function\.length is no number"):
        pj.gradient(
            pj.observables.size("x"),
            pj.Lattice([pj.Drift(1.0)]),
            bunch(),
            wrt=["effects[0].function.length"],
            effects=[Wake(WALL, max_step=1.0)],
        )


class Network:
    cells, window = 40, None

    def solve(self, shares: torch.Tensor, spacing: float) -> torch.Tensor:
        return shares


@pytest.mark.parametrize(
    "make", [lambda **o: Wake(MODE, **o), lambda **o: NeuralWake(Network(), **o)]
)
def test_a_wake_acts_at_elements_or_along_lengths(make: Any) -> None:
    """A step has no effect at elements, and a cavity that forgot its name would act everywhere."""
    message = r"^a wake acts at elements of a name or along lengths, and got "
    with pytest.raises(
        InvalidValueError, match=message + r"both, at='gap' and max_step=0\.5: give"
    ):
        make(at="gap", max_step=0.5)
    with pytest.raises(
        InvalidValueError, match=message + r"neither: give at=, the name .*one metre"
    ):
        make()
    assert make(at="gap").lumped
    assert not make(max_step={"Drift": 0.5}).lumped


def test_settings_of_other_modes() -> None:
    """A reach that nothing follows is refused; a seed that waits falsifies nothing."""
    with pytest.raises(InvalidValueError, match=r"^reach=1 m .* mode='steady' has none; leave it"):
        CSR("steady", reach=1.0)
    mean = dataclasses.replace(Radiation("quantum", seed=3), mode="mean")
    bend = pj.Lattice([pj.SBend(1.0, 0.1)])
    electrons = pj.Beam(pj.Reference.from_total("electron", 2e9), bunch().coordinates)
    ends = [pj.track(bend, electrons, effects=[e]).coordinates for e in (mean, Radiation())]
    assert torch.equal(*ends)


def test_a_table_in_other_units_is_warned_of() -> None:
    """Numbers of ns, taken for seconds: the bunch, of 1.4 ns rms, is within its first row."""
    times = np.linspace(0.0, 100.0, 1001)
    values = 1e12 * np.exp(-times / 5)
    message = r"rows 0\.1 s apart, and acts on a bunch of 1\.4\de-09 s rms, .* ns 1e-9 times"
    with pytest.warns(ResolutionWarning, match=message):
        pj.track(GAP, bunch(), effects=[Wake(WakeTable(times, values), "gap")])
    pj.track(GAP, bunch(), effects=[Wake(WakeTable(1e-9 * times, values), "gap")])
    # coarse where the bunch does not reach
    late = np.append(1e-9 * times[:100], 1e-3)
    pj.track(GAP, bunch(), effects=[Wake(WakeTable(late, values[:101]), "gap")])


def test_tables_of_few_rows_are_not_warned_of() -> None:
    """Warnings would be errors: over after 3 rms, with zeros up to 40, and constant ones."""
    rms = float(bunch().coordinates[:, 4].std()) / (299792458.0 * PROTON.beta)
    over = np.append(np.linspace(1e12, 0.0, 100), [0.0, 0.0])
    for times, values in (
        (rms * np.append(np.linspace(0, 3, 100), [3.05, 40]), over),
        (np.array([0.0, 1e-6]), np.array([1e12, 1e12])),
    ):
        end = pj.track(GAP, bunch(), effects=[Wake(WakeTable(times, values), "gap", cells=100)])
        assert float(end.coordinates[:, 5].abs().max()) > 0


@pytest.mark.parametrize("units", [(1e-9, 1.0), (1.0, 1e9)])
def test_an_impedance_in_other_units_is_warned_of(units: tuple[float, float]) -> None:
    """GHz for Hz, and ns for s."""
    frequencies, times = np.linspace(0.0, 1e11, 4000), np.linspace(0.0, 1e-9, 50)
    resistance = np.exp(-((frequencies / 2e10) ** 2))
    WakeTable.from_impedance(frequencies, resistance, times)
    message = r"apart up to \S+ Hz do not show a wake up to \S+ s: .* in Hz, and times in s"
    with pytest.warns(ResolutionWarning, match=message):
        WakeTable.from_impedance(units[0] * frequencies, resistance, units[1] * times)


def test_an_impedance_too_coarse_for_late_times_is_warned_of() -> None:
    """On geometric grids, whose least spacing is fine: by the wake of the resonator itself."""
    mode, times = Resonator(5e9, 1e6, 50.0), np.linspace(0.0, 1e-8, 200)
    wake = mode.value(torch.from_numpy(times), True).numpy()

    def of(count: int) -> float:
        """How wrong late times are."""
        f = np.append(0.0, np.geomspace(1e3, 1e12, count))
        ratio = np.where(f == 0, 1e-30, f) / 5e9
        z = 1e6 / (1 + 50j * (1 / ratio - ratio)) / ratio
        found = WakeTable.from_impedance(f, z, times, transverse=True).values.numpy()
        return float(np.abs(found - wake)[100:].max() / np.abs(wake).max())

    assert of(40_000) < 1e-3
    with pytest.warns(ResolutionWarning, match=r"further apart than 1/time, 1e\+08 Hz of the last"):
        assert of(400) > 0.1
