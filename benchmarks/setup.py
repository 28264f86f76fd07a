"""The paper's FODO cell: what every case measures with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import pyjutrack as pj
from pyjutrack.collective import Place

KNOBS = ("d1.length", "q1.length", "q1.k1", "d2.length", "q2.length", "q2.k1", "d3.length")
#: kick of the comparison with peers: slice [m]
STEP = 0.05
#: where one kick is timed
HERE = Place(pj.Drift(STEP), 0, 0.0, STEP, 1.0, 0)
CURRENT = 200.0  # A


@dataclass(frozen=True)
class Setup:
    """Lattice, beam and kick."""

    lattice: pj.Lattice
    beam: pj.Beam
    kick: pj.SpaceCharge


def paper_cell(particles: int, cells: tuple[int, int] = (128, 128)) -> Setup:
    """The cell at 200 A, with a Gaussian beam matched to its zero-current optics."""
    proton = pj.Reference.from_kinetic("proton", kinetic_energy=1e9)
    lattice = pj.Lattice(
        [
            pj.Drift(0.2, name="d1"),
            pj.Quadrupole(0.1, k1=29.6, name="q1"),
            pj.Drift(0.4, name="d2"),
            pj.Quadrupole(0.1, k1=-29.6, name="q2"),
            pj.Drift(0.2, name="d3"),
        ]
    )
    beam = pj.distributions.gaussian(
        proton,
        particles,
        twiss=pj.twiss(lattice, proton),
        current=CURRENT,
        normalized_emittance=(1e-6, 1e-6),
        seed=1,
    )
    kick = pj.SpaceCharge(
        pj.SpectralPoisson(size=(0.02, 0.02), shape=cells),
        max_step={"Drift": 0.05, "Quadrupole": 0.025},
    )
    return Setup(lattice, beam, kick)


def apart(found: Any, expected: Any) -> float:
    """Largest difference over the largest entry."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())
