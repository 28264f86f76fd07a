"""One of each collective effect for one bunch and one lattice, to act alone and all together.

An effect that is added here is a line in `EFFECTS`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.collective import (
    CSR,
    BeamBeam,
    CollectiveEffect,
    NeuralWake,
    Radiation,
    Resonator,
    SpaceCharge2p5D,
    SpaceCharge3D,
    Wake,
)

ELECTRON = pj.Reference.from_total("electron", 1e8)
#: with bends, quadrupoles and a cavity; some particles are lost in the collimator
LATTICE = pj.Lattice(
    [
        pj.Drift(0.1, name="d"),
        pj.Quadrupole(0.2, 6.0, name="qf"),
        pj.SBend(0.4, 0.2, e1=0.1, name="b", model="linear"),
        pj.Marker(name="tank"),
        pj.Aperture(half_width=3.4e-3, half_height=4e-3, name="collimator"),
        pj.Quadrupole(0.2, -6, tilt=0.03, name="qd"),
        pj.RFCavity(voltage=3e4, frequency=5e8, phase=3.2, name="rf"),
    ]
)
#: of the lattice and the beam, with steps of differences
KNOBS = {"d.length": 1e-5, "qf.k1": 1e-4, "b.angle": 1e-5, "rf.voltage": 10.0}


@dataclasses.dataclass(frozen=True)
class Model:
    """A wake that is no linear function of the density."""

    cells: int = 40
    window: float | None = None

    def solve(self, shares: torch.Tensor, spacing: float) -> torch.Tensor:
        return 1e11 * shares.flip(-1).cumsum(-1).flip(-1).square()


#: their kicks are proportional to `strength_name`
EFFECTS: dict[str, CollectiveEffect] = {
    "space charge in 3D": SpaceCharge3D((20, 20, 20), max_step=0.2),
    "space charge in 2.5D": SpaceCharge2p5D(pj.SpectralPoisson((0.014, 0.014), (28, 28)), 16, 0.2),
    "wake at a place": Wake(Resonator(2e9, 100.0, 2.0), "tank", cells=40),
    "wake along the line": Wake(Resonator(1e9, 1e5, 1.0), None, "dipole x", 40, max_step=0.4),
    "wake of a network": NeuralWake(Model(), "tank"),
    "coherent radiation": CSR(cells=36, smoothing=2.0, max_step=0.2, scale=3.0),
    "beam-beam": BeamBeam("tank", -2e-9, 1.2e-3, 9e-4, 0.01, angle=0.02, count=5),
    "mean radiation": Radiation(bend_slices=2, magnet_slices=1, scale=3e4),
    "photons": Radiation("quantum", seed=3, bend_slices=2, magnet_slices=1, scale=1e4),
}
#: those of them that may act together: photons have the mean loss in them
TOGETHER = {name: effect for name, effect in EFFECTS.items() if name != "mean radiation"}


def strength_name(effect: CollectiveEffect) -> str:
    """The field to which the kicks of an effect are proportional."""
    return "scale" if hasattr(effect, "scale") else "charge"


def bunch(count: int, lost: bool = True) -> pj.Beam:
    """A bunch on which each effect does about as much as the others."""
    sizes = [1.2e-3, 3e-4, 1.2e-3, 3e-4, 0.02, 1e-3]
    rows = np.random.default_rng(5).normal(size=(count, 6)).clip(-2.2, 2.2) * sizes
    if lost:
        rows[3, 0], rows[7, 2] = 4.6e-3, 4.6e-3
    return pj.Beam(ELECTRON, rows, charge=2e-7)
