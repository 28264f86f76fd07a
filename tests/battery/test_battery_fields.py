"""Gradients by knobs of the beam and of effects, with space charge and with losses on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import battery_cases as cases
import numpy as np
import pytest
import torch
from battery_figures import FEW, FIGURES, user
from battery_oracle import (
    CEILING,
    FINE,
    STEP,
    Slopes,
    by_differences,
    by_steps,
    check,
    differences,
    noise,
    of_tables,
)
from battery_setup import BEAM_UNITS, EFFECT, PROTON, Setup, drawn, labels, picked
from numpy.typing import NDArray

import pyjutrack as pj

#: lines lose particles on the way: the same ones at every step of a difference
pytestmark = pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")

BEAM = list(BEAM_UNITS)


def space_charge(knobs: Mapping[str, Any]) -> list[Any]:
    solver = pj.SpectralPoisson(size=(0.02, 0.02), shape=(64, 64))
    walls = pj.collective.ImageCharges(
        solver, order=2, weights=torch.as_tensor(knobs["potential.weights"])
    )
    return [pj.SpaceCharge(walls, max_step=0.09, perveance_scale=knobs["perveance_scale"])]


def bare(knobs: Mapping[str, Any]) -> list[Any]:
    """A solver alone, which has kernels of its own."""
    solver = pj.SpectralPoisson(size=(0.02, 0.02), shape=(64, 64))
    return [pj.SpaceCharge(solver, max_step=0.09, perveance_scale=knobs["perveance_scale"])]


def departing() -> NDArray[np.float64]:
    """Particles of which one is shot through the wall of the box."""
    coordinates = drawn()
    coordinates[7, :2] = (9.6e-3, 0.02)
    return coordinates


#: a soft aperture takes half of the beam
OPTIONS: dict[str, dict[str, Any]] = {
    "RFCavity": {"accelerate": True},
    "Aperture": {"half_width": 2e-3, "half_height": 1.5e-3, "shape": "ellipse", "smoothing": 5e-4},
}


@cache
def setup_of(label: str) -> Setup:
    parts = {
        "plain": ("Drift", "Quadrupole", "SBend", "Multipole", "Patch"),
        "thick": ("Quadrupole", "Solenoid", "Drift", "SBend"),
        "walls": ("Quadrupole", "Sextupole", "Kicker", "Monitor"),
        "accelerating": ("RFCavity", "Quadrupole", "Drift"),
        "soft": ("Quadrupole", "Aperture", "Drift"),
        "short": ("Quadrupole",),
    }[label]
    line = [cases.Part("Drift", "in", {"length": 0.11}, {})]
    for n, kind in enumerate(parts):
        options = OPTIONS.get(kind, {})
        line.append(cases.part(kind, f"e{n}", "usual", options))
    line.append(cases.Part("Drift", "out", {"length": 0.29}, {}))
    if label in ("plain", "short"):
        return Setup(tuple(line))
    if label == "soft":
        return Setup(tuple(line), drawn(), 150.0, bare, {"perveance_scale": 1.1})
    if label == "walls":
        weights = torch.linspace(-0.4, 0.5, 14, dtype=torch.float64)
        effects: dict[str, Any] = {"perveance_scale": 0.9, "potential.weights": weights}
        return Setup(tuple(line), departing(), 150.0, space_charge, effects)
    return Setup(tuple(line), departing(), 150.0, bare, {"perveance_scale": 1.1})


def wrt_of(setup: Setup) -> list[str]:
    """Every fifth knob of the line, as all of them stand in other lines."""
    line = cases.knobs(setup.line)[::5]
    return [*line, *(EFFECT + a for a in setup.effects), *BEAM]


@cache
def expected(label: str) -> Slopes:
    setup = setup_of(label)
    names = FIGURES if label == "plain" else FEW
    size = FINE if setup.make else STEP
    return differences({n: FIGURES[n][1] for n in names}, setup, wrt_of(setup), size)


def found_by(setup: Setup, name: str, **options: Any) -> Any:
    return pj.gradient(
        FIGURES[name][0],
        setup.lattice(),
        setup.beam(),
        wrt=wrt_of(setup),
        effects=setup.made_kicks(),
        **options,
    )


BOTH = [(n, "reverse") for n in FIGURES] + [(n, "forward") for n in FEW]
REST = [(n, "forward") for n in FIGURES if n not in FEW]


@pytest.mark.parametrize(
    ("name", "mode"), [*BOTH, *(pytest.param(*r, marks=pytest.mark.slow) for r in REST)]
)
def test_knobs_of_the_beam(name: str, mode: str) -> None:
    setup = setup_of("plain")
    found = found_by(setup, name, mode=mode)
    check(
        picked(setup, wrt_of(setup), found), expected("plain"), name, labels(setup, wrt_of(setup))
    )


def test_growth_of_a_linear_line_by_the_beam_is_none() -> None:
    """In closed form: no linear map without space charge changes an emittance, whatever the beam.

    A beam off the axis and off momentum sees no more than the paraxial drift's own chromaticity.
    """
    line = pj.Lattice([pj.Drift(0.4, model="paraxial"), pj.Quadrupole(0.2, k1=3.0)])
    coordinates = drawn()
    coordinates[:, 4:] = 0.0
    beam = pj.Beam.from_array(PROTON, coordinates)
    wrt = [a for a in BEAM if a.endswith("x")]
    units = np.array([BEAM_UNITS[a] for a in wrt])
    for mode in ("reverse", "forward", "fd"):
        slopes = pj.gradient(
            pj.observables.emittance_growth("x"), line, beam, wrt=wrt, mode=mode, step=1e-8
        )
        # the differences divide a rounding of 1e-16 by 1e-8
        np.testing.assert_allclose(slopes * units, 0, atol=1e-6)


lines = pytest.mark.parametrize(
    "label", ["walls", "accelerating", pytest.param("thick", marks=pytest.mark.slow)]
)
WAYS: dict[str, dict[str, Any]] = {a: {"adjoint": a} for a in ("store", "checkpoint", "reversible")}
WAYS["forward"] = {"mode": "forward"}


@pytest.mark.parametrize("way", list(WAYS))
@lines
def test_space_charge_and_losses(label: str, way: str) -> None:
    setup = setup_of(label)
    found = found_by(setup, "user", **WAYS[way])
    check(
        picked(setup, wrt_of(setup), found), expected(label), "user", labels(setup, wrt_of(setup))
    )


@pytest.mark.parametrize("way", list(WAYS))
def test_soft_apertures(way: str) -> None:
    setup = setup_of("soft")
    end, _ = setup.tracked()
    assert end.weights is not None
    assert 0.1 < float(end.weights.mean()) < 0.9
    for name in FEW[1:] if way == "store" else ("growth_x",):
        found = found_by(setup, name, **WAYS[way])
        check(
            picked(setup, wrt_of(setup), found),
            expected("soft"),
            name,
            labels(setup, wrt_of(setup)),
        )


@lines
def test_growth_with_space_charge(label: str) -> None:
    setup = setup_of(label)
    with pytest.warns(pj.errors.LossWarning, match="1 of 24"):
        found = found_by(setup, "growth_x")
    check(
        picked(setup, wrt_of(setup), found),
        expected(label),
        "growth_x",
        labels(setup, wrt_of(setup)),
    )


SLOW = ("plain", "thick", "walls", "accelerating")


@pytest.mark.parametrize(
    "label",
    [
        "short",
        *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW),
    ],
)
def test_jacobians_of_test_particles(label: str) -> None:
    """By the start: differences of tracked particles, in the field of the beam as given."""
    setup, at = setup_of(label), np.array([4e-4, -3e-4, 5e-4, 2e-4, 3e-3, 1e-3])
    lattice, beam, effects = setup.lattice(), setup.beam(), setup.made_kicks()
    matrix = pj.jacobian(lattice, beam, effects=effects, at=at)
    if not effects:

        def ends(change: float) -> Any:
            rows = at + change * np.eye(6)
            return pj.track(lattice, pj.Beam.from_array(PROTON, rows)).numpy().T

        slopes, error = by_steps(ends, 1e-6, of_tables("", setup)[""] * np.abs(at).max())
        assert (np.abs(matrix - slopes) <= error).all()
        assert error.max() < CEILING
    wrt = [a for a in wrt_of(setup) if a not in left_out(setup)]
    value, found = pj.jacobian_derivatives(lattice, beam, wrt, effects=effects, at=at)
    rounding = of_tables("", setup)[""]
    assert (np.abs(value - matrix) <= rounding * (1 + np.abs(matrix))).all()
    right = by_differences(
        lambda changed, _: {"matrix": rebuilt_jacobian(changed, at)},
        setup,
        wrt,
        of_tables("matrix", setup),
        FINE if effects else STEP,
    )
    check(picked(setup, wrt, found), right, "matrix", labels(setup, wrt))


def left_out(setup: Setup) -> Sequence[str]:
    """Knobs by which the slow transform of Jacobians is not asked here."""
    thin = [f"{p.name}.{a}" for p in setup.line for a in p.values if "[2]" in a or "rot" in a]
    return [*thin, *BEAM[3:7]]


def rebuilt_jacobian(setup: Setup, at: NDArray[np.float64]) -> NDArray[np.float64]:
    return pj.jacobian(setup.lattice(), setup.beam(), effects=setup.made_kicks(), at=at)


def test_current_of_zero_and_beams_without_kicks() -> None:
    """A plain zero and a tensor of zero are not one."""
    setup = replace(setup_of("thick"), current=0.0)
    wrt = ["beam.current", "effects[0].perveance_scale"]
    plain = {"user": FIGURES["user"][1]}

    def value(current: float) -> float:
        return plain["user"](*replace(setup, current=current).tracked())

    slope, error = by_steps(value, 0.02, noise(plain, setup)["user"], one_sided=True)
    assert error <= CEILING * abs(slope)
    for mode in ("reverse", "forward"):
        found = pj.gradient(
            user, setup.lattice(), setup.beam(), wrt=wrt, effects=setup.made_kicks(), mode=mode
        )
        assert abs(found[0] - slope) <= error
        assert found[1] == 0.0
