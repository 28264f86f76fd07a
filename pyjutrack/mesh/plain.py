"""Particles and a grid in plain PyTorch: for all devices, and derivatives of any order.

Both axes are handled together, in few operations: each is a kernel to be launched on a device.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from .grid import Mesh
from .operators import Operators


@cache
def _place(mesh: Mesh) -> Operators:
    """Where cells are counted from in x and y [m], how many a metre, and minus their product."""
    x0, y0, sx, sy = mesh.geometry
    return Operators(np.array([x0, y0]), np.array([sx, sy]), -np.array([x0 * sx, y0 * sy]))


@cache
def _steps(mesh: Mesh) -> Operators:
    """From the first of the 16 nodes to each, flat."""
    four = np.arange(4)
    return Operators((four[:, None] * mesh.grid.padded_shape[1] + four).ravel())


@cache
def _coefficients(mesh: Mesh, orders: int) -> Operators:
    """Of the weights' polynomials and their derivatives by position: (powers, 4, orders, axes)."""
    slopes = np.stack([mesh.shape.slopes(order).T for order in range(orders)], axis=2)
    per = np.array(mesh.grid.spacing) ** -np.arange(orders)[:, None]
    return Operators(slopes[..., None] * per)


def _along(table: Tensor, particles: Tensor) -> Tensor:
    """A table with dimensions after its own, for the particles and their batches."""
    return table.reshape(*table.shape, *[1] * particles.dim())


def _stencil(mesh: Mesh, x: Tensor, y: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
    """Flat indices of the 16 nodes (..., 16 N), and the places in the cell (2, ..., N)."""
    first, per, offset = (_along(t, x) for t in _place(mesh).tensors(x.dtype, x.device))
    (steps,) = _steps(mesh).tensors(torch.int64, x.device)
    u = torch.addcmul(offset, torch.where(active, torch.stack((x, y)), first), per)
    cell = u.detach().long()  # in the box the number of a cell is positive
    i, j = cell.unbind()
    flat = i * mesh.grid.padded_shape[1] + j + _along(steps, x)
    return flat.movedim(0, -2).flatten(-2), u - cell


def _weights(mesh: Mesh, u: Tensor, orders: int) -> tuple[Tensor, Tensor]:
    """Weights of the four nodes and their derivatives by position, both (4, orders, ..., N)."""
    (table,) = _coefficients(mesh, orders).tensors(u.dtype, u.device)
    rows = _along(table, u[0]).unbind()
    total = rows[-1]
    for row in rows[-2::-1]:
        total = torch.addcmul(row, total, u)
    in_x, in_y = total.unbind(2)
    return in_x, in_y


def plain_deposit(
    mesh: Mesh, x: Tensor, y: Tensor, active: Tensor, weights: Tensor
) -> tuple[Tensor, ...]:
    """`deposit` in plain PyTorch."""
    flat, u = _stencil(mesh, x, y, active)
    in_x, in_y = _weights(mesh, u, 1)
    spread = in_x * torch.where(active, weights, 0.0) * in_y.movedim(0, 1)
    rows, columns = mesh.grid.padded_shape
    batch = x.shape[:-1]
    empty = spread.new_zeros(*batch, rows * columns)
    filled = empty.scatter_add(-1, flat, spread.flatten(0, 1).movedim(0, -2).flatten(-2))
    return (filled.reshape(*batch, rows, columns),)


def plain_interpolate(
    mesh: Mesh, x: Tensor, y: Tensor, active: Tensor, values: Tensor
) -> tuple[Tensor, ...]:
    """`interpolate` in plain PyTorch."""
    flat, u = _stencil(mesh, x, y, active)
    near = values.flatten(-2).expand(*x.shape[:-1], -1).gather(-1, flat)
    near = near.unflatten(-1, (4, 4, x.shape[-1])).movedim((-3, -2), (0, 1))
    in_x, in_y = _weights(mesh, u, 2)
    half = (near.unsqueeze(2) * in_y).sum(1)  # (nodes in x, order in y, ...)
    read = (half.unsqueeze(1) * in_x.unsqueeze(2)).sum(0)  # (order in x, order in y, ...)
    read = torch.where(active, read, 0.0)
    return read[0, 0], read[1, 0], read[0, 1]
