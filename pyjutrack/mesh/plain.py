"""Particles and a grid in plain PyTorch: for all devices, and derivatives of any order."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .grid import Mesh


def _stencil(mesh: Mesh, x: Tensor, y: Tensor, active: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Flat indices of the 16 nodes (N, 16) and the places u_x, u_y in the cell (N,)."""
    _, columns = mesh.grid.padded_shape
    x0, y0, sx, sy = mesh.geometry
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


def plain_deposit(
    mesh: Mesh, x: Tensor, y: Tensor, active: Tensor, weights: Tensor
) -> tuple[Tensor, ...]:
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


def plain_interpolate(
    mesh: Mesh, x: Tensor, y: Tensor, active: Tensor, values: Tensor
) -> tuple[Tensor, ...]:
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
