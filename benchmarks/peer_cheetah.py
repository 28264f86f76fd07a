"""Cheetah: SpaceChargeKick, a 3D particle-in-cell kick in free space.

A coasting beam is one long slab: all particles at the lower edge of the first longitudinal cell,
which is long against the beam. Cheetah 0.8 deposits on the centres of the cells and reads as if
values stood at their lower corners. So at that edge half of the charge is deposited (the beam
carries twice of it here) and all of the field is read; and in x and y the field is that of a place
half a cell away, which the comparison of the kicks allows for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from scipy import constants

from .peer import PeerKick, PeerMissing
from .setup import CURRENT, STEP, Setup

#: length of a longitudinal cell [m]; 2D physics where gamma times it is long against the beam
_SPACING = 4.0
#: spread of the particles about one z, in cells: Cheetah scales its grid by the rms of the beam
_SPREAD = 1e-6


def kicks(setup: Setup, threads: int) -> Iterator[PeerKick]:
    """Grids of 1, 2 and 4 longitudinal cells; threads are those of PyTorch.

    Raises:
        PeerMissing: no Cheetah.
    """
    try:
        import cheetah
    except ImportError as error:
        raise PeerMissing(str(error)) from error
    for slices in (1, 2, 4):
        yield _kick(cheetah, slices, setup)


def _kick(cheetah: Any, slices: int, setup: Setup) -> PeerKick:
    grid, ours = setup.kick.potential.mesh.grid, setup.beam
    reference = ours.reference
    count, kind = len(ours), {"dtype": torch.float64}
    half = slices * _SPACING / 2
    inset = torch.linspace(0.5, 1.5, count, **kind) * _SPREAD * _SPACING
    coordinates = torch.zeros(count, 7, **kind)
    coordinates[:, 0], coordinates[:, 2] = ours.coordinate("x"), ours.coordinate("y")
    coordinates[:, 4] = (half - inset) / reference.beta  # tau = -z / beta
    coordinates[:, 6] = 1
    charge = 2 * CURRENT * _SPACING / (reference.beta * constants.c)
    beam = cheetah.ParticleBeam(
        coordinates,
        energy=torch.tensor(reference.gamma * reference.species.mass, **kind),
        particle_charges=torch.full((count,), charge / count, **kind),
        species=cheetah.Species(reference.species.name, **kind),
        **kind,
    )
    element = cheetah.SpaceChargeKick(
        torch.tensor(STEP, **kind),
        grid_shape=(*grid.shape, slices),
        grid_extent_x=grid.size[0] / 2 / beam.sigma_x,
        grid_extent_y=grid.size[1] / 2 / beam.sigma_y,
        grid_extent_tau=half / beam.sigma_tau,
        **kind,
    )

    @torch.no_grad()
    def call() -> Any:
        return element.track(beam)

    kicked = call().particles
    found = np.stack([(kicked - coordinates)[:, i].numpy() for i in (1, 3)])
    hx, hy = grid.spacing
    name = f"cheetah SpaceChargeKick {slices} slice{'s' if slices > 1 else ''}"
    return PeerKick(name, call, found, np.ones(count, dtype=bool), shift=(hx / 2, hy / 2))
