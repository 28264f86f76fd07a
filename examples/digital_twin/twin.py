"""The hybrid model of the machine: its design, and what is to be learned."""

from __future__ import annotations

from machine import EMITTANCE, PROTON, QUADRUPOLES, TWISS, line, scanners

import pyjutrack as pj
from pyjutrack.elements.potentials import Spline

#: what a physicist would fit without learning anything of unknown form
KNOBS = [pj.Unknown(f"{name}.k1", prior=0.2, relative=True) for name in QUADRUPOLES]
#: what is learned: a field error, and the walls
LEARNED = [
    pj.Unknown("field.weights", prior=2.0),
    pj.Unknown("effects[0].potential.weights", prior=0.5),
]


def twin(particles: int = 4096) -> pj.Twin:
    """The design: linear quadrupoles, a rectangular box, and learned parts that are still zero."""
    form = Spline((0.024, 0.024), (10, 10), unit=1e-6)  # one cell wider than the beam
    solver = pj.SpectralPoisson((0.02, 0.02), (48, 48))
    walls = pj.collective.ImageCharges(solver, order=2, radius=6e-3)
    beam = pj.distributions.gaussian(
        PROTON, particles, twiss=TWISS, emittance=EMITTANCE, quiet=True, seed=1
    )
    lattice = line(pj.HamiltonianKick(form, name="field"))
    return pj.Twin(lattice, beam, scanners(), [pj.SpaceCharge(walls, max_step=0.1)])
