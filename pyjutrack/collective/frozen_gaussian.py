"""The space-charge kick of a Gaussian bunch of given sizes, whatever its particles do."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import SPEED_OF_LIGHT
from ..core.checks import require_real, require_reals, require_setting
from ..core.digits import tell_apart
from ..core.errors import InvalidValueError
from ..core.one_by_one import check_each
from ..core.scalars import Number, tensor_like
from ..core.storage import storable
from ..core.tensors import tensors_in
from ..maps.state import State
from ..mesh.line import Line
from ..mesh.staircase import refuse_staircase
from .base import Place, require_max_step
from .bunches import each_beam, is_in_place, join_beams
from .intensity import require_charge
from .poisson import Potential, SpectralPoisson, require_potential, solve_by
from .product import ProductPotential, kick_by_product, kick_by_product_in_place
from .resolution import warn_if_few_cells
from .slices import MeshEffect, unsmooth

#: the line along the bunch reaches so many rms lengths to both sides, beyond which 1e-9 is left
_REACH = 6
#: its cells a rms length
_FINE = 4
#: of the potentials of places so much is kept for the next turn [bytes]
_KEPT = 2**28
#: walls must be so many rms sizes away
_CLEARANCE = 3.0


@storable
@dataclass(frozen=True)
class FrozenGaussian(MeshEffect):
    """Space charge of a Gaussian bunch whose sizes are given, for many turns of a ring.

    The kick is that of `SpaceCharge2p5D`, with the densities of a Gaussian in place of those of the
    particles: of sizes that optics and emittances give along the ring, centred on the reference.
    Particles see the charge that is still alive, and not each other: there is no noise, and no
    coherent motion. The kick is symplectic. Derivatives by lengths hold the sizes at each place.
    What a solver finds for sizes is kept, up to 256 MiB, so that further turns cost kicks alone.

    Attributes:
        sizes: rms sizes in x and y [m], a pair; or rows (s, sigma_x, sigma_y) [m] with s rising
            from 0 to the length of the lattice at least, between which sizes are linear.
        length: rms length in z [m].
        potential: what turns the density across into H; a solver or a network, see `Potential`.
        max_step: longest slice of an element between kicks [m]; a number, or one per element kind.
        scale: factor on the kick; 1 is physical.
        wall: added to H in the longitudinal kick; see `SpaceCharge2p5D`.

    Raises:
        InvalidValueError: any of these is not so; a beam with a current instead of a charge; walls
            nearer than 3 rms sizes; a place that the rows do not reach.

    Warns:
        ResolutionWarning: less than two cells of the potential's mesh a rms size.

    Example:
        >>> table = pj.twiss_table(ring, reference)
        >>> sizes = np.sqrt(emittance * np.stack([table["beta_x"], table["beta_y"]], 1))
        >>> rows = np.column_stack([table["s"], sizes])
        >>> effect = pj.collective.FrozenGaussian(rows, 0.2, pj.SpectralPoisson((0.1, 0.05)))

    Source: that of `SpaceCharge2p5D`; far from walls the transverse kick is that of M. Bassetti,
    G. Erskine, CERN-ISR-TH/80-06 (1980), times the line density.
    """

    reversible: ClassVar[bool] = True
    weighted: ClassVar[bool] = True
    batched: ClassVar[tuple[str, ...]] = ("beam.charge",)
    one_by_one: ClassVar[tuple[str, ...]] = ("length", "scale", "wall")
    frozen: ClassVar[bool] = True

    sizes: Any
    length: float
    potential: Potential = dataclasses.field(default_factory=SpectralPoisson)
    max_step: float | Mapping[str, float] = 0.05
    scale: Number = 1.0
    wall: Number = 0.0

    @check_each
    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", _rows(self.sizes))
        require_setting("length", self.length, above=0)
        require_potential(self.potential, "potential")
        require_max_step(self.max_step)
        require_real("scale", self.scale)
        require_real("wall", self.wall)
        for u, side, *sizes in zip(
            "xy", self.mesh.grid.size, *(r[1:] for r in self.sizes), strict=True
        ):
            if side / 2 < _CLEARANCE * max(sizes):
                raise InvalidValueError(
                    f"the walls must be {_CLEARANCE:g} rms sizes away: in {u} they are "
                    f"{side / 2:.3g} m away, and sizes are up to {max(sizes):.3g} m"
                )

    def check(self, beam: Beam) -> None:
        """Raise for a coasting beam, warn of a mesh too coarse for the sizes."""
        require_charge(beam, self)
        least = [min(column) for column in list(zip(*self.sizes, strict=True))[1:]]
        pairs = zip(least, self.mesh.grid.spacing, strict=True)
        warn_if_few_cells(dict(zip("xy", pairs, strict=True)), "use more cells or a smaller box")

    def field(self, beam: Beam, state: State, place: Place, memory: Any = None) -> Any:
        """Make the potentials, one a beam of a batch, of the charge alive."""

        def make(one: Beam, here: State) -> ProductPotential:
            live = torch.where(here.alive, one.shares, 0.0).sum(-1)
            return self._field(one, beam.world.sum(live), place)

        return each_beam(make, beam, state)

    def apply(self, state: State, field: Sequence[ProductPotential], place: Place) -> State:
        """Kick particles by a field over a slice of an element; none outside the line is kicked."""
        refuse_staircase(self.mesh, *state.coordinates)
        return join_beams(kick_by_product, state, field, place)

    def apply_in_place(
        self,
        columns: Sequence[NDArray[Any]],
        alive: Tensor,
        field: Sequence[ProductPotential],
        place: Place,
    ) -> bool:
        """Kick particles that are plain numbers."""
        if type(self).apply is not FrozenGaussian.apply or not is_in_place(field, place):
            return False
        kick_by_product_in_place(columns, alive, field[0], float(place.ds))
        return True

    def _field(self, beam: Beam, live: Tensor, place: Place) -> ProductPotential:
        line, along = self._density
        current = beam.reference.perveance_per_ampere() * beam.reference.beta * SPEED_OF_LIGHT
        strength = tensor_like(beam.charge * current * self.scale, live) * live
        across = self._solve(*self._sizes_at(place.s), live) + self.wall
        return ProductPotential(
            self.mesh, line, across, strength * torch.from_numpy(along).to(live)
        )

    @cached_property
    def _density(self) -> tuple[Line, NDArray[np.float64]]:
        reach = _REACH * self.length
        line = Line(-reach, reach, 2 * _REACH * _FINE, self.mesh.shape)
        return line, _gaussian(line, self.length)

    def _solve(self, x: float, y: float, like: Tensor) -> Tensor:
        """H of a Gaussian of rms sizes x and y; kept, where the solver has nothing to learn."""
        key = (x, y, like.dtype, like.device)
        if key in self._kept:
            return self._kept[key]
        fractions = torch.from_numpy(self._fractions(x, y)).to(like)
        if tensors_in(self.potential):
            return solve_by(self.potential, fractions).to(like.dtype)
        # kept, so that derivatives must go through it also where none are asked for now
        with torch.inference_mode(False):
            found = solve_by(self.potential, fractions.clone()).to(like.dtype)
        if len(self._kept) * found.nbytes < _KEPT:
            self._kept[key] = found
        return found

    @cached_property
    def _kept(self) -> dict[Any, Tensor]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def _fractions(self, x: float, y: float) -> Any:
        """Shares of the bunch in the cells, as the shape function deposits them; they sum to 1."""
        grid = self.mesh.grid
        axes = []
        for axis, size in enumerate((x, y)):
            # the shape function widens a density by its own second moment
            wide = math.sqrt(size**2 + self.mesh.shape.variance * grid.spacing[axis] ** 2)
            share = np.exp(-0.5 * (grid.nodes(axis, ghosts=True) / wide) ** 2)
            axes.append(share / share.sum())
        return np.outer(*axes)

    def _sizes_at(self, s: float) -> tuple[float, float]:
        if len(self.sizes) == 1:
            return self.sizes[0][1:]
        at, x, y = zip(*self.sizes, strict=True)
        if not at[0] <= s <= at[-1]:
            first, last, asked = tell_apart(at[0], at[-1], s)
            raise InvalidValueError(
                f"FrozenGaussian has sizes from s = {first} m to {last} m, and is asked for "
                f"those at s = {asked} m; give rows for the whole lattice"
            )
        return float(np.interp(s, at, x)), float(np.interp(s, at, y))


def _rows(sizes: Any) -> tuple[tuple[float, float, float], ...]:
    """Rows (s, sigma_x, sigma_y); of a pair, one."""
    found = np.asarray(sizes, dtype=object)
    rows = [(0.0, *sizes)] if found.shape == (2,) else sizes
    if found.shape != (2,) and (found.ndim != 2 or found.shape[1] != 3 or not len(found)):
        raise InvalidValueError(
            f"sizes must be a pair of rms sizes, or rows (s, sigma_x, sigma_y), got {sizes!r}"
        )
    for row in rows:
        require_reals("sizes", tuple(row), 3)
    made = tuple(tuple(map(float, row)) for row in rows)
    table = np.array(made)
    if (
        not np.isfinite(table).all()
        or (table[:, 1:] <= 0).any()
        or (np.diff(table[:, 0]) < 0).any()
    ):
        raise InvalidValueError(f"sizes must be positive and finite, at rising s, got {sizes!r}")
    return made  # type: ignore[return-value]


def _gaussian(line: Line, length: float) -> Any:
    """Coefficients of splines that are the density of a Gaussian along the line [1/m]."""
    samples = np.exp(-0.5 * (line.positions() / length) ** 2)
    return unsmooth(line, samples, 1) / (math.sqrt(2 * math.pi) * length)
