"""Kicks of wakes against xwakes, which shares no code with us, where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from claims import claim, share

import pyjutrack as pj
from pyjutrack.collective import ResistiveWall, Resonator, Wake, WakeTable

xwakes: Any = pytest.importorskip("xwakes")
xtrack: Any = pytest.importorskip("xtrack")

PROTON = pj.Reference.from_kinetic("proton", 5e9)
CHARGE, LENGTH, SLICES, REACH = 2e-8, 0.1, 6000, 6.0
LINE = pj.Lattice([pj.Marker(name="gap")])
THEIRS = {
    "longitudinal": "longitudinal",
    "dipole x": "dipolar_x",
    "dipole y": "dipolar_y",
    "quadrupole x": "quadrupolar_x",
    "quadrupole y": "quadrupolar_y",
    "dipole xy": "dipolar_xy",
    "dipole yx": "dipolar_yx",
}
COLUMNS = ("x", "px", "y", "py", "zeta", "pzeta")


def bunch() -> pj.Beam:
    """Charges of a Gaussian at the centres of slices, where neither code interpolates."""
    z = REACH * LENGTH * ((np.arange(SLICES) + 0.5) * 2 / SLICES - 1)
    rows = np.zeros((SLICES, 6))
    rows[:, 4] = z
    rows[:, 0] = 1e-3 * (1 + np.sin(20 * z))
    rows[:, 2] = -2e-3 * np.cos(15 * z)
    weights = np.exp(-0.5 * (z / LENGTH) ** 2)
    weights *= SLICES / weights.sum()
    return pj.Beam(PROTON, rows, charge=CHARGE, weights=weights)


def their_kicks(beam: pj.Beam, wake: Any, turns: int = 1, circumference: float = 100.0) -> Any:
    """Changes of px, py and delta."""
    x, px, y, py, z, delta = beam.numpy().T
    particles = xtrack.Particles(
        mass0=PROTON.species.mass, p0c=float(PROTON.p0c), x=x, px=px, y=y, py=py, zeta=z,
        delta=delta, weight=CHARGE / 1.602176634e-19 * beam.weights.numpy() / SLICES,
    )  # fmt: skip
    wake.configure_for_tracking(
        zeta_range=(-REACH * LENGTH, REACH * LENGTH), num_slices=SLICES, num_turns=turns,
        circumference=circumference,
    )  # fmt: skip
    for _ in range(turns):
        wake.track(particles)
    return np.stack([particles.px - px, particles.py - py, particles.delta - delta], 1)


def check(component: str, ours: Wake, theirs: Any, tolerance: float, turns: int = 1) -> None:
    beam = bunch()
    end = pj.track(LINE, beam, effects=[ours], turns=turns)
    found = (end.coordinates - beam.coordinates).numpy()[:, [1, 3, 5]]
    expected = their_kicks(beam, theirs, turns)
    column = {"l": 2, "x": 0, "y": 1}[component.split()[-1][0]]
    core = np.abs(beam.coordinates[:, 4].numpy()) < 5 * LENGTH
    size = np.abs(expected[:, column]).max()
    assert size > 0
    error = np.abs(found - expected)[core, column].max() / size
    claim("Wakes", f"{component}: kicks of the largest", "xwakes", error, tolerance)


@pytest.mark.parametrize("component", THEIRS)
def test_kicks_of_a_resonator(component: str) -> None:
    mode = Resonator(frequency=6e8, shunt=1e5, quality=2.0)
    theirs = xwakes.WakeResonator(kind=THEIRS[component], r=1e5, q=2.0, f_r=6e8)
    window = 2 * REACH * LENGTH
    ours = Wake(mode, "gap", component, cells=SLICES, window=window)
    check(component, ours, theirs, 1e-6)


def test_kicks_of_a_skew_quadrupole() -> None:
    """Theirs are two, of one plane each."""
    kinds = ("quadrupolar_xy", "quadrupolar_yx")
    both = [xwakes.WakeResonator(kind=kind, r=1e5, q=2.0, f_r=6e8) for kind in kinds]
    mode = Resonator(frequency=6e8, shunt=1e5, quality=2.0)
    ours = Wake(mode, "gap", "quadrupole xy", cells=SLICES, window=2 * REACH * LENGTH)
    beam = bunch()
    found = (pj.track(LINE, beam, effects=[ours]).coordinates - beam.coordinates).numpy()
    core = np.abs(beam.coordinates[:, 4].numpy()) < 5 * LENGTH
    for column, theirs in enumerate(both):
        expected = their_kicks(beam, theirs)[:, column]
        error = np.abs(found[:, 2 * column + 1] - expected)[core].max()
        assert error < 1e-6 * np.abs(expected).max()


def test_kicks_of_a_table() -> None:
    time = np.linspace(0, 1e-8, 20_001)
    values = 1e15 * np.cos(3e9 * time) * np.exp(-5e8 * time)
    theirs = xwakes.WakeFromTable({"time": time, "dipolar_y": values}, columns=["dipolar_y"])
    ours = Wake(WakeTable(time, values), "gap", "dipole y", cells=SLICES, window=1.2)
    check("dipole y", ours, theirs, 1e-6)


@pytest.mark.parametrize("component", ["longitudinal", "dipole x"])
def test_wake_of_a_wall(component: str) -> None:
    """The function alone: at zero they cut it by a rule that depends on the slices."""
    kind = THEIRS[component]
    theirs = xwakes.WakeThickResistiveWall(kind=kind, length=10.0, radius=0.02, resistivity=1e-6)
    wall = ResistiveWall(radius=0.02, conductivity=1e6, length=10.0)
    time = np.geomspace(1e-12, 1e-6, 50)
    found = wall.value(torch.tensor(time), component != "longitudinal").numpy()
    error = share(found, theirs.components[0].wake(time))
    claim("Wakes", f"resistive wall, {component}: the function", "xwakes", error, 1e-8)


def test_turns_of_a_resonator() -> None:
    mode = Resonator(frequency=6e8, shunt=1e5, quality=300.0)
    theirs = xwakes.WakeResonator(kind="dipolar_x", r=1e5, q=300.0, f_r=6e8)
    period = 100.0 / (299792458.0 * float(PROTON.beta))
    ours = Wake(mode, "gap", "dipole x", cells=SLICES, window=1.2, period=period)
    check("dipole x", ours, theirs, 1e-6, turns=3)
