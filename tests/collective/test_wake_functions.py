"""Resistive walls, tables, impedances and files of wakes against closed forms and quadrature."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import gamma

import pyjutrack as pj
from pyjutrack.collective import (
    ResistiveWall,
    Resonator,
    Wake,
    WakeFunction,
    WakeTable,
    read_wakes,
)
from pyjutrack.errors import (
    AccuracyWarning,
    InvalidValueError,
    MeasurementError,
    ResolutionWarning,
    UnknownNameError,
)
from pyjutrack.testing import check_effect

LIGHT = 299792458.0
ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
SPEED = LIGHT * ELECTRON.beta
CHARGE, LENGTH = 2e-9, 6e-3
GAP = pj.Lattice([pj.Marker(name="gap")])
LINE = pj.Lattice([pj.Drift(0.3, name="d"), pj.Marker(name="gap"), pj.Drift(0.2)])
WALL = ResistiveWall(radius=0.02, conductivity=1e6, length=10.0)
MODE = Resonator(frequency=5e9, shunt=1e6, quality=1.4)
PER_VOLT = 1 / (ELECTRON.beta * ELECTRON.p0c)


def quiet(count: int = 20_000, offset: float = 1e-3) -> pj.Beam:
    rows = np.zeros((count, 6))
    shares = torch.tensor((np.arange(count) + 0.5) / count)
    rows[:, 4] = LENGTH * torch.special.ndtri(shares).numpy()
    rows[:, 0] = offset
    return pj.Beam(ELECTRON, rows, charge=CHARGE)


def noisy(count: int = 200) -> pj.Beam:
    rows = np.random.default_rng(4).normal(size=(count, 6))
    return pj.Beam(ELECTRON, rows * [1e-3, 1e-4, 1e-3, 1e-4, LENGTH, 1e-4], charge=CHARGE)


def kicks(effect: Wake, beam: pj.Beam) -> np.ndarray:
    end = pj.track(GAP, beam, effects=[effect])
    return np.asarray((end.coordinates - beam.coordinates).numpy())


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
    few = WakeTable(np.append(np.arange(5) * 5e-11, 4e-10), [1.0, -1.0, 1.0, -1.0, 1.0, 1.0])
    kicks(Wake(few, "gap", cells=100), quiet(5000))
    kicks(Wake(WakeTable(time, np.exp(-time / 5e-13)), "gap", cells=100), quiet(5000))


def test_files_of_columns(tmp_path: Path) -> None:
    """ns, V/pC and V/(pC mm), with remarks; under the names of ours and of others."""
    path = tmp_path / "wake.dat"
    path.write_text("# t long dip\n0.0 2.0 0.5 9\n0.5, 1.0, 0.25, 9\n% end\n1.0\t0.0\t0.125 9\n")
    tables = read_wakes(path, ["time", "longitudinal", "dipolar_x", "-"])
    assert list(tables) == ["longitudinal", "dipole x"]
    np.testing.assert_allclose(tables["longitudinal"].time, [0, 5e-10, 1e-9], rtol=1e-15)
    np.testing.assert_allclose(tables["longitudinal"].values, [2e12, 1e12, 0], rtol=1e-15)
    np.testing.assert_allclose(tables["dipole x"].values, [5e14, 2.5e14, 1.25e14], rtol=1e-15)
    coupled = read_wakes(path, ["time", "dipole_yx", "quadrupolar_yx", "constant_x"])
    assert list(coupled) == ["dipole yx", "quadrupole xy", "constant x"]
    with pytest.raises(InvalidValueError, match=r"kicks by .quadrupole xy. are those of both"):
        read_wakes(path, ["time", "quadrupole_xy", "quadrupole_yx", "-"])
    late = tmp_path / "late.dat"
    late.write_text("0.5 1.0\n1.0 0.5\n")
    with pytest.raises(MeasurementError, match=r"late.dat: the first time is 5e-10 s.*start="):
        read_wakes(late, ["time", "dipole y"])
    found = read_wakes(late, ["time", "dipole y"], start=[2.0])["dipole y"]
    np.testing.assert_allclose(found.values, [2e15, 1e15, 5e14], rtol=1e-15)


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "wake.dat"
    for text, match in (
        ("0 1\n1 2 3\n", r"wake\.dat:2: 3 columns, where 2 are named"),
        ("0 1\nx 2\n", r"wake\.dat:2: no numbers: 'x 2'"),
        ("0 1\n1 nan\n", r"wake\.dat:2: numbers must be finite"),
        ("0 1\n", "two or more rows"),
        ("1 1\n0 2\n", "times must ascend"),
    ):
        path.write_text(text)
        with pytest.raises(MeasurementError, match=match):
            read_wakes(path, ["time", "longitudinal"])
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_wakes(path, ["time", "longitudinal"])
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_wakes(tmp_path / "none.dat", ["time", "longitudinal"])
    with pytest.raises(MeasurementError, match="no regular file"):
        read_wakes(tmp_path, ["time", "longitudinal"])
    with pytest.raises(InvalidValueError, match='columns must name "time" once'):
        read_wakes(path, ["longitudinal"])
    with pytest.raises(UnknownNameError, match="did you mean 'dipole_x'"):
        read_wakes(path, ["time", "dipole-x"])
