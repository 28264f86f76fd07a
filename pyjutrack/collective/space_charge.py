"""The self-consistent space-charge kick of a coasting beam."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..beam.beam import Beam
from ..beam.moments import mean, rms
from ..core.checks import require_amounts, require_flag
from ..core.errors import InvalidValueError, ResolutionWarning, warn
from ..core.scalars import Number, has_numbers, tensor_like
from ..core.storage import storable
from ..kernels.columns import multiply_fields
from ..maps.state import State
from ..mesh.grid import Grid
from ..mesh.particle_mesh import deposit_admitted, inside, kick
from ..mesh.staircase import refuse_staircase
from .base import Place, require_max_step
from .intensity import require_current
from .mesh_kick import MeshKick
from .poisson import CheckedPotential, Potential, SpectralPoisson, require_potential, solve_by
from .resolution import warn_if_few_cells
from .slices import MeshEffect

#: a beam may start with this share of its particles outside the box
_OUTSIDE = 0.01


@storable
@dataclass(frozen=True)
class SpaceCharge(MeshEffect):
    """Transverse space charge of a coasting beam, from a solver or a network.

    The kick over a slice ds is (px, py) -= K ds grad H(x, y), with K the generalised perveance of
    the current that is still alive and H the potential of the density normalised to one.

    Attributes:
        potential: what turns the density into H; see `Potential`.
        max_step: longest slice between kicks [m]; a number, or one per element kind, such as
            {"Drift": 0.05, "Quadrupole": 0.025}.
        perveance_scale: factor on the perveance; 1 is physical. Many settings, (B,), have a field
            each.
        response: whether derivatives contain the answer of the field to the beam. Without it the
            field stands still under a derivative: the first of the two terms of a gradient. The
            current and what the potential depends on besides still count, and finite differences
            always contain the answer.

    Example:
        >>> solver = pj.SpectralPoisson(size=(0.02, 0.02), shape=(128, 128))
        >>> pj.track(cell, beam, effects=[pj.SpaceCharge(solver, max_step=0.05)])
    """

    #: it adds to momenta what depends on places, and counts weights; see `CollectiveEffect`
    reversible: ClassVar[bool] = True
    weighted: ClassVar[bool] = True
    batched: ClassVar[tuple[str, ...]] = ("perveance_scale", "beam.current")

    potential: Potential = dataclasses.field(default_factory=SpectralPoisson)
    max_step: float | Mapping[str, float] = 0.05
    perveance_scale: float | Tensor = 1.0
    response: bool = True

    def __post_init__(self) -> None:
        require_potential(self.potential, "potential")
        require_flag("response", self.response)
        check_settings(self.max_step, self.perveance_scale)

    def check(self, beam: Beam) -> None:
        """Raise for a beam that the box cannot hold, warn of a grid too coarse for it."""
        require_current(beam, self)
        check_box(self.mesh.grid, beam)
        if isinstance(self.potential, CheckedPotential):
            self.potential.check(beam)

    def field(self, beam: Beam, state: State, place: Place, memory: Any = None) -> Tensor:
        """K H on the padded grid, made by the particles alive; its slopes are kicks per metre."""
        x, _, y, *_ = state.coordinates
        shares = beam.shares
        if not self.response:
            x, y, shares = x.detach(), y.detach(), shares.detach()
        fractions = deposit_admitted(self.mesh, x, y, state.alive, shares)
        return self.strength(beam, fractions)

    @property
    def symmetric(self) -> bool:
        """See `MeshKick`."""
        return bool(getattr(self.potential, "symmetric", False))

    def fused(self) -> MeshKick | None:
        """Return itself, unless a derived class overrides what kernels would do."""
        own = ("admit", "field", "strength", "apply")
        changed = any(getattr(type(self), n) is not getattr(SpaceCharge, n) for n in own)
        return None if changed else self

    def scale(self, beam: Beam) -> Number:
        """The generalised perveance of the whole current of a beam, with the factor."""
        return beam.current * beam.reference.perveance_per_ampere() * self.perveance_scale

    def solve(self, fractions: Tensor) -> Tensor:
        """H from the fractions of the whole beam in the cells."""
        return solve_by(self.potential, fractions)

    def strength(self, beam: Beam, fractions: Tensor) -> Tensor:
        """K H on the padded grid from the fractions of the beam in its cells, deposited here."""
        h = solve_by(self.potential, beam.world.sum(fractions))
        padded = self.mesh.grid.padded_shape
        if h.shape[-2:] != padded:
            raise InvalidValueError(
                f"{type(self.potential).__name__}.solve returned shape {tuple(h.shape)}; it must "
                f"be that of the padded grid, {padded}"
            )
        scale = self.scale(beam)
        if isinstance(scale, Tensor) and scale.dim():  # of each setting, on its grid
            scale = scale.unsqueeze(-1)
        h = h.to(fractions.dtype)
        if h.dim() > 2 and has_numbers(h) and isinstance(scale, float):
            return multiply_fields(h, scale)
        return scale * h

    def apply(self, state: State, field: Tensor, place: Place) -> State:
        """Kick particles by a field over a slice."""
        x, px, y, py, z, delta = state.coordinates
        refuse_staircase(self.mesh, x, y)
        factor = tensor_like(place.ds, x)
        px, py = kick(self.mesh, x, y, state.alive, px, py, field, factor)
        return State((x, px, y, py, z, delta), state.alive)


def check_box(grid: Grid, beam: Beam) -> None:
    """Raise for a beam that the box cannot hold, warn of a grid too coarse for it."""
    both = torch.stack([beam.coordinate(u).detach() for u in "xy"])
    both = torch.where(beam.alive, both, 0.0)
    reach = beam.world.largest(both.abs().flatten(1).amax(1)).tolist()
    if any(r > side / 2 for r, side in zip(reach, grid.size, strict=True)):
        beyond = mean(beam, (~inside(grid, *both)).to(both.dtype)).detach()
        # a beam of a batch that has no particle left has no mean
        outside = float(beyond.nan_to_num(0.0).max())
        if outside > _OUTSIDE:
            raise InvalidValueError(
                f"the beam is larger than the space-charge box: {outside:.1%} of it lie "
                f"outside {grid.size[0]:g} m x {grid.size[1]:g} m, the farthest at "
                f"|x| = {reach[0]:.3g} m, |y| = {reach[1]:.3g} m; take a box of at least "
                f"{2.2 * reach[0]:.2g} m x {2.2 * reach[1]:.2g} m"
            )
        if outside > 0:
            warn(
                f"{outside:.2g} of the beam start outside the space-charge box of {grid.size[0]:g} "
                f"m x {grid.size[1]:g} m and are lost at its first kick, the farthest at |x| = "
                f"{reach[0]:.3g} m, |y| = {reach[1]:.3g} m; take a larger box, or cut them off",
                ResolutionWarning,
            )
    still = beam if beam.weights is None else beam.replace(weights=beam.weights.detach())
    spread = rms(still, both)
    least = [float(each.nan_to_num(math.inf).min()) for each in spread]
    pairs = zip("xy", zip(least, grid.spacing, strict=True), strict=True)
    warn_if_few_cells({u: pair for u, pair in pairs if pair[0]}, "use more cells or a smaller box")


def check_settings(max_step: float | Mapping[str, float], perveance_scale: float | Tensor) -> None:
    """Raise InvalidValueError for steps or a factor on the perveance that no kick can have."""
    require_max_step(max_step)
    require_amounts("perveance_scale", perveance_scale)
