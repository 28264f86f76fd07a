"""Bunches without angles, and the kicks of space charge that they get in three dimensions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.constants import c, e, epsilon_0, m_p
from scipy.special import ndtri
from scipy.stats import qmc

import pyjutrack as pj
from pyjutrack.collective import BSPLINE, QUADRATIC, SpaceCharge3D

PROTON = pj.Reference.from_kinetic("proton", 3e8)
GAMMA, BETA = PROTON.gamma, PROTON.beta
CHARGE = 1e-10
#: (px, py, delta) per metre and per slope of the sum of shares / distance [1/m^2]
STRENGTH = e * CHARGE / (4 * math.pi * epsilon_0 * m_p * c**2 * (BETA * GAMMA) ** 2)
#: sizes of what is round at rest
ROUND = np.array([1.0, 1.0, 1 / GAMMA])
STEP = pj.Lattice([pj.Drift(1e-3)])
SHAPES = pytest.mark.parametrize("used", [BSPLINE, QUADRATIC], ids=lambda s: s.name)


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
    """A bunch without angles, of places (N, 3) [m]."""
    rows = np.zeros((len(places), 6))
    rows[:, [0, 2, 4]] = places
    return pj.Beam(PROTON, rows, charge=charge)


def kicks(effect: SpaceCharge3D, beam: pj.Beam) -> np.ndarray:
    """Change of px, py and delta per metre, (N, 3)."""
    after = pj.track(STEP, beam, effects=[effect])
    return np.asarray(after.numpy()[:, [1, 3, 5]] / 1e-3)
