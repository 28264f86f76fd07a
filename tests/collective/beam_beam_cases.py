"""Beams that meet positrons, in two and in six dimensions, and the kicks of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.constants import e, epsilon_0

import pyjutrack as pj
from pyjutrack.collective import BeamBeam, BeamBeam2D

POSITRON = pj.Reference.from_total("positron", 45e9)
IP = pj.Lattice([pj.Marker(name="ip")])
CHARGE = -1e11 * e
SIZES = {"sigma_x": 1e-5, "sigma_y": 5e-6}
SHORT = BeamBeam2D("ip", CHARGE, **SIZES, x=2e-6, y=1e-6, correlation=0.3)
LONG = BeamBeam(
    "ip", CHARGE, **SIZES, sigma_z=1e-2, sigma_px=1e-3, sigma_py=5e-4, x=2e-6, y=1e-6,
    slope_x=1e-4, slope_y=-1e-4, angle=2e-3, plane=0.3, count=15,
    correlations=(0.1, 0.2, 0.1, 0.1, -0.1, 0.2),
)  # fmt: skip
BOTH = pytest.mark.parametrize("effect", [SHORT, LONG], ids=["2D", "6D"])
#: of the reference and one charge e, [m]
STRENGTH = e / (2 * math.pi * epsilon_0 * float(POSITRON.p0c))


def bunch(count: int = 60) -> pj.Beam:
    draw = np.random.default_rng(0).normal(size=(count, 6))
    return pj.Beam(POSITRON, draw * [1e-5, 1e-4, 5e-6, 1e-4, 1e-2, 1e-3], charge=1e-9)


def kicks(effect: pj.CollectiveEffect, rows: Any, reference: pj.Reference = POSITRON) -> Any:
    """What an effect adds to coordinates."""
    beam = pj.Beam(reference, torch.as_tensor(np.atleast_2d(rows), dtype=torch.float64))
    return pj.track(IP, beam, effects=[effect]).numpy() - beam.numpy()


def places(x: Any, y: Any) -> NDArray[np.float64]:
    rows = np.zeros((np.broadcast(x, y).size, 6))
    rows[:, 0], rows[:, 2] = x, y
    return rows
