"""Potentials of a density in a conducting rectangle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import Beam
from ..core.checks import wrong
from ..core.errors import InvalidValueError
from ..core.scalars import carries, has_numbers, is_real, is_whole
from ..core.storage import storable
from ..kernels import sines
from ..mesh.grid import Grid, Mesh
from ..mesh.operators import Operators
from ..mesh.shapes import Shape, shape

#: the ringing of a uniform beam is below 0.4 %, and a Gaussian one not broadened, at 4 cells rms
_DAMPING = 4.0


class Potential(Protocol):
    """A solver from a density on a mesh to the potential H of the space-charge kick.

    A solver, or a network in its place. `solve` takes and returns arrays of
    `mesh.grid.padded_shape`: the share of the beam in each cell (they sum to the share that is
    alive), and H with -laplacian(H) = 2 pi rho for rho normalised to one [1/m^2].
    One whose `takes_stacks` is true is given several densities at once, (K, *padded_shape).
    """

    @property
    def mesh(self) -> Mesh: ...

    def solve(self, fractions: Tensor) -> Tensor:
        """H on the padded grid from the fractions of the beam in the cells."""
        ...


#: words by which PyTorch refuses tensors of two precisions
_OTHER_PRECISION = ("should be the same", "scalar type", "same dtype")


def require_potential(potential: Any, argument: str) -> None:
    """Raise InvalidValueError for what is no potential on a mesh."""
    lacks = [] if callable(getattr(potential, "solve", None)) else ["a method `solve`"]
    lacks += [] if hasattr(potential, "mesh") else ["a `mesh`"]
    if isinstance(potential, type) or lacks:
        remedy = f"it lacks {lacks[0]}" if len(lacks) == 1 else ""
        remedy = "make one of the class" if isinstance(potential, type) else remedy
        raise wrong(argument, potential, "a solver or a network, such as SpectralPoisson()", remedy)


def solve_by(potential: Potential, fractions: Tensor) -> Tensor:
    """What a potential solves for, with the derivatives of the density.

    Raises:
        InvalidValueError: it has none, where the density has some; another precision is in it.
    """
    try:
        h = potential.solve(fractions)
    except RuntimeError as error:
        if not any(words in str(error) for words in _OTHER_PRECISION):
            raise
        precision = str(fractions.dtype).removeprefix("torch.")
        raise InvalidValueError(
            f"{type(potential).__name__}.solve fails for densities of {precision}: {error}; keep "
            "the network in double precision and convert: self.net(f.double()).to(f.dtype)"
        ) from error
    cut = isinstance(h, Tensor) and not carries(h) and torch.is_grad_enabled()
    if cut and carries(fractions) and not has_numbers(fractions):
        raise InvalidValueError(
            f"{type(potential).__name__}.solve gives a field without the derivatives of the "
            "density: keep to operations of torch, without .detach(), float() or NumPy; where it "
            "should have none, say response=False"
        )
    return h


@runtime_checkable
class CheckedPotential(Protocol):
    """A potential that checks beams, as it is right for some only."""

    def check(self, beam: Beam) -> None:
        """Raise or warn, before tracking, for a beam that it cannot serve."""
        ...


@storable
@dataclass(frozen=True)
class SpectralPoisson:
    """Sine-series solution of -laplacian(H) = 2 pi rho with H = 0 on the walls of a rectangle.

    The walls stand at the edges of the grid. Densities near a wall are continued oddly beyond it,
    as the sine series is. The smoothing of the shape function is divided out in mode space, once
    for the deposit and once for the reading, as in smooth particle-mesh Ewald.

    Each mode of wave numbers k is multiplied by exp(-damping (|k| h / pi)^6), h the cell: 1 for
    long waves, small for the shortest. A series that is cut off instead rings: the edge of a
    uniform beam then changes the focusing at its centre by several per cent, whatever the grid.
    With the defaults the slope of the field in the core of round beams, Gaussian and uniform, is
    within 1 % from 3 cells a rms size on (2 % at 2), and converges with the grid. It costs a few
    per cent of a kick, and the slope at a point scatters with the macroparticles by a third more
    than with half of the modes; a stronger damping scatters less and resolves less.

    Attributes:
        size: full width and height of the box [m].
        shape: cells in x and y.
        assignment: "bspline" (default, cubic), "quadratic", "catmull-rom" (the paper's) or "cic",
            whose kick is a staircase: for tracking alone, since derivatives through it are refused.
            Quadratic splines, by which a bunch is kicked faster, have kinks as Catmull-Rom; see
            `SpaceCharge2p5D`.
        modes: highest mode numbers in x and y; None is the cells, so all modes. All modes are the
            fastest for their number, where the cells are multiples of four.
        damping: strength of the filter of short waves, 0 for none. None is 4 where `modes` is None,
            and 0 where modes are given: a sum cut off there, as the paper's is.

    Both stand resolved in the solver, so that files and networks state what was used; for another
    grid, `dataclasses.replace(solver, shape=..., modes=None, damping=None)` resolves them anew.

    Source: J. Qiang, Symplectic multiparticle tracking model for self-consistent space-charge
    simulation, PRAB 20 (2017) 014203, eqs. 28-33 (modes); U. Essmann et al., J. Chem. Phys. 103
    (1995) 8577 (deconvolution).

    Example:
        >>> pj.SpaceCharge(pj.SpectralPoisson(size=(0.05, 0.03), shape=(128, 96)))
    """

    size: tuple[float, float] = (0.02, 0.02)
    shape: tuple[int, int] = (128, 128)
    assignment: str | Shape = "bspline"
    modes: tuple[int, int] | None = None
    damping: float | None = None

    def __post_init__(self) -> None:
        limit = Grid(self.size, self.shape).shape
        object.__setattr__(self, "assignment", shape(self.assignment))
        given: Any = self.modes
        if given is not None and not (
            isinstance(given, (tuple, list)) and len(given) == 2 and all(map(is_whole, given))
        ):
            raise wrong("modes", given, "two whole numbers, in x and in y")
        modes = self.modes or limit
        if not all(1 <= m <= n for m, n in zip(modes, limit, strict=True)):
            raise InvalidValueError(
                f"modes must lie between 1 and the number of cells {limit}, got {modes}"
            )
        object.__setattr__(self, "modes", modes)
        usual = _DAMPING if given is None else 0.0
        damping: Any = usual if self.damping is None else self.damping
        if not (is_real(damping) and math.isfinite(damping) and damping >= 0):
            raise wrong("damping", damping, "a number from 0, for no filter, on")
        object.__setattr__(self, "damping", float(damping))

    @cached_property
    def mesh(self) -> Mesh:
        assert isinstance(self.assignment, Shape)
        return Mesh(Grid(self.size, self.shape), self.assignment)

    @property
    def symmetric(self) -> bool:
        """Return whether the solution is linear and its own transpose, as that of this class is."""
        return type(self).solve is SpectralPoisson.solve

    @property
    def takes_stacks(self) -> bool:
        """Return whether `solve` takes several densities at once, as that of this class does."""
        return type(self).solve is SpectralPoisson.solve

    @cached_property
    def _operators(self) -> Operators:
        """Sine transforms in x and y (modes, padded nodes), and the inverse Laplacian between."""
        grid, used = self.mesh
        assert self.modes is not None
        sines, squares, transfers, waves = [], [], [], []
        for axis in (0, 1):
            m = np.arange(1, self.modes[axis] + 1)
            k = math.pi * m / grid.size[axis]
            from_wall = grid.nodes(axis, ghosts=True) + grid.size[axis] / 2
            sines.append(np.sin(np.outer(k, from_wall)))
            squares.append(k**2)
            waves.append(np.asarray(k * grid.spacing[axis]))
            transfers.append(used.transfer(waves[axis]))
        norm = 4 / (grid.size[0] * grid.size[1]) * 2 * math.pi
        green = norm / (squares[0][:, None] + squares[1][None, :])
        green /= (transfers[0][:, None] * transfers[1][None, :]) ** 2
        if self.damping:
            short = (waves[0][:, None] ** 2 + waves[1][None, :] ** 2) / math.pi**2
            green *= np.exp(-self.damping * short**3)
        return Operators(np.asarray(sines[0]), np.asarray(sines[1]), np.asarray(green))

    @cached_property
    def _sines(self) -> sines.Sines:
        return sines.fold_modes(self.shape, self._operators.arrays[2], self._plain)

    def solve(self, fractions: Tensor) -> Tensor:
        """H on the padded grid from the fractions of the beam in the cells; see `Potential`."""
        operator = sines.potential if fractions.dim() == 2 else sines.potentials
        return operator(self._sines, fractions)[0]

    def _plain(self, fractions: Tensor) -> Tensor:
        """`solve` in plain PyTorch."""
        sine_x, sine_y, green = self._operators.tensors(fractions.dtype, fractions.device)
        # batches of densities stand on the left of every product, where they are one large matrix
        spectrum = (fractions @ sine_y.mT).mT @ sine_x.mT
        half = (green.mT * spectrum) @ sine_x
        return half.mT @ sine_y
