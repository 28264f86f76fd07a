"""Tables of wakes and impedances against the wake of a resonator, and their faults."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from wake_function_cases import LINE, kicks, noisy, quiet

import pyjutrack as pj
from pyjutrack.collective import ResistiveWall, Resonator, Wake, WakeTable, read_wakes
from pyjutrack.errors import AccuracyWarning, InvalidValueError, ResolutionWarning

MODE = Resonator(frequency=5e9, shunt=1e6, quality=1.4)


def test_a_fine_table_is_its_function() -> None:
    beam = quiet(5000)
    time = np.linspace(0, 0.4e-9, 20_001)
    omega = 2 * math.pi * MODE.frequency
    decay = omega / (2 * MODE.quality)
    bar = math.sqrt(omega**2 - decay**2)
    rings = omega * MODE.shunt / MODE.quality * np.exp(-decay * time)
    for component in ("longitudinal", "dipole x"):
        turn = np.cos(bar * time) - decay / bar * np.sin(bar * time)
        if component != "longitudinal":
            turn = omega / bar * np.sin(bar * time)
        table = WakeTable(time, rings * turn)
        expected = kicks(Wake(MODE, "gap", component), beam)
        found = kicks(Wake(table, "gap", component), beam)
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def impedance(f: np.ndarray, transverse: bool) -> np.ndarray:
    ratio = np.where(f == 0, 1e-30, f) / MODE.frequency
    z = MODE.shunt / (1 + 1j * MODE.quality * (1 / ratio - ratio))
    return np.asarray(z / ratio if transverse else z)


@pytest.mark.parametrize("transverse", [False, True])
def test_the_impedance_of_a_resonator_gives_its_wake(transverse: bool) -> None:
    f = np.concatenate([np.linspace(0, 5e10, 20_000), np.geomspace(5.001e10, 5e13, 20_000)])
    time = np.linspace(0, 1e-9, 101)
    table = WakeTable.from_impedance(f, impedance(f, transverse), time, transverse=transverse)
    omega = 2 * math.pi * MODE.frequency
    decay = omega / (2 * MODE.quality)
    bar = math.sqrt(omega**2 - decay**2)
    rings = np.exp(-decay * time)
    if transverse:
        rings *= omega**2 * MODE.shunt / (MODE.quality * bar) * np.sin(bar * time)
    else:
        turn = np.cos(bar * time) - decay / bar * np.sin(bar * time)
        rings *= omega * MODE.shunt / MODE.quality * turn
    assert np.abs(table.values.numpy() - rings).max() < 5e-4 * np.abs(rings).max()
    conjugate = WakeTable.from_impedance(
        f, impedance(f, transverse).conj(), time, transverse=transverse
    )
    torch.testing.assert_close(conjugate.values, table.values, rtol=0, atol=0)
    with pytest.warns(AccuracyWarning, match="has not died away at 5.99"):
        WakeTable.from_impedance(f[f < 6e9], impedance(f[f < 6e9], False), time)


def test_the_impedance_carries_derivatives() -> None:
    """Linear in its values: two impedances, and the sum by the slope."""
    f, time = np.linspace(0, 1e11, 400), np.linspace(0, 1e-9, 30)
    other = torch.rand(400, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    other[-1] = 0

    def of(z: torch.Tensor) -> torch.Tensor:
        return WakeTable.from_impedance(f, z, time).values

    base = torch.exp(-torch.linspace(0, 20, 400, dtype=torch.float64))
    _, slope = torch.func.jvp(of, (base,), (other,))
    torch.testing.assert_close(slope, of(base + other) - of(base), rtol=1e-9, atol=1e-3)


def test_values_of_a_table_are_knobs() -> None:
    time = torch.linspace(0, 4e-10, 9, dtype=torch.float64)
    values = 1e15 * torch.exp(-1e10 * time)
    beam = noisy()

    def figure(final: pj.Beam) -> torch.Tensor:
        return (final.coordinate("px") * final.coordinate("z")).sum() * 1e6

    def at(values: torch.Tensor) -> float:
        effect = Wake(WakeTable(time, values), "gap", "dipole x", cells=60)
        return float(figure(pj.track(LINE * 2, beam, effects=[effect])))

    expected = []
    for k in range(9):
        shift = torch.zeros(9, dtype=torch.float64)
        shift[k] = 1e12
        expected.append((at(values + shift) - at(values - shift)) / 2e12)
    effect = Wake(WakeTable(time, values), "gap", "dipole x", cells=60)
    for mode in ("reverse", "forward"):
        found = pj.gradient(
            figure, LINE * 2, beam, wrt=["effects[0].function.values"], effects=[effect], mode=mode
        )
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())


def test_tables_that_end_and_other_faults() -> None:
    short = WakeTable([0.0, 1e-11, 2e-11], [1.0, 1.0, 0.0])
    with pytest.raises(InvalidValueError, match="the table of the wake ends at 2e-11 s, and is"):
        kicks(Wake(short, "gap"), quiet(100))
    for time, values, match in (
        ([1e-12, 2e-12], [1.0, 1.0], "must ascend from 0, the first is 1e-12"),
        ([0.0, 0.0], [1.0, 1.0], "must ascend"),
        ([0.0, 1.0], [1.0, 1.0, 2.0], "as many as times"),
        ([0.0, 1.0], [1.0, math.nan], "values must be finite"),
        ([0.0], [1.0], "time must be two or more"),
    ):
        with pytest.raises(InvalidValueError, match=match):
            WakeTable(time, values)
    with pytest.raises(InvalidValueError, match="frequencies must ascend from 0"):
        WakeTable.from_impedance([1.0, 2.0], [1.0, 2.0], [0.0, 1.0])
    with pytest.raises(InvalidValueError, match="as long as frequencies"):
        WakeTable.from_impedance([0.0, 2.0], [1.0, 2.0, 3.0], [0.0, 1.0])
    with pytest.raises(InvalidValueError, match="radius"):
        ResistiveWall(radius=0.0, conductivity=1e6)
    thin = ResistiveWall(radius=0.05, conductivity=1e3, length=1.0)
    with pytest.warns(AccuracyWarning, match="that of bunches longer than 0.012"):
        kicks(Wake(thin, "gap"), quiet(100))


@pytest.mark.parametrize("transverse", [False, True])
def test_a_table_is_of_its_kind_of_component(transverse: bool, tmp_path: Path) -> None:
    """That of an impedance and that of a file; one of numbers may be either."""
    f, time = np.linspace(0, 1e11, 400), np.linspace(0, 1e-9, 30)
    kinds = ["longitudinal", "dipole x"]
    own, other = kinds[transverse], kinds[not transverse]
    file = tmp_path / "wake.dat"
    file.write_text("0.0 1.0\n1.0 0.0\n")
    wake = WakeTable.from_impedance(f, np.exp(-f / 5e9), time, transverse=transverse)
    for table in (wake, read_wakes(file, ["time", own])[own]):
        assert Wake(table, "gap", own).function is table
        message = rf"transverse={transverse}\), and the component is .*transverse={not transverse}"
        with pytest.raises(InvalidValueError, match=message):
            Wake(table, "gap", other)
        with pytest.raises(InvalidValueError, match="the component is"):
            Wake(table, max_step=0.1, component=other)
    for component in kinds:
        Wake(WakeTable(time, wake.values), "gap", component)
    with pytest.raises(InvalidValueError, match="transverse"):
        WakeTable(time, wake.values, transverse="x")  # type: ignore[arg-type]


def test_times_of_a_table_ascend() -> None:
    for times, message in (
        ([1e-12, 1e-9], "the first is 1e-12 s"),
        ([0.0, 2e-9, 1e-9], "1e-09 s follows 2e-09 s; sort"),
        ([0.0, 1e-9, 1e-9], "1e-09 s follows 1e-09 s"),
    ):
        with pytest.raises(pj.errors.InvalidValueError, match=message):
            WakeTable(times, [1.0] * len(times))


def test_a_table_finer_than_the_line_is_warned_of() -> None:
    """And one of a few long pieces is not, nor one that falls next to the charge."""
    time = np.linspace(0, 4e-10, 4001)
    ringing = WakeTable(time, np.cos(2 * np.pi * 1e12 * time))
    with pytest.warns(ResolutionWarning, match="changes by .* within a cell"):
        kicks(Wake(ringing, "gap", cells=100), quiet(5000))
    kicks(Wake(WakeTable([0.0, 2e-10, 4e-10], [1.0, -1.0, 1.0]), "gap", cells=100), quiet(5000))
    kicks(Wake(WakeTable(time, np.exp(-time / 5e-13)), "gap", cells=100), quiet(5000))
