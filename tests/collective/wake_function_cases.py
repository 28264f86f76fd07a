"""Bunches, and the kicks that they get of their wakes at a gap."""

from __future__ import annotations

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.collective import Wake

ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
CHARGE, LENGTH = 2e-9, 6e-3
GAP = pj.Lattice([pj.Marker(name="gap")])
LINE = pj.Lattice([pj.Drift(0.3, name="d"), pj.Marker(name="gap"), pj.Drift(0.2)])


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
