"""Luminosities of encounters, beside closed forms and integrals in the laboratory."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.polynomial.hermite_e import hermegauss
from scipy.integrate import quad
from scipy.special import wofz

import pyjutrack as pj
from pyjutrack.collective import BeamBeam, BeamBeam2D
from pyjutrack.errors import InvalidValueError
from pyjutrack.testing.comparison import differences

POSITRON = pj.Reference.from_total("positron", 45.6e9)
ELEMENTARY = 1.602176634e-19
OURS, THEIRS = 2e10, 1.5e10
#: of both beams [m]
X, Y, Z = 9e-6, 4e-6, 5e-3
#: too little charge to kick
WEAK = 1e-12


def beam(sizes: list[float], count: int = 12, even: bool = False, **changes: Any) -> pj.Beam:
    """Nodes of Gauss and Hermite with their weights: sums over particles are integrals.

    Args:
        even: along z, many even points, for what is short beside the bunch.
    """
    nodes, weights = hermegauss(count)
    axes = [size * nodes if size else np.zeros(1) for size in sizes]
    parts = [weights / weights.sum() if size else np.ones(1) for size in sizes]
    if even:
        axes[4] = sizes[4] * np.linspace(-5, 5, 61)
        parts[4] = np.exp(-((axes[4] / sizes[4]) ** 2) / 2)
        parts[4] /= parts[4].sum()
    rows = np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], 1)
    shares = np.prod([a.ravel() for a in np.meshgrid(*parts, indexing="ij")], 0)
    options = {"charge": OURS * ELEMENTARY, "weights": shares * len(rows)} | changes
    return pj.Beam(POSITRON, rows, **options)


def opposing(**changes: Any) -> BeamBeam:
    options = {"sigma_x": X, "sigma_y": Y, "sigma_z": Z, "count": 60} | changes
    return BeamBeam("ip", -THEIRS * ELEMENTARY * WEAK, **options)


def value(effect: Any, bunch: pj.Beam) -> float:
    return float(effect.luminosity(bunch)) / WEAK


HEAD_ON = OURS * THEIRS / (4 * math.pi * X * Y)


def test_short_bunches_of_other_sizes_beside_each_other() -> None:
    sizes, d, e = (1.5 * X, 1.2 * Y), 7e-6, -5e-6
    effect = BeamBeam2D("ip", -THEIRS * ELEMENTARY * WEAK, X, Y, d, e)
    xx, yy = X**2 + sizes[0] ** 2, Y**2 + sizes[1] ** 2
    expected = OURS * THEIRS / (2 * math.pi * math.sqrt(xx * yy))
    expected *= math.exp(-(d**2) / xx / 2 - e**2 / yy / 2)
    found = value(effect, beam([sizes[0], 0, sizes[1], 0, 0, 0], 60))
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_bunch_that_is_turned_about() -> None:
    """Of the sum of both matrices of moments."""
    effect = BeamBeam2D("ip", -THEIRS * ELEMENTARY * WEAK, X, Y, correlation=0.6)
    both = np.array([[2 * X**2, 0.6 * X * Y], [0.6 * X * Y, 2 * Y**2]])
    expected = OURS * THEIRS / (2 * math.pi * math.sqrt(np.linalg.det(both)))
    assert value(effect, beam([X, 0, Y, 0, 0, 0], 60)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("angle", "plane"), [(0.0, 0.0), (2e-3, 0.0), (2e-3, math.pi / 2), (0.3, 0.0)]
)
def test_crossing_angles(angle: float, plane: float) -> None:
    """N N / (4 pi sx sy sqrt(1 + (sz tan(angle) / s)^2)), with s in the plane of crossing.

    The closed form of the integral of 2 cos^2(angle) c n n' over space and time.
    """
    sizes = (X, Y) if plane == 0 else (Y, X)
    length = 1e-4 if angle == 0.3 else Z  # of Piwinski angles of 1 and 3
    effect = opposing(
        angle=angle, plane=plane, sigma_x=sizes[0], sigma_y=sizes[1], sigma_z=length, count=100
    )
    piwinski = length * math.tan(angle) / X
    rows = beam([sizes[0], 0, sizes[1], 0, length, 0], 12, even=True)
    found = value(effect, rows)
    assert found == pytest.approx(HEAD_ON / math.sqrt(1 + piwinski**2), rel=1e-3)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
def test_the_hourglass_of_a_round_beam(ratio: float) -> None:
    """L / L0 = sqrt(pi) u exp(u^2) erfc(u) for u = beta / sigma_z, both planes alike."""
    beta = ratio * Z
    effect = opposing(sigma_y=X, sigma_px=X / beta, sigma_py=X / beta, count=40)
    found = value(effect, beam([X, X / beta, X, X / beta, Z, 0], 6))
    expected = math.sqrt(math.pi) * ratio * wofz(1j * ratio).real
    assert found / (HEAD_ON * Y / X) == pytest.approx(expected, rel=3e-3)


def test_the_hourglass_of_a_flat_beam() -> None:
    """By the integral over s of the places where slices meet."""
    betas = {"x": 40 * Z, "y": 0.8 * Z}
    slopes = X / betas["x"], Y / betas["y"]
    effect = opposing(sigma_px=slopes[0], sigma_py=slopes[1], count=40)
    expected, _ = quad(
        lambda u: math.exp(-(u**2)) / math.sqrt(math.pi)
        / math.sqrt((1 + (u * Z / betas["x"]) ** 2) * (1 + (u * Z / betas["y"]) ** 2)),
        -9, 9,
    )  # fmt: skip
    found = value(effect, beam([X, slopes[0], Y, slopes[1], Z, 0], 6))
    assert found / HEAD_ON == pytest.approx(expected, rel=3e-3)


def test_beams_that_attract_pinch_each_other() -> None:
    """More luminosity by the kicks of the slices, and less of beams that repel."""
    rows = beam([X, 0, Y, 0, Z, 0], 9)
    strong = {"sigma_x": X, "sigma_y": Y, "sigma_z": Z, "count": 40}
    attract, repel = (BeamBeam("ip", q * 20 * THEIRS * ELEMENTARY, **strong) for q in (-1, 1))
    plain = 20 * value(opposing(), rows)
    assert (
        float(repel.luminosity(rows))
        < 0.99 * plain
        < 1.01 * plain
        < float(attract.luminosity(rows))
    )


@pytest.mark.parametrize("name", ["charge", "sigma_x", "sigma_z", "sigma_py", "x", "angle"])
def test_slopes_are_those_of_rebuilt_effects(name: str) -> None:
    strong = BeamBeam(
        "ip", -20 * THEIRS * ELEMENTARY, X, Y, Z, X / 0.1, Y / 0.01, x=2e-6, angle=2e-3, count=30
    )
    rows = beam([X, 1e-4, Y, 1e-4, Z, 0], 5)
    at = float(getattr(strong, name))

    def rebuilt(number: float) -> float:
        return float(dataclasses.replace(strong, **{name: number}).luminosity(rows))

    number = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(
        dataclasses.replace(strong, **{name: number}).luminosity(rows), number
    )
    expected, bound = differences(rebuilt, at, 1e-4 * abs(at))
    assert bound < 1e-5 * abs(expected)
    assert float(slope) == pytest.approx(expected, abs=2 * bound)


def test_as_an_objective_of_a_gradient() -> None:
    """By the charge, to which it is proportional, and a quadrupole."""
    effect = opposing()
    line = pj.Lattice([pj.Quadrupole(0.1, 0.5, name="q"), pj.Drift(0.5)])
    rows = beam([X, 0, Y, 0, Z, 0], 5)

    def figure(final: pj.Beam) -> torch.Tensor:
        return effect.luminosity(final) / WEAK

    wrt = ["beam.charge", "q.k1"]
    found, slopes = pj.value_and_gradient(figure, line, rows, wrt=wrt)
    assert slopes[0] == pytest.approx(found / float(rows.charge), rel=1e-12)
    expected, bound = differences(
        lambda k: float(figure(pj.track(line.with_values({"q.k1": k}), rows))), 0.5, 1e-3
    )
    assert slopes[1] == pytest.approx(expected, abs=2 * bound)
    forward = pj.gradient(figure, line, rows, wrt=wrt, mode="forward")
    assert forward == pytest.approx(slopes, rel=1e-10)


def test_lost_particles_weights_and_batches() -> None:
    effect, rows = opposing(), beam([X, 0, Y, 0, Z, 0], 5)
    half = rows.replace(alive=rows.coordinates[:, 0] > 1e-12)
    middle = rows.replace(alive=rows.coordinates[:, 0].abs() < 1e-12)
    assert 2 * value(effect, half) + value(effect, middle) == pytest.approx(value(effect, rows))
    batch = rows.replace(
        coordinates=torch.stack([rows.coordinates] * 2),
        alive=torch.stack([rows.alive, half.alive]),
        weights=torch.stack([rows.weights] * 2),
    )
    each = [float(effect.luminosity(one)) for one in (rows, half)]
    assert effect.luminosity(batch).tolist() == pytest.approx(each, rel=1e-12)


def test_what_is_refused() -> None:
    rows = beam([X, 0, Y, 0, Z, 0], 3)
    bare = pj.Beam(POSITRON, rows.coordinates)
    with pytest.raises(InvalidValueError, match=r"luminosity is that of a bunch .* was given none"):
        opposing().luminosity(bare)
    assert float(opposing().luminosity(bare.replace(charge=0.0))) == 0
    coasting = pj.Beam(POSITRON, rows.coordinates, current=0.25)
    short = BeamBeam2D("ip", -1e-9, sigma_x=X, sigma_y=Y)
    for effect in (opposing(), short):
        with pytest.raises(InvalidValueError, match=r"is coasting, .* 0\.25 A: .*charge=") as said:
            effect.luminosity(coasting)
        assert "none" not in str(said.value)
    slow = pj.Beam(pj.Reference.from_kinetic("proton", 1e8), rows.coordinates, charge=1e-9)
    with pytest.raises(InvalidValueError, match="BeamBeam takes beams to be at the velocity"):
        opposing().luminosity(slow)
    with pytest.raises(InvalidValueError, match="beam must be a Beam"):
        opposing().luminosity(rows.coordinates)  # type: ignore[arg-type]


def test_lost_particles_that_are_nowhere_leave_slopes_alone() -> None:
    rows = np.array([[2e-6, 0, 1e-6, 0, 1e-3, 0], [1e-6, 0, 0, 0, 0, 0], [np.nan] * 6])
    size = torch.tensor(X, dtype=torch.float64, requires_grad=True)
    effect, slopes = opposing(sigma_x=size, count=3), []
    for count in (2, 3):
        alive = torch.tensor([True, True, False])[:count]
        bunch = pj.Beam(POSITRON, rows[:count], charge=count * 1e-9, alive=alive)  # type: ignore
        slopes.append(float(torch.autograd.grad(effect.luminosity(bunch), size)[0]))
    assert slopes[1] == pytest.approx(slopes[0], rel=1e-12)
