"""Cheetah: SpaceChargeKick with a bunch.

Cheetah 0.8 deposits on the centres of cells and reads as if values stood at their lower corners:
its field is that of a place half a cell away, an error of 8 % on 64 nodes a side. Kicks are
compared with the exact ones there, to the benefit of Cheetah.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .bunch import CHARGE, REFERENCE, STEP, Bunch
from .bunch_kick import RATIOS, Made, Nodes
from .peer import PeerMissing

_SIDES = [n for n in range(16, 161) if n % (4 if n < 96 else 8) == 0]


@dataclass(frozen=True)
class Cheetah:
    """Its one solver, in three dimensions."""

    name: str = "cheetah SpaceChargeKick"
    sides: Iterable[int] = tuple(_SIDES)
    ratios: Sequence[float] = RATIOS[False]

    def make(self, bunch: Bunch, nodes: Nodes, threads: int, which: str | None = "") -> Made:
        try:
            import cheetah
        except ImportError as error:
            raise PeerMissing(str(error)) from error
        kind, beta = {"dtype": torch.float64}, REFERENCE.beta
        count = len(bunch.places)
        coordinates = torch.zeros(count, 7, **kind)
        coordinates[:, [0, 2, 4]] = torch.from_numpy(bunch.places * [1.0, 1.0, -1 / beta])
        coordinates[:, 6] = 1
        beam = cheetah.ParticleBeam(
            coordinates,
            energy=torch.tensor(REFERENCE.gamma * REFERENCE.species.mass, **kind),
            particle_charges=torch.full((count,), CHARGE / count, **kind),
            species=cheetah.Species(REFERENCE.species.name, **kind),
            **kind,
        )
        half = bunch.half
        element = cheetah.SpaceChargeKick(
            torch.tensor(STEP, **kind),
            grid_shape=nodes,
            grid_extent_x=half[0] / beam.sigma_x,
            grid_extent_y=half[1] / beam.sigma_y,
            grid_extent_tau=half[2] / beam.sigma_tau,
            **kind,
        )

        @torch.no_grad()
        def call() -> Any:
            return element.track(beam)

        added = (call().particles - coordinates).numpy()
        kicks = np.stack([added[:, 1], added[:, 3], _delta(added[:, 5])])
        cell = 2 * half / np.array(nodes)
        return Made({"": call}, kicks, cell / 2)


def _delta(energy: Any) -> Any:
    """The change of P/P0 by that of the energy in units of P0 c."""
    total = 1 / REFERENCE.beta + energy
    return np.sqrt(total**2 - 1 / REFERENCE.beta_gamma**2) - 1
