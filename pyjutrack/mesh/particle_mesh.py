"""The adjoint pair between particles and grid: `deposit` spreads, `interpolate` reads.

With one shape function W for both, <deposit(w), g> = <w, interpolate(g)>, and the derivatives of
either are the other with a differentiated shape function. `deposit` and `kick` are compiled on the
CPU; `plain_*` are their PyTorch twins, for other devices and any order of derivative.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..autodiff.operator import Maybe, Tensors, array, compiled_operator, owned, tensors
from ..core.checks import require_kind, wrong
from ..core.errors import InvalidValueError
from ..kernels import mesh as kernels
from .grid import GHOSTS, Grid
from .shapes import Shape


class Mesh(NamedTuple):
    """A grid and the shape function that joins particles to it."""

    grid: Grid
    shape: Shape


def inside(grid: Grid, x: Tensor, y: Tensor) -> Tensor:
    """Which particles are in the box (walls included); NaN counts as outside."""
    half_x, half_y = grid.size[0] / 2, grid.size[1] / 2
    return (x.abs() <= half_x) & (y.abs() <= half_y)


def deposit(mesh: Mesh, x: Tensor, y: Tensor, active: Tensor, weights: Tensor) -> Tensor:
    """Spread weights over the grid: sum_p w_p W(x_p - node) W(y_p - node).

    Args:
        mesh: grid and shape.
        x, y: positions (N,) [m]; what lies outside the box does not count.
        active: mask (N,) of the particles that count.
        weights: (N,), or (1,) for all alike, any unit.

    Returns:
        Array of shape `mesh.grid.padded_shape`, in the unit of the weights per cell.
    """
    _require(mesh, x, y, active)
    count = x.shape[-1]
    if not isinstance(weights, Tensor) or not weights.dim() or weights.shape[-1] not in (1, count):
        raise wrong("weights", weights, f"a tensor ({count},) or (1,)")
    within = active & inside(mesh.grid, x.detach(), y.detach())
    return _deposit(mesh, x, y, within, weights)[0]


def deposit_admitted(mesh: Mesh, x: Tensor, y: Tensor, active: Tensor, weights: Tensor) -> Tensor:
    """`deposit` where all that is active is known to lie inside the box. Unchecked."""
    return _deposit(mesh, x, y, active, weights)[0]


def interpolate(
    mesh: Mesh, x: Tensor, y: Tensor, active: Tensor, values: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Read a grid at particles: value, d/dx and d/dy, each (N,); zero where not `active`.

    Args:
        mesh, x, y, active: as for `deposit`.
        values: array of shape `mesh.grid.padded_shape`.
    """
    _require(mesh, x, y, active)
    if not isinstance(values, Tensor) or values.shape[-2:] != mesh.grid.padded_shape:
        raise wrong("values", values, f"a tensor of the padded grid, {mesh.grid.padded_shape}")
    within = active & inside(mesh.grid, x.detach(), y.detach())
    value, along_x, along_y = plain_interpolate(mesh, x, y, within, values)
    return value, along_x, along_y


def require_mesh(mesh: Any) -> None:
    """Raise InvalidValueError for what is no Mesh."""
    require_kind("mesh", mesh, Mesh, "a Mesh", "such as that of a solver, SpectralPoisson().mesh")


def _require(mesh: Any, x: Any, y: Any, active: Any) -> None:
    require_mesh(mesh)
    for name, value in (("x", x), ("y", y), ("active", active)):
        require_kind(name, value, Tensor, "a tensor")
        if not value.dim():
            raise wrong(name, value, "a tensor (N,)")
    if y.shape != x.shape or active.shape != x.shape or active.dtype is not torch.bool:
        shapes = ", ".join(str(tuple(t.shape)) for t in (x, y, active))
        raise InvalidValueError(f"x, y and the mask active must be of one shape, got {shapes}")


def kick(
    mesh: Mesh,
    x: Tensor,
    y: Tensor,
    active: Tensor,
    px: Tensor,
    py: Tensor,
    potential: Tensor,
    factor: Tensor,
) -> tuple[Tensor, Tensor]:
    """Momenta after (px, py) -= factor grad potential(x, y), as one operator.

    Args:
        mesh, x, y, active: as for `deposit_admitted`.
        px, py: momenta (N,).
        potential: array of shape `mesh.grid.padded_shape`; a test particle in double precision may
            feel the field of a beam in single precision.
        factor: 0-d tensor.
    """
    if potential.dtype != x.dtype:
        potential = potential.to(x.dtype)
    new_px, new_py = _kick(mesh, x, y, active, px, py, potential, factor)
    return new_px, new_py


def _stencil(mesh: Mesh, x: Tensor, y: Tensor, active: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Flat indices of the 16 nodes (N, 16) and the places u_x, u_y in the cell (N,)."""
    _, columns = mesh.grid.padded_shape
    x0, y0, sx, sy = _geometry(mesh.grid)
    safe_x = torch.where(active, x, torch.zeros_like(x))
    safe_y = torch.where(active, y, torch.zeros_like(y))
    ux, uy = (safe_x - x0) * sx, (safe_y - y0) * sy
    fx, fy = ux.detach().floor(), uy.detach().floor()
    four = torch.arange(4, device=x.device)
    i, j = fx.long().unsqueeze(-1) + four, fy.long().unsqueeze(-1) + four
    flat = i.unsqueeze(-1) * columns + j.unsqueeze(-2)
    return flat.flatten(-2), ux - fx, uy - fy


def _weights(mesh: Mesh, u: Tensor, order: int, axis: int) -> Tensor:
    """Weights of the four nodes, or their derivative of an order by position: (N, 4)."""
    table = mesh.shape.table
    for _ in range(order):
        table = table[:, 1:] * np.arange(1, table.shape[1])
    table = table / mesh.grid.spacing[axis] ** order
    # numbers and not a tensor, which would have to be brought to the device every time
    return torch.stack([_polynomial(row.tolist(), u) for row in table], dim=-1)


def _polynomial(coefficients: list[float], u: Tensor) -> Tensor:
    total = torch.full_like(u, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * u + coefficient
    return total


def plain_deposit(mesh: Mesh, x: Tensor, y: Tensor, active: Tensor, weights: Tensor) -> Tensors:
    """`deposit` in plain PyTorch."""
    flat, ux, uy = _stencil(mesh, x, y, active)
    w = torch.where(active, weights, 0.0)
    product = _weights(mesh, ux, 0, 0).unsqueeze(-1) * _weights(mesh, uy, 0, 1).unsqueeze(-2)
    spread = w.unsqueeze(-1) * product.flatten(-2)
    rows, columns = mesh.grid.padded_shape
    batch = x.shape[:-1]
    empty = spread.new_zeros(*batch, rows * columns)
    filled = empty.scatter_add(-1, flat.flatten(-2), spread.flatten(-2))
    return (filled.reshape(*batch, rows, columns),)


def plain_interpolate(mesh: Mesh, x: Tensor, y: Tensor, active: Tensor, values: Tensor) -> Tensors:
    """`interpolate` in plain PyTorch."""
    flat, ux, uy = _stencil(mesh, x, y, active)
    near = values.flatten(-2).expand(*x.shape[:-1], -1).gather(-1, flat.flatten(-2))
    near = near.reshape(*x.shape, 4, 4)
    out = []
    for order_x, order_y in ((0, 0), (1, 0), (0, 1)):
        wx, wy = _weights(mesh, ux, order_x, 0), _weights(mesh, uy, order_y, 1)
        read = (near * wx.unsqueeze(-1) * wy.unsqueeze(-2)).sum((-1, -2))
        out.append(torch.where(active, read, torch.zeros_like(read)))
    return tuple(out)


def _geometry(grid: Grid) -> tuple[float, float, float, float]:
    # a particle between the centres of cells i and i + 1 has its first node at padded index
    # i - 1 + GHOSTS; places are counted from the cell for which that is 0
    first = 1 - GHOSTS
    hx, hy = grid.spacing
    return grid.position(0, first), grid.position(1, first), 1 / hx, 1 / hy


def _arrays(*tensors: Tensor) -> list[Any]:
    return [array(t) for t in tensors]


def _rows(tangent: Tensor | None, like: Tensor) -> Any:
    return np.zeros((1, like.shape[0]), array(like).dtype) if tangent is None else array(tangent)


def stencil(mesh: Mesh) -> kernels.Stencil:
    """A mesh as the kernels want it."""
    grid, used = mesh
    return kernels.Stencil(grid.padded_shape, _geometry(grid), used.table)


class _Deposit:
    """Inputs x, y, active, weights."""

    ranks = (1, 1, 1, 1)

    def plain(self, static: Mesh, *inputs: Tensor) -> Tensors:
        return plain_deposit(static, *inputs)

    def value(self, static: Mesh, inputs: Tensors) -> Tensors:
        return (torch.from_numpy(kernels.deposit(stencil(static), *_arrays(*inputs))),)

    def push(
        self, static: Mesh, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        dx, dy, _, dw = tangents
        if dw is not None:
            dw = dw.expand(-1, len(inputs[0]))
        shifts = tuple(_rows(t, inputs[0]) for t in (dx, dy, dw))
        x, y, active, w = _arrays(*inputs)
        every = np.arange(count)
        grids = kernels.deposit_push(stencil(static), x, y, active, w, every, shifts)
        return (torch.from_numpy(grids[0]),), (torch.from_numpy(grids[1:]),)

    def cotangent(self, static: Mesh, inputs: Tensors, gradients: Tensors) -> Tensors:
        x, y, active, w = inputs
        value, along_x, along_y = tensors(
            kernels.gather(stencil(static), *_arrays(x, y, active, gradients[0]))
        )
        # the kernel read zeros where particles are not active
        by_weight = value if len(w) == len(x) else value.sum(0, keepdim=True)
        return w * along_x, w * along_y, by_weight


class _Kick:
    """Inputs x, y, active, px, py, potential, factor."""

    ranks = (1, 1, 1, 1, 1, 2, 0)

    def plain(self, static: Mesh, *inputs: Tensor) -> Tensors:
        x, y, active, px, py, potential, factor = inputs
        _, along_x, along_y = plain_interpolate(static, x, y, active, potential)
        return px - factor * along_x, py - factor * along_y

    def value(self, static: Mesh, inputs: Tensors) -> Tensors:
        *arrays, factor = inputs
        return tensors(kernels.kick(stencil(static), float(factor), *_arrays(*arrays)))

    def push(
        self, static: Mesh, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        x, y, active, px, py, potential, factor = inputs
        dx, dy, _, dpx, dpy, dpotential, dfactor = tangents
        momenta = array(px).copy(), array(py).copy()
        pushed = owned(dpx, count, px), owned(dpy, count, py)
        kernels.kick_push(
            stencil(static),
            float(factor),
            array(x),
            array(y),
            array(active),
            momenta,
            array(potential),
            np.arange(count),
            (_rows(dx, x), _rows(dy, x), *pushed),
            owned(None, count, potential) if dpotential is None else array(dpotential),
            np.zeros(count) if dfactor is None else array(dfactor),
        )
        return tensors(momenta), tensors(pushed)

    def cotangent(self, static: Mesh, inputs: Tensors, gradients: Tensors) -> Tensors:
        x, y, active, _, _, potential, factor = inputs
        gx, gy = gradients
        at, grid, by_factor = kernels.kick_cotangent(
            stencil(static), float(factor), *_arrays(x, y, active, potential, gx, gy)
        )
        return (
            *tensors(at),
            gx.clone(),
            gy.clone(),
            torch.from_numpy(grid),
            torch.tensor(by_factor, dtype=factor.dtype),
        )


_deposit = compiled_operator(_Deposit())
_kick = compiled_operator(_Kick())
