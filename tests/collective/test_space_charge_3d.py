"""Space charge of bunches in open space against closed forms, integrals and another code."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.constants import c, e, epsilon_0, m_p
from scipy.special import ndtri
from scipy.stats import qmc

import pyjutrack as pj
from pyjutrack.collective import SpaceCharge3D

PROTON = pj.Reference.from_kinetic("proton", 3e8)
GAMMA, BETA = PROTON.gamma, PROTON.beta
CHARGE = 1e-10
#: (px, py, delta) per metre and per slope of the sum of shares / distance [1/m^2]
STRENGTH = e * CHARGE / (4 * math.pi * epsilon_0 * m_p * c**2 * (BETA * GAMMA) ** 2)
#: longitudinal sizes that are as long as wide at rest
ROUND = np.array([1.0, 1.0, 1 / GAMMA])


def ball(count: int) -> np.ndarray:
    """Even points in a ball of rms size 1 a direction, (N, 3)."""
    shares = qmc.Sobol(3, seed=1).random(count)
    radius, cosine, angle = shares[:, 0] ** (1 / 3), 2 * shares[:, 1] - 1, shares[:, 2] * 2 * np.pi
    sine = np.sqrt(1 - cosine**2)
    ways = np.stack([sine * np.cos(angle), sine * np.sin(angle), cosine], 1)
    return np.asarray(math.sqrt(5) * radius[:, None] * ways)


def normal(count: int) -> np.ndarray:
    return np.asarray(ndtri(qmc.Sobol(3, seed=1).random(count).clip(1e-9, 1 - 1e-9)))


def bunch(places: np.ndarray, charge: float = CHARGE) -> pj.Beam:
    """A bunch at rest, of places (N, 3) [m]."""
    rows = np.zeros((len(places), 6))
    rows[:, [0, 2, 4]] = places
    return pj.Beam(PROTON, rows, charge=charge)


def kicks(effect: SpaceCharge3D, beam: pj.Beam) -> np.ndarray:
    """Change of px, py and delta per metre, (N, 3)."""
    after = pj.track(pj.Lattice([pj.Drift(1e-3)]), beam, effects=[effect])
    return np.asarray(after.numpy()[:, [1, 3, 5]] / 1e-3)


def slopes_of_ellipsoid(places: np.ndarray, sizes: np.ndarray, gaussian: bool) -> np.ndarray:
    """Minus the slopes of H by x, y and z' for points (N, 3) within, of rms sizes [1/m^2].

    O. D. Kellogg, Foundations of Potential Theory (1929), ch. VII: integrals over the confocal
    ellipsoids, in u = 1 / sqrt(1 + q / size^2).
    """
    nodes, weights = np.polynomial.legendre.leggauss(160)
    scale = float(np.prod(sizes) ** (1 / 3))
    found = np.zeros_like(places)
    for u, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        q, dq = scale**2 * (1 / u**2 - 1), 2 * scale**2 / u**3
        if gaussian:
            widths = 2 * (sizes**2 + q)
            share = 2 / math.sqrt(math.pi) * np.exp(-(places**2 / widths).sum(1, keepdims=True))
        else:
            widths, share = 5 * sizes**2 + q, 0.75 * np.ones((len(places), 1))
        found += weight * dq * share / np.sqrt(widths.prod()) * (2 * places / widths)
    return found


@pytest.mark.parametrize("sizes", [(1.0, 1.0, 1.0), (1.0, 2.0, 10.0)], ids=["round", "long"])
@pytest.mark.parametrize("gaussian", [True, False], ids=["gaussian", "uniform"])
def test_fields_of_ellipsoids(gaussian: bool, sizes: tuple[float, float, float]) -> None:
    """At four nodes a rms size; the edge of a uniform bunch is met within two nodes of it."""
    rest = 1e-3 * np.array(sizes)
    unit = normal(2**18) if gaussian else ball(2**18)
    beam = bunch(unit * rest / [1, 1, GAMMA])
    across = np.ptp(unit, axis=0)
    nodes = tuple(int(4 * a) + 8 for a in across)
    found = kicks(SpaceCharge3D(nodes, max_step=1.0, margin=0.0), beam)
    expected = STRENGTH * slopes_of_ellipsoid(unit * rest, rest, gaussian) * [1, 1, GAMMA]
    print(nodes)
    scale = np.sqrt((expected**2).mean(0))
    error = np.sqrt(((found - expected) ** 2).mean(0)) / scale
    print("rms", error, "slope", (found * expected).sum(0) / (expected**2).sum(0) - 1)
    core = (unit**2).sum(1) < 2.5
    print("core", np.sqrt(((found - expected)[core] ** 2).mean(0)) / scale)
    print("sum", found.sum(0) / np.abs(found).max(0), found.mean(0) / np.abs(found).max(0))
    assert error.max() < (0.005 if gaussian else 0.015)


def test_cold_sphere_doubles_its_radius_in_the_time_of_the_integral() -> None:
    """Energy of the edge: R' = sqrt(2 k (1/R0 - 1/R)), of which the integral is elementary."""
    radius, count = 2e-3, 2**16
    beam = bunch(ball(count) / math.sqrt(5) * radius * ROUND)
    factor = math.sqrt(2.0) + math.asinh(1.0)
    distance = math.sqrt(radius**3 / (2 * STRENGTH)) * factor
    line = pj.Lattice([pj.Drift(distance)])
    for steps in (10, 20, 40):
        after = pj.track(
            line, beam, effects=[SpaceCharge3D((32, 32, 32), max_step=distance / steps)]
        )
        ends = after.numpy()[:, [0, 2, 4]] / ROUND
        growth = (
            np.sqrt((ends**2).mean(0)) / np.sqrt((beam.numpy()[:, [0, 2, 4]] ** 2).mean(0)) * ROUND
        )
        print(distance, steps, growth)
    assert np.abs(growth / 2 - 1).max() < 1e-3
