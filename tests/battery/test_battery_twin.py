"""Jacobians of a twin's predictions by every knob, against predictions of rebuilt twins."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import battery_cases as cases
import numpy as np
import pytest
import torch
from battery_oracle import CEILING, FINE, Slopes, by_differences, by_steps, check, of_tables
from battery_setup import BEAM_UNITS, Setup, labels
from numpy.typing import NDArray

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Measurements, Unknown
from pyjutrack.twin.residuals import Residuals


def setup_of(level: str) -> Setup:
    kinds = ("Patch", "Quadrupole", "Kicker", "RFCavity", "SBend", "Sextupole")
    line = [cases.Part("Drift", "in", {"length": 0.11}, {})]
    for n, kind in enumerate(kinds):
        options = {"accelerate": True} if kind == "RFCavity" else {}
        line.append(cases.part(kind, f"e{n}", level, options))
    line.append(cases.Part("Drift", "out", {"length": 0.29}, {}))
    return Setup((*line, cases.Part("Marker", "end", {}, {})))


OPENING = pj.Aperture(half_width=3e-3, half_height=4e-3, dx=1e-3)
UNITS = {"place": 1e-3, "size": 1e-3, "before": 1e-3}
INSTRUMENTS = (
    dg.BeamPosition(at="end", name="place", noise=1e-5),
    dg.BeamSize(at="end", name="size", noise=1e-5),
    dg.BeamSize(at="e3", name="before", noise=1e-5),
    dg.WireScanner(at="end", name="wire", width=0.02, bins=8, noise=1e-2),
    dg.Screen(at="end", name="screen", size=(0.02, 0.02), shape=(8, 8), noise=1e-2),
    dg.LossCount(at="end", name="lost", opening=OPENING, smoothing=1e-3, noise=1e-2),
)


def twin_of(setup: Setup) -> pj.Twin:
    return pj.Twin(setup.lattice(), setup.beam(), INSTRUMENTS)


def units(twin: pj.Twin) -> NDArray[np.float64]:
    """Of all readings in a row: millimetres, and parts of the beam."""
    counts = {d.name: int(np.prod(d.shape)) for d in twin.diagnostics}
    return np.concatenate([np.full(len(some(c)), UNITS.get(n, 1.0)) for n, c in counts.items()])


def some(count: int) -> range:
    """Which readings of an instrument are compared: at most ten, all over it."""
    return range(0, count, max(1, count // 9))


def of_some(reading: Any) -> Any:
    flat = reading.reshape(-1)
    return flat[list(some(len(flat)))]


def readings(setup: Setup, _: str) -> dict[str, Any]:
    twin = twin_of(setup)
    found = twin.predict()
    row = np.concatenate([of_some(found[d.name]) for d in twin.diagnostics])
    return {"readings": row / units(twin)}


def wrt_of(setup: Setup) -> list[str]:
    own = [a for a in cases.knobs(setup.line) if not a.startswith("end.")]
    return [*own, *(a for a in BEAM_UNITS if a != "beam.current")]


@cache
def expected(level: str) -> Slopes:
    setup = setup_of(level)
    return by_differences(readings, setup, wrt_of(setup), of_tables("readings", setup), FINE)


def by_calibration(setup: Setup, wrt: list[str]) -> NDArray[np.float64]:
    """The Jacobian with which `calibrate` works, times the errors of the readings."""
    twin = twin_of(setup).replace(unknowns=tuple(Unknown(a, 1.0) for a in wrt))
    data = Measurements([{}], {d.name: np.zeros((1, *d.shape)) for d in twin.diagnostics})
    _, slopes = Residuals(twin, data).with_slopes(np.zeros(len(wrt)))
    counts = [int(np.prod(d.shape)) for d in twin.diagnostics]
    cut = np.split(slopes.T, np.cumsum(counts)[:-1], axis=1)
    parts = [c[:, some(c.shape[1])] * d.noise for c, d in zip(cut, twin.diagnostics, strict=True)]
    return np.concatenate(parts, axis=1)


def by_settings(setup: Setup, wrt: list[str]) -> NDArray[np.float64]:
    """By autograd through `read`."""
    twin = twin_of(setup)
    leaves = [torch.tensor(setup.value(a), dtype=torch.float64, requires_grad=True) for a in wrt]
    read = twin.read(dict(zip(wrt, leaves, strict=True)))
    options = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
    rows = [r for d in twin.diagnostics for r in of_some(read[d.name])]
    return np.array([[float(g) for g in torch.autograd.grad(r, leaves, **options)] for r in rows]).T


@pytest.mark.parametrize(
    ("level", "way"),
    [
        ("zero", by_calibration),
        ("usual", by_calibration),
        ("zero", by_settings),
        pytest.param("usual", by_settings, marks=pytest.mark.slow),
    ],
)
def test_predictions(level: str, way: Callable[..., NDArray[np.float64]]) -> None:
    setup = setup_of(level)
    wrt = wrt_of(setup)
    found = way(setup, wrt) / units(twin_of(setup))
    check(found, expected(level), "readings", labels(setup, wrt))


def test_tensors_of_the_twin_itself() -> None:
    """A parameter of the lattice that requires gradients gets them, without any setting."""
    leaf = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    line = [pj.Quadrupole(0.2, leaf, name="q"), pj.Drift(0.3), pj.Marker(name="end")]
    twin = twin_of(setup_of("zero")).replace(
        lattice=pj.Lattice(line), diagnostics=(dg.BeamSize(at="end", name="size"),)
    )
    (slope,) = torch.autograd.grad(twin.read({})["size"][0], leaf)

    def size(change: float) -> float:
        built = [pj.Quadrupole(0.2, 2.0 + change, name="q"), *line[1:]]
        return float(twin.replace(lattice=pj.Lattice(built)).predict()["size"][0])

    right, error = by_steps(size, 1e-3, 1e-15 * size(0.0))
    assert abs(float(slope) - right) <= error <= CEILING * abs(right)
