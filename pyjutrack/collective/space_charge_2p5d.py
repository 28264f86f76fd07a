"""The self-consistent space-charge kick of a bunch, slice by slice."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import SPEED_OF_LIGHT
from ..core.checks import require_flag, require_real, require_whole
from ..core.one_by_one import check_each
from ..core.scalars import Number, differs, tensor_like
from ..core.storage import storable
from ..maps.state import State
from ..mesh.box import deposit
from ..mesh.line import Line
from .base import Place, require_max_step
from .bunches import (
    Potential3D,
    balance,
    bunch_line,
    each_beam,
    lose_infinite,
    require_extent,
    warn_if_coarse,
    warn_if_few,
)
from .intensity import require_charge
from .poisson import CheckedPotential, Potential, SpectralPoisson, require_potential, solve_by
from .slices import SlicedEffect, slice_box, unsmooth
from .space_charge import check_box


@storable
@dataclass(frozen=True)
class SpaceCharge2p5D(SlicedEffect):
    """Space charge of a bunch that is much longer at rest than its pipe is wide, by slices.

    With lambda the share of the bunch per length and H the potential of the density of a slice,
    normalised to one, -laplacian(H) = 2 pi rho over x and y, the kick over ds is

        (px, py, delta) -= K ds (d/dx, d/dy, d/dz) [lambda(z) H(x, y; z)],
        K = q Q / (2 pi eps0 m c^2 beta^2 gamma^3),

    for a charge Q of particles of charge q: transversely that of a coasting beam with the current
    Q lambda beta c there (`SpaceCharge`), and longitudinally, as all three are slopes of one
    potential, that of a field E_z = -g / (4 pi eps0 gamma^2) Q dlambda/dz with g = 2 H(x, y). H is
    zero on the walls, so that g is 1 + 2 ln(b / a) on the axis of a round uniform beam of radius a
    in a round pipe of radius b. The kick of a test particle is symplectic. lambda H is deposited
    and read by the shape function of the potential's mesh, along z too, where its smoothing is
    undone as far as its cells resolve it. Each beam
    of a batch has a line of its own; so has each call of `torch.func.vmap`, but around derivatives.

    Attributes:
        potential: what turns the density of a slice into H; a solver or a network, see `Potential`.
            With assignment="quadratic" a particle meets 27 nodes in place of 64 and takes two
            thirds of the time; the error of a kick then falls with the square of the cell, for the
            cubic default with the cube and faster. To a per cent it is the faster of the two, each
            on its own grid; its slopes jump from cell to cell.
        cells: along the bunch, of a line that follows it. Take four or more a rms length.
        max_step: longest slice of an element between kicks [m]; a number, or one per element kind.
        scale: factor on the kick; 1 is physical.
        wall: added to H in the longitudinal kick: ln(b / b0) for a pipe b that is wider than that
            of the potential, b0, by so little that the transverse kick does not feel it.
        response: whether derivatives contain the answer of the field to the beam; see
            `SpaceCharge`.
        balanced: whether the mean kick of the bunch on itself along z is taken away: an error of
            the grid, 1e-6 to 1e-4 of the largest kick. That costs one more pass over the particles.

    Raises:
        InvalidValueError: any of these is not so; a beam with a current instead of a charge, or
            wider than the box of the potential; a bunch without a length.

    Warns:
        ResolutionWarning: less than two cells a rms size, or few particles a cell along the bunch.

    Example:
        >>> bunch = pj.Beam(reference, rows, charge=1e-9)
        >>> effect = pj.collective.SpaceCharge2p5D(pj.SpectralPoisson((0.1, 0.05)), cells=64)
        >>> pj.track(lattice, bunch, effects=[effect])

    Source: A. Hofmann, Single-beam collective phenomena: longitudinal, CERN 77-13 (1977) 139
    (the field of a line density and g).
    """

    reversible: ClassVar[bool] = True
    weighted: ClassVar[bool] = True
    batched: ClassVar[tuple[str, ...]] = ("beam.charge",)
    one_by_one: ClassVar[tuple[str, ...]] = ("scale", "wall")

    potential: Potential = dataclasses.field(default_factory=SpectralPoisson)
    cells: int = 32
    max_step: float | Mapping[str, float] = 0.05
    scale: Number = 1.0
    wall: Number = 0.0
    response: bool = True
    balanced: bool = False

    @check_each
    def __post_init__(self) -> None:
        require_potential(self.potential, "potential")
        require_whole("cells", self.cells, 8)
        require_max_step(self.max_step)
        require_real("scale", self.scale)
        require_real("wall", self.wall)
        require_flag("response", self.response)
        require_flag("balanced", self.balanced)

    def check(self, beam: Beam) -> None:
        """Raise for a beam that this cannot serve, warn of too few cells or particles."""
        require_charge(beam, self)
        require_extent(beam, self, "z")
        check_box(self.mesh.grid, beam)
        warn_if_coarse(beam, lambda one, state: {"z": self._line(one, state).spacing})
        warn_if_few(beam, self.cells)
        if isinstance(self.potential, CheckedPotential):
            self.potential.check(beam)

    def admit(self, state: State) -> State:
        """Particles outside the box of the potential are lost."""
        return super().admit(lose_infinite(state, (4,)))

    def field(self, beam: Beam, state: State, place: Place, memory: Any = None) -> Any:
        """Make the potentials, one a beam of a batch, by the particles alive."""
        return each_beam(self._field, beam, state)

    def _line(self, beam: Beam, state: State) -> Line:
        return bunch_line(beam, state, self.cells)._replace(shape=self.mesh.shape)

    def _solve(self, fractions: Tensor) -> Tensor:
        """The potentials of the slices, (nodes of the line, *padded shape)."""
        if getattr(self.potential, "takes_stacks", False):
            return solve_by(self.potential, fractions)
        return torch.stack([solve_by(self.potential, f) for f in fractions.unbind(0)])

    def _field(self, beam: Beam, state: State) -> Potential3D:
        x, _, y, _, z, _ = state.coordinates
        shares, reference = beam.shares, beam.reference
        if not self.response:
            x, y, z, shares = x.detach(), y.detach(), z.detach(), shares.detach()
        line = self._line(beam, state)
        box = slice_box(self.mesh, line)
        fractions = beam.world.sum(deposit(box, (z, x, y), state.alive, shares))
        found = self._solve(fractions).to(fractions.dtype)
        if differs(self.wall, 0.0):
            found = found + self.wall * fractions.sum(-1).sum(-1).reshape(-1, 1, 1)
        sharp = torch.as_tensor(
            unsmooth(line, np.eye(line.nodes), 2), dtype=x.dtype, device=x.device
        )
        current = reference.perveance_per_ampere() * reference.beta * SPEED_OF_LIGHT / line.spacing
        strength = tensor_like(beam.charge * current * self.scale, x)
        found = ((strength * sharp) @ found.reshape(line.nodes, -1)).reshape(box.shape)
        made = Potential3D(box, found)
        if not self.balanced:
            return made
        return balance(beam.world, made, (z, x, y), state.alive, shares, (0,))
