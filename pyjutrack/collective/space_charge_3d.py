"""The self-consistent space-charge kick of a bunch, in open space or in a pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import SPEED_OF_LIGHT
from ..core.checks import require_flag, require_real, require_setting, require_whole, wrong
from ..core.errors import InvalidValueError
from ..core.one_by_one import check_each
from ..core.scalars import Number, tensor_like
from ..core.storage import storable
from ..maps.state import State
from ..mesh.box import Box, admit, deposit, kick, kick_in_place
from ..mesh.grid import GHOSTS, Grid
from ..mesh.line import Line
from ..mesh.shapes import Shape, shape
from .base import CollectiveEffect, Place, require_max_step
from .bunches import (
    Potential3D,
    balance,
    bunch_box,
    each_beam,
    is_in_place,
    join_beams,
    lose_infinite,
    require_extent,
    warn_if_coarse,
    warn_if_few,
)
from .intensity import require_charge
from .open_space import open_potential
from .pipe import pipe_potential
from .slices import lose_outside
from .space_charge import check_box

#: nodes a side below which there is no room for the margins of the shape function
_NODES = 12


@storable
@dataclass(frozen=True)
class SpaceCharge3D(CollectiveEffect):
    """Space charge of a bunch, in three dimensions, in open space or in a conducting pipe.

    In the rest frame of the reference the bunch is at rest, to first order in its angles and its
    spread of momenta, and as long as z' = gamma z. With H the sum of shares / distance there [1/m],
    the kick over ds is

        (px, py, delta) -= K ds (d/dx, d/dy, d/dz) H(x, y, gamma z),
        K = q Q / (4 pi eps0 m c^2 beta^2 gamma^2),

    for a charge Q of particles of charge q: of the forces of the rest frame, magnetic ones leave
    1/gamma^2 in the laboratory. All three are slopes of one potential, so that the kick of a test
    particle is symplectic. The charge is deposited, and H read, by B-splines on a box that follows
    the bunch; the solvers are `open_potential` and, with images in the walls of a pipe without
    ends, `pipe_potential`.

    The box stands still while the bunch changes a little, so that derivatives are those of the
    function; where the bunch outgrows it by some per cent, it moves, and results jump by their
    discretisation error. Test particles that leave the box of the bunch are lost there. In a batch
    every beam has a box of its own, and so has each call of `torch.func.vmap`; those that stand
    around derivatives have one together.

    Attributes:
        nodes: of the box in x, y and z, two of which on each side are for the shape function.
            Powers of two are fast. Take four or more a rms size.
        max_step: longest slice between kicks [m]; a number, or one per element kind.
        scale: factor on the kick; 1 is physical.
        margin: on each side of the bunch, as a part of its full size, for test particles.
        pipe: full width and height [m] of a conducting pipe about the reference, in which the nodes
            in x and y then stand, and outside of which particles are lost; None is open space.
        response: whether derivatives contain the answer of the field to the beam; see
            `SpaceCharge`.
        balanced: whether the mean kick of the bunch on itself is taken away, in a pipe along z
            alone: an error of the grid, 1e-6 to 1e-4 of the largest kick. That costs one more pass
            over the particles.
        assignment: shape function, "bspline" (default: cubic, 4 nodes an axis) or "quadratic" (3),
            whose kick has kinks, takes two thirds of the time a particle, and for one error wants
            half as many nodes again a side, or twice as many below 0.3 %.

    Raises:
        InvalidValueError: any of these is not so; a beam with a current instead of a charge, or a
            bunch without an extent.

    Warns:
        ResolutionWarning: less than two nodes a rms size, or too few particles to fill the box.

    Example:
        >>> bunch = pj.Beam(reference, rows, charge=1e-9)
        >>> effect = pj.collective.SpaceCharge3D((64, 64, 64), max_step=0.1)
        >>> pj.track(lattice, bunch, effects=[effect])

    Sources: J. Qiang, S. Lidia, R. D. Ryne, C. Limborg-Deprey, PRSTAB 9 (2006) 044204, sec. II;
    J. D. Jackson, Classical Electrodynamics, 3rd ed., eq. 11.149 (the fields in the laboratory).
    """

    reversible: ClassVar[bool] = True
    weighted: ClassVar[bool] = True
    batched: ClassVar[tuple[str, ...]] = ("beam.charge",)
    one_by_one: ClassVar[tuple[str, ...]] = ("scale",)
    models: ClassVar[str] = "space charge"

    nodes: tuple[int, int, int] = (64, 64, 64)
    max_step: float | Mapping[str, float] = 0.05
    scale: Number = 1.0
    margin: float = 0.02
    pipe: tuple[float, float] | None = None
    response: bool = True
    balanced: bool = False
    assignment: str | Shape = "bspline"

    @check_each
    def __post_init__(self) -> None:
        if not isinstance(self.nodes, (tuple, list)) or len(self.nodes) != 3:
            raise InvalidValueError(
                f"nodes must be three whole numbers, in x, y and z, got {self.nodes!r}"
            )
        for axis, count in zip("xyz", self.nodes, strict=True):
            require_whole(f"nodes in {axis}", count, _NODES)
        require_max_step(self.max_step)
        require_real("scale", self.scale)
        require_setting("margin", self.margin, least=0)
        if self.pipe is not None:
            object.__setattr__(self, "pipe", self._grid(self.pipe).size)
        require_flag("response", self.response)
        require_flag("balanced", self.balanced)
        used = shape(self.assignment)
        if used.staircase:
            raise wrong("assignment", used.name, 'a smooth shape, "bspline" or "quadratic"')
        object.__setattr__(self, "assignment", used)

    def check(self, beam: Beam) -> None:
        """Raise for a coasting beam, warn of a box too coarse for the bunch."""
        require_charge(beam, self)
        if self.pipe is not None:
            check_box(self._grid(self.pipe), beam)
        axes = "xyz" if self.pipe is None else "z"  # of the others, the pipe has spoken
        require_extent(beam, self, axes)

        def spacings(one: Beam, state: State) -> dict[str, float]:
            found = zip("xyz", self._box(one, state).spacing, strict=True)
            return {axis: spacing for axis, spacing in found if axis in axes}

        warn_if_coarse(beam, spacings)
        warn_if_few(beam, self.nodes[2])

    def admit(self, state: State) -> State:
        """Particles outside the pipe, if there is one, are lost."""
        state = lose_infinite(state)
        return state if self.pipe is None else lose_outside(self._grid(self.pipe), state)

    def field(self, beam: Beam, state: State, place: Place, memory: Any = None) -> Any:
        """Make the potentials, one a beam of a batch, by the particles alive."""
        return each_beam(self._field, beam, state)

    def apply(self, state: State, field: Any, place: Place) -> State:
        """Kick particles by a field over a slice."""
        return join_beams(kick_3d, state, field, place)

    def apply_in_place(
        self,
        columns: Sequence[NDArray[Any]],
        alive: Tensor,
        field: Sequence[Potential3D],
        place: Place,
    ) -> bool:
        """Kick particles that are plain numbers, all of them in the box."""
        if type(self).apply is not SpaceCharge3D.apply or not is_in_place(field, place):
            return False
        (box, values), (x, px, y, py, z, delta) = field[0], columns
        if admit(box, [torch.from_numpy(column) for column in (x, y, z)], alive) is not alive:
            return False
        kick_in_place(box, (x, y, z), alive.numpy(), (px, py, delta), values, float(place.ds))
        return True

    def _box(self, beam: Beam, state: State) -> Box:
        x, _, y, _, z, _ = state.coordinates
        lines = [*bunch_box(beam, (x, y, z), state.alive, self.nodes, self.margin)]
        if self.pipe is not None:
            grid = self._grid(self.pipe)
            sides = zip(grid.size, grid.shape, strict=True)
            lines[:2] = (Line(-side / 2, side / 2, cells) for side, cells in sides)
        assert isinstance(self.assignment, Shape)
        return Box(*(line._replace(shape=self.assignment) for line in lines))

    def _grid(self, pipe: tuple[float, float]) -> Grid:
        return Grid(pipe, (self.nodes[0] - 2 * GHOSTS, self.nodes[1] - 2 * GHOSTS))

    def _field(self, beam: Beam, state: State) -> Potential3D:
        x, _, y, _, z, _ = state.coordinates
        shares, reference = beam.shares, beam.reference
        if not self.response:
            x, y, z, shares = x.detach(), y.detach(), z.detach(), shares.detach()
        box = self._box(beam, state)
        fractions = beam.world.sum(deposit(box, (x, y, z), state.alive, shares))
        per_coulomb = reference.perveance_per_ampere() * reference.beta_gamma * SPEED_OF_LIGHT / 2
        strength = tensor_like(beam.charge * per_coulomb * self.scale, x)
        solve = open_potential if self.pipe is None else pipe_potential
        found = Potential3D(box, strength * solve(box, reference.gamma, fractions))
        if not self.balanced:
            return found
        axes = (0, 1, 2) if self.pipe is None else (2,)
        return balance(beam.world, found, (x, y, z), state.alive, shares, axes)


def kick_3d(state: State, field: Potential3D, place: Place) -> State:
    """Kick particles by the slopes of a potential; those outside of its box are lost."""
    x, px, y, py, z, delta = state.coordinates
    alive = admit(field.box, (x, y, z), state.alive)
    momenta = kick(
        field.box, (x, y, z), alive, (px, py, delta), field.values, tensor_like(place.ds, x)
    )
    px, py, delta = momenta
    return State((x, px, y, py, z, delta), alive)
