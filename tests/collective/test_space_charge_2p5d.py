"""Space charge by slices against that of coasting beams, and line densities in closed form."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy.constants import c, e, epsilon_0, m_p
from scipy.special import gamma, ndtri
from scipy.stats import qmc

import pyjutrack as pj
from pyjutrack.collective import SpaceCharge2p5D
from pyjutrack.errors import InvalidValueError, ResolutionWarning

PROTON = pj.Reference.from_kinetic("proton", 1.4e9)
CHARGE = 1e-8
BOX = pj.SpectralPoisson((0.04, 0.04), (64, 64))
STEP = pj.Lattice([pj.Drift(1e-3)])


def disc(shares: np.ndarray, radius: float) -> np.ndarray:
    """Even points in a disc, (N, 2), of two shares (N, 2)."""
    size, angle = radius * np.sqrt(shares[:, 0]), 2 * np.pi * shares[:, 1]
    return np.stack([size * np.cos(angle), size * np.sin(angle)], 1)


def bunch(across: np.ndarray, z: np.ndarray, **amount: float) -> pj.Beam:
    rows = np.zeros((len(z), 6))
    rows[:, [0, 2]], rows[:, 4] = across, z
    return pj.Beam(PROTON, rows, **amount)


def kicks(effect: pj.CollectiveEffect, beam: pj.Beam) -> np.ndarray:
    """Change of px, py and delta per metre, (N, 3)."""
    after = pj.track(STEP, beam, effects=[effect])
    return np.asarray(after.numpy()[:, [1, 3, 5]] / 1e-3)


def test_a_long_uniform_bunch_is_a_coasting_beam() -> None:
    """Of the same particles at all z, so that both see one density."""
    across = 3e-3 * ndtri(qmc.Sobol(2, seed=1).random(4096).clip(1e-4, 1 - 1e-4))
    z = np.repeat((np.arange(64) + 0.5) / 64 * 20 - 10, len(across))
    long = bunch(np.tile(across, (64, 1)), z, charge=CHARGE)
    current = CHARGE / 20 * PROTON.beta * c
    flat = kicks(pj.SpaceCharge(BOX, 1.0), bunch(across, across[:, 0], current=current))
    found = kicks(SpaceCharge2p5D(BOX, 32, 1.0), long).reshape(64, -1, 3)
    scale = np.sqrt((flat[:, :2] ** 2).mean())
    inner = slice(12, -12)
    print("2.5D/2D", np.sqrt(((found[inner, :, :2] - flat[:, :2]) ** 2).mean()) / scale, np.abs(found[inner,:,2]).max()/scale)
    assert np.abs(found[inner, :, :2] - flat[:, :2]).max() < 1e-3 * scale


def test_longitudinal_kick_is_that_of_the_line_density() -> None:
    """A parabolic bunch, round and uniform across, in a square pipe.

    On its axis g = 1 + 2 ln(b / a), with b the conformal radius of the square, of side s:
    4 sqrt(pi) s / Gamma(1/4)^2 (G. Polya, G. Szego, Isoperimetric Inequalities, 1951).
    """
    radius, half, count = 5e-3, 3.0, 2**17
    shares = qmc.Sobol(3, seed=2).random(count)
    # the share behind z of a parabola is (2 + 3 u - u^3) / 4, whose inverse is a cosine
    z = half * 2 * np.sin(np.arcsin(2 * shares[:, 2] - 1) / 3)
    across = disc(shares[:, :2], radius)
    probe = np.zeros((41, 6))
    probe[:, 4] = np.linspace(-0.8, 0.8, 41) * half
    rows = np.zeros((count, 6))
    rows[:, [0, 2]], rows[:, 4] = across, z
    beam = pj.Beam(PROTON, np.vstack([rows, probe]), charge=CHARGE * (1 + 41 / count))
    found = kicks(SpaceCharge2p5D(BOX, 32, 1.0), beam)[count:, 2]
    b = 4 * math.sqrt(math.pi) * 0.04 / gamma(0.25) ** 2
    g = 1 + 2 * math.log(b / radius)
    slope = -CHARGE * 1.5 * probe[:, 4] / half**3  # of 3 (1 - u^2) / (4 half)
    per_volt = e / (PROTON.beta**2 * PROTON.gamma * m_p * c**2)
    expected = -g * slope / (4 * math.pi * epsilon_0 * PROTON.gamma**2) * per_volt
    print("long", found / expected - 1)
    assert np.abs(found - expected).max() < 5e-3 * np.abs(expected).max()
