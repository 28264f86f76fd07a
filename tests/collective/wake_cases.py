"""A resonator and a decay, bunches, and the kicks of their wakes at a gap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.collective import Resonator, Wake, WakeFunction

LIGHT = 299792458.0
ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
CHARGE = 2e-9
MODE = Resonator(frequency=5e9, shunt=1e6, quality=1.4)
GAP = pj.Lattice([pj.Marker(name="gap")])
LINE = pj.Lattice([pj.Drift(0.3, name="d"), pj.Marker(name="gap"), pj.Quadrupole(0.2, k1=1.0)])


@dataclass(frozen=True)
class Decay(WakeFunction):
    """W = strength exp(-rate t), which a user would write."""

    strength: Any
    rate: Any = 2e10

    def value(self, time: torch.Tensor, transverse: bool) -> torch.Tensor:
        return self.strength * torch.exp(-self.rate * time)


def bunch(count: int = 300, length: float = 6e-3, seed: int = 1, **changes: Any) -> pj.Beam:
    rows = np.random.default_rng(seed).normal(size=(count, 6))
    rows *= [1e-3, 1e-4, 2e-3, 1e-4, length, 1e-4]
    return pj.Beam(ELECTRON, rows, **{"charge": CHARGE} | changes)


def quiet(count: int, length: float, offset: float = 1e-3) -> pj.Beam:
    """A Gaussian bunch without noise, whose offset varies with z."""
    rows = np.zeros((count, 6))
    shares = torch.tensor((np.arange(count) + 0.5) / count)
    rows[:, 4] = length * torch.special.ndtri(shares).numpy()
    rows[:, 0] = offset * (1 + 0.3 * np.sin(200 * rows[:, 4]))
    rows[:, 2] = -2 * rows[:, 0]
    return pj.Beam(ELECTRON, rows, charge=CHARGE)


def value(time: np.ndarray, transverse: bool, of: Resonator = MODE) -> np.ndarray:
    """W of the textbook, half of it at zero [V/C or V/(C m)]."""
    omega = 2 * math.pi * of.frequency
    decay = omega / (2 * of.quality)
    bar = math.sqrt(omega**2 - decay**2)
    share = np.heaviside(time, 0.5)
    t = np.maximum(time, 0.0)
    if transverse:
        w = omega**2 * of.shunt / (of.quality * bar) * np.exp(-decay * t) * np.sin(bar * t)
    else:
        rings = np.cos(bar * t) - decay / bar * np.sin(bar * t)
        w = omega * of.shunt / of.quality * np.exp(-decay * t) * rings
    return np.asarray(share * w)


def kicks(beam: pj.Beam, effect: Wake) -> np.ndarray:
    """What a passage of the gap adds to the coordinates."""
    end = pj.track(GAP, beam, effects=[effect])
    return np.asarray((end.coordinates - beam.coordinates).numpy())
