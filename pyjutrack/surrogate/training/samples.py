"""Densities of beams and the potentials that a solver gives for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ...collective.field import density
from ...collective.poisson import Potential
from ...mesh.grid import GHOSTS
from ..border import fold
from ..domain import Domain, Figures
from .beams import Beams

#: the cells of a padded grid
CELLS = (slice(GHOSTS, -GHOSTS), slice(GHOSTS, -GHOSTS))


def pad(cells: Tensor) -> Tensor:
    """The padded grid of densities (..., nx, ny), with nothing in the ghosts."""
    return functional.pad(cells, (GHOSTS,) * 4)


class Samples(NamedTuple):
    """Shares of the beam in each cell and H on the cells, both (B, nx, ny)."""

    density: Tensor
    potential: Tensor

    def apply_symmetry(self, way: int) -> Samples:
        """Apply a symmetry of the box: ways 0 to 3 mirror, 4 to 7 also swap x and y."""
        axes = [-1] * (way & 1) + [-2] * (way >> 1 & 1)
        mirrored = (a.flip(axes) if axes else a for a in self)
        return Samples(*(a.mT if way & 4 else a for a in mirrored))

    def pick(self, index: Tensor) -> Samples:
        """Pick some of the samples."""
        return Samples(self.density[index], self.potential[index])

    def double(self) -> Samples:
        """Convert to double precision."""
        return Samples(self.density.double(), self.potential.double())

    def to(self, device: torch.device) -> Samples:
        """Move to another device."""
        return Samples(self.density.to(device), self.potential.to(device))


def draw(
    teacher: Potential,
    beams: Beams,
    seed: int,
    count: int,
    progress: Callable[[], object] = lambda: None,
) -> tuple[Samples, Domain]:
    """Samples in single precision, and the domain that their beams span."""
    densities, potentials, drawn = [], [], []
    for index in range(count):
        beam = beams.draw(seed, index)
        x, y = torch.from_numpy(beam.x), torch.from_numpy(beam.y)
        padded = density(teacher.mesh, x, y)
        densities.append(fold(padded).float())
        potentials.append(teacher.solve(padded)[CELLS].float())
        drawn.append(Figures.of_particles(x, y))
        progress()
    domain = Domain.from_figures(drawn, beams.particles[0])
    return Samples(torch.stack(densities), torch.stack(potentials)), domain
