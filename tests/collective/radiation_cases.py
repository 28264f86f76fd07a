"""A cell in which electrons radiate, and what a single element leaves of them."""

from __future__ import annotations

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.collective import Radiation

ELECTRON = pj.Reference.from_total("electron", 3e9)
GAP = pj.RFCavity(voltage=4e6, frequency=5e8, phase=2.4, name="rf")
CELL = pj.Lattice(
    [
        pj.Quadrupole(0.2, 1.6, name="qf"),
        pj.Drift(0.4),
        pj.RBend(1.0, 0.3, k1=0.1, name="b"),
        pj.Sextupole(0.1, 40.0, knl=(1e-4,), name="s"),
        pj.Quadrupole(0.2, -1.5, tilt=0.2, dx=1e-3, name="qd"),
        GAP,
        pj.SBend(1.0, -0.3, e1=-0.1, tilt=0.1, dy=1e-3, model="linear"),
        pj.Octupole(0.1, 300.0),
        pj.Kicker(0.1, hkick=1e-3, vkick=2e-3),
        pj.ThinBend(0.02, h=0.3),
        pj.DipoleEdge(0.3, 0.1),
    ]
)
STEPS = {"bend_slices": 3, "magnet_slices": 2}


def bunch(count: int = 150) -> pj.Beam:
    rows = np.random.default_rng(4).normal(0, 1, (count, 6)) * [1e-3, 1e-4, 1e-3, 1e-4, 4e-3, 1e-3]
    return pj.Beam(ELECTRON, torch.as_tensor(rows), charge=1e-9)


def delta_after(element: pj.Element, start: np.ndarray, effect: Radiation) -> np.ndarray:
    """Coordinates after an element."""
    beam = pj.Beam(ELECTRON, torch.as_tensor(np.atleast_2d(start)))
    return pj.track(pj.Lattice([element]), beam, effects=[effect]).numpy()
