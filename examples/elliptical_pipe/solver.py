"""The potential of a beam in an elliptical conducting pipe, by finite differences.

A solver in the sense of `pyjutrack.collective.Potential`: it may stand in `SpaceCharge`, it has
exact derivatives in both modes, and it is the teacher of the network of `train.py`. For another
pipe, change `contains` and `_to_wall`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

import pyjutrack as pj
from pyjutrack.collective import BSPLINE, Grid, Mesh

Array = NDArray[np.float64]

#: nodes nearer to the wall than this, in squared semi-axes, count as on it
_ON_WALL = 1e-9
#: a beam may have this share of its particles outside the pipe, as with the box of `SpaceCharge`
_OUTSIDE = 0.01


@dataclass(frozen=True)
class EllipticalPipe:
    """-laplacian(H) = 2 pi rho in an ellipse, H = 0 on its wall and in the metal around it.

    The equations. Minus the Laplacian is the nine-point one, a sum over pairs of neighbours along
    x, y and both diagonals of weight (H_i - H_j)^2. A pair that the wall cuts at the fraction t of
    its length is weight H_i^2 / t: H falls linearly to zero at the wall. That keeps the matrix
    symmetric, as the operator is: the response of the field to the beam is then symmetric, kicks
    of a beam on itself are symplectic, and a solve is its own transpose, so one factorisation
    serves reverse mode too. H is of second order up to the wall, its slope of first order in the
    last cells before it. The form of Shortley and Weller, divided by the mean of the two unequal
    steps, has a second-order slope there as well, and an unsymmetric matrix.

    The particles. They are spread by cubic B-splines, and H is read by them. Both times the grid
    is divided by the spline's values at its nodes (1/6, 2/3, 1/6), so that the spline that is read
    passes through H; and both times it is multiplied by half of the nine-point formula's
    right-hand side, 1 + h^2/12 laplacian. Away from walls the field is of third order, as the
    slope of a cubic spline is.

    Charge on nodes in the metal has no field. Particles there are not lost: only those outside of
    the box are.

    Attributes:
        semi_axes: of the pipe, along x and y [m].
        size: full width and height of the box around it [m].
        shape: cells in x and y.

    Sources: F. Gibou, R. Fedkiw, L.-T. Cheng, M. Kang, J. Comput. Phys. 176 (2002) 205 (symmetric
    wall); G. H. Shortley, R. Weller, J. Appl. Phys. 9 (1938) 334 (unsymmetric wall); L. Collatz,
    The Numerical Treatment of Differential Equations, 3rd ed., ch. V (nine points); M. Unser, IEEE
    Signal Proc. Mag. 16 (1999) 22 (splines through values).
    """

    semi_axes: tuple[float, float] = (0.008, 0.005)
    size: tuple[float, float] = (0.02, 0.02)
    shape: tuple[int, int] = (128, 128)

    def __post_init__(self) -> None:
        box = Grid(self.size, self.shape).size
        if not all(0 < a <= side / 2 for a, side in zip(self.semi_axes, box, strict=True)):
            raise pj.errors.InvalidValueError(
                f"semi-axes must be positive and fit in the box of {box} m, got {self.semi_axes} m"
            )

    @cached_property
    def mesh(self) -> Mesh:
        return Mesh(Grid(self.size, self.shape), BSPLINE)

    def contains(self, x: Any, y: Any) -> Any:
        """Return which positions [m], arrays or tensors, lie in the pipe."""
        return (x / self.semi_axes[0]) ** 2 + (y / self.semi_axes[1]) ** 2 < 1 - _ON_WALL

    def check(self, beam: pj.Beam) -> None:
        """Raise InvalidValueError for a beam that the pipe cannot hold."""
        x, y = (beam.coordinate(u).detach()[beam.alive] for u in "xy")
        outside = float((~self.contains(x, y)).double().mean())
        if outside > _OUTSIDE:
            raise pj.errors.InvalidValueError(
                f"{outside:.1%} of the beam lie outside the pipe with semi-axes {self.semi_axes} m"
            )

    def solve(self, fractions: Tensor) -> Tensor:
        """H on the padded grid from the share of the beam in each cell. See `Potential`."""
        return _solve(fractions, self)

    # arrays, not tensors: a tensor made under a PyTorch transform must not outlive it

    @cached_property
    def _within(self) -> NDArray[np.bool_]:
        """Mask the nodes of the padded grid in the pipe."""
        return np.asarray(self.contains(*self._nodes))

    @cached_property
    def _nodes(self) -> tuple[Array, Array]:
        x, y = (self.mesh.grid.nodes(axis, ghosts=True) for axis in (0, 1))
        return x[:, None], y[None, :]

    @cached_property
    def _laplacian(self) -> sparse.csc_matrix:
        """Minus the Laplacian of the nodes in the pipe, symmetric and positive [1/m^2]."""
        hx, hy = self.mesh.grid.spacing
        corner = (hx**-2 + hy**-2) / 12
        along = {(1, 0): hx**-2 - 2 * corner, (0, 1): hy**-2 - 2 * corner}
        weights = {**along, (1, 1): corner, (1, -1): corner}
        number = np.full(self._within.shape, -1)
        number[self._within] = np.arange(self._within.sum())
        diagonal = np.zeros(self._within.sum())
        blocks = []
        for (i, j), weight in weights.items():
            for step in ((i, j), (-i, -j)):
                # the nodes of the padded grid's edge are in the metal: none of them is rolled in
                neighbour = np.roll(number, (-step[0], -step[1]), (0, 1))[self._within]
                free = neighbour >= 0
                diagonal += weight / np.minimum(self._to_wall(step[0] * hx, step[1] * hy), 1)
                rows, values = np.flatnonzero(free), np.full(free.sum(), -weight)
                place = (rows, neighbour[free])
                blocks.append(sparse.csc_matrix((values, place), (len(diagonal), len(diagonal))))
        return sum(blocks, sparse.diags(diagonal, format="csc"))

    def _to_wall(self, dx: float, dy: float) -> Array:
        """Fraction of the step (dx, dy) at which it meets the wall, from each node in the pipe."""
        (a, b), (x, y) = self.semi_axes, self._nodes
        step = (dx / a) ** 2 + (dy / b) ** 2
        slope = (x * dx / a**2 + y * dy / b**2)[self._within]
        room = (1 - (x / a) ** 2 - (y / b) ** 2)[self._within]
        return np.asarray((np.sqrt(slope**2 + step * room) - slope) / step)

    @cached_property
    def _factors(self) -> SuperLU:
        """The factorised matrix; its order of elimination is that of a symmetric one."""
        options = {"SymmetricMode": True}
        return splu(
            self._laplacian, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options
        )

    @cached_property
    def _sharpened(self) -> tuple[Array, Array]:
        """Factors of the grid along x and y, before the solution and after it."""
        return _sharpening(self._within.shape[0]), _sharpening(self._within.shape[1])

    def _potential(self, densities: Array) -> Array:
        """H at the nodes from shares of the beam there, (..., *padded shape)."""
        hx, hy = self.mesh.grid.spacing
        charges = densities[..., self._within] * (2 * math.pi / (hx * hy))
        inner = self._factors.solve(charges.reshape(-1, charges.shape[-1]).T).T
        h = np.zeros_like(densities)
        h[..., self._within] = inner.reshape(charges.shape)
        return h


def _sharpening(count: int) -> Array:
    second: Array = np.eye(count, k=1) - 2 * np.eye(count) + np.eye(count, k=-1)
    one = np.eye(count)
    return np.asarray(np.linalg.solve(one + second / 6, one + second / 24), dtype=np.float64)


def _solve(fractions: Tensor, pipe: EllipticalPipe) -> Tensor:
    if has_torch_function((fractions,)):  # pyjutrack's forward mode: take all of it as one step
        return handle_torch_function(_solve, (fractions,), fractions, pipe)
    along_x, along_y = (
        torch.as_tensor(a, dtype=fractions.dtype, device=fractions.device) for a in pipe._sharpened
    )
    h: Tensor = _Solution.apply(pipe, along_x @ fractions @ along_y)
    return along_x @ h @ along_y


class _Solution(torch.autograd.Function):
    """The sparse solution, which PyTorch cannot see into.

    It is linear and symmetric: tangents and gradients go through the same solution.
    """

    @staticmethod
    def forward(pipe: EllipticalPipe, densities: Tensor) -> Tensor:
        array = densities.detach().cpu().double().numpy()
        return torch.from_numpy(pipe._potential(array)).to(densities)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.pipe = inputs[0]

    @staticmethod
    def jvp(ctx: Any, _: None, tangent: Tensor) -> Any:
        return _Solution.apply(ctx.pipe, tangent)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return None, _Solution.apply(ctx.pipe, gradient)

    @staticmethod
    def vmap(info: Any, in_dims: Any, pipe: EllipticalPipe, densities: Tensor) -> Any:
        return _Solution.apply(pipe, densities.movedim(in_dims[1], 0)), 0
