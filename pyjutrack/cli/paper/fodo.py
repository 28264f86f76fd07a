"""The paper's case: lattice, beam and space-charge steps."""

from __future__ import annotations

from ...beam.beam import Beam
from ...beam.reference import Reference
from ...collective import Potential, SpaceCharge, SpectralPoisson
from ...elements import Drift, Quadrupole
from ...engines.julia import JuTrackSpaceCharge
from ...lattice.lattice import Lattice
from ...optics import distributions, twiss

KNOBS = ("d1.length", "q1.length", "q1.k1", "d2.length", "q2.length", "q2.k1", "d3.length")

#: Factors on the perveance. The published tables are met at half of the physical one.
CONVENTIONS = {"physical": 1.0, "published": 0.5}

#: [A]
CURRENT = 200.0

#: sides of the box [m], of the solver and of the network's grid alike
BOX = (0.02, 0.02)

_STEPS = {"Drift": 0.05, "Quadrupole": 0.025}


def reference() -> Reference:
    """A proton of 1 GeV kinetic energy."""
    return Reference.from_kinetic("proton", 1e9)


def cell() -> Lattice:
    """The FODO cell, from the middle of the drift between the quadrupoles."""
    return Lattice(
        [
            Drift(0.2, name="d1"),
            Quadrupole(0.1, k1=29.6, name="q1"),
            Drift(0.4, name="d2"),
            Quadrupole(0.1, k1=-29.6, name="q2"),
            Drift(0.2, name="d3"),
        ]
    )


def beam(particles: int, seed: int, current: float = CURRENT) -> Beam:
    """Gaussian, 1 um normalised emittances, matched to the optics without space charge."""
    return distributions.gaussian(
        reference(),
        particles,
        twiss=twiss(cell(), reference()),
        normalized_emittance=(1e-6, 1e-6),
        current=current,
        seed=seed,
    )


def solver(assignment: str = "bspline") -> SpectralPoisson:
    """The spectral solver on 128 x 128 cells, its series cut off at half of them as the paper's."""
    return SpectralPoisson(BOX, (128, 128), assignment, modes=(64, 64), damping=0.0)


def space_charge(
    potential: Potential, convention: str = "physical", *, response: bool = True
) -> SpaceCharge:
    """Kicks every 0.05 m in drifts and 0.025 m in quadrupoles."""
    return SpaceCharge(
        potential, max_step=_STEPS, perveance_scale=CONVENTIONS[convention], response=response
    )


def jutrack_space_charge(convention: str = "physical") -> JuTrackSpaceCharge:
    """JuTrack's own, 12 x 12 modes in a box of the same size, with the same steps."""
    return JuTrackSpaceCharge(BOX, (12, 12), _STEPS, CONVENTIONS[convention])
