"""The adjoint pair between particles and a line of cells, and its derivatives.

With one shape function W for both, <spread(w), g> = <w, gather(g)>, and the derivatives of either
are the other with a differentiated shape function: operators of any order are two kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..autodiff.operator import Maybe, Tensors, array, compiled_operator, copy_tangents
from ..kernels import lines as kernels

Array = NDArray[Any]

#: a line and its shape function, and the derivative of that by position
Static = tuple[kernels.LineStencil, kernels.LineStencil]


def _near(static: Static, z: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
    """The four nodes near each particle and the weights there, (..., N, 4), in plain PyTorch."""
    stencil, _ = static
    u = (torch.where(active, z, stencil.origin) - stencil.origin) * stencil.rate
    first = u.detach().floor()
    u = u - first
    rows = []
    for c0, c1, c2, c3 in stencil.coefficients.tolist():
        rows.append(c0 + u * (c1 + u * (c2 + u * c3)))
    nodes = first.long().unsqueeze(-1) + torch.arange(4, device=z.device)
    return nodes, torch.stack(rows, -1)


def _product(active: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """The product of columns, zero where not `active`, even if they are no numbers there."""
    return torch.where(active, one, 0.0) * torch.where(active, other, 0.0)


class Spread:
    """Inputs z, active, weights, factors."""

    ranks = (1, 1, 1, 1)

    def plain(self, static: Static, *inputs: Tensor) -> Tensors:
        z, active, weights, factors = inputs
        nodes, near = _near(static, z, active)
        amounts = _product(active, weights, factors).unsqueeze(-1) * near
        empty = amounts.new_zeros(*amounts.shape[:-2], static[0].nodes)
        return (empty.scatter_add(-1, nodes.flatten(-2), amounts.flatten(-2)),)

    def value(self, static: Static, inputs: Tensors) -> Tensors:
        return (torch.from_numpy(kernels.spread(static[0], *map(array, inputs))),)

    def push(
        self, static: Static, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        (here, moved), (dz, _, dw, df) = static, tangents
        z, active, weights, factors = map(array, inputs)
        slopes = np.zeros((count, here.nodes), z.dtype)
        for k, slope in enumerate(slopes):
            if dz is not None:
                shares = weights * factors
                slope += kernels.spread(moved, z, active, shares, array(dz[k]))
            if dw is not None:
                slope += kernels.spread(here, z, active, array(dw[k]), factors)
            if df is not None:
                slope += kernels.spread(here, z, active, weights, array(df[k]))
        return self.value(static, inputs), (torch.from_numpy(slopes),)

    def cotangent(self, static: Static, inputs: Tensors, gradients: Tensors) -> Tensors:
        (here, moved), g = static, array(gradients[0])
        z, active, weights, factors = map(array, inputs)
        one = np.ones(1, z.dtype)
        return (
            torch.from_numpy(kernels.gather(moved, z, active, weights, factors, g)),
            _as(inputs[2], kernels.gather(here, z, active, one, factors, g)),
            _as(inputs[3], kernels.gather(here, z, active, weights, one, g)),
        )


class Add:
    """Inputs z, active, column, weights, factors, values."""

    ranks = (1, 1, 1, 1, 1, 1)

    def plain(self, static: Static, *inputs: Tensor) -> Tensors:
        z, active, column, weights, factors, values = inputs
        nodes, near = _near(static, z, active)
        found = values.expand(*z.shape[:-1], -1).gather(-1, nodes.flatten(-2))
        read = (found.reshape(near.shape) * near).sum(-1)
        return (column + _product(active, weights, factors) * read,)

    def value(self, static: Static, inputs: Tensors) -> Tensors:
        z, active, column, weights, factors, values = map(array, inputs)
        changed = column.copy()
        kernels.add(static[0], z, active, weights, factors, values, changed)
        return (torch.from_numpy(changed),)

    def push(
        self, static: Static, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        (here, moved), (dz, _, dcolumn, dw, df, dvalues) = static, tangents
        z, active, _, weights, factors, values = map(array, inputs)
        changes = copy_tangents(dcolumn, count, inputs[2])
        for k, change in enumerate(changes):
            if dz is not None:
                shares = weights * factors
                kernels.add(moved, z, active, shares, array(dz[k]), values, change)
            if dw is not None:
                kernels.add(here, z, active, array(dw[k]), factors, values, change)
            if df is not None:
                kernels.add(here, z, active, weights, array(df[k]), values, change)
            if dvalues is not None:
                kernels.add(here, z, active, weights, factors, array(dvalues[k]), change)
        return self.value(static, inputs), (torch.from_numpy(changes),)

    def cotangent(self, static: Static, inputs: Tensors, gradients: Tensors) -> Tensors:
        (here, moved), g = static, array(gradients[0])
        z, active, _, weights, factors, values = map(array, inputs)
        shares = g * weights
        return (
            torch.from_numpy(kernels.gather(moved, z, active, shares, factors, values)),
            gradients[0].clone(),
            _as(inputs[3], kernels.gather(here, z, active, g, factors, values)),
            _as(inputs[4], kernels.gather(here, z, active, g, weights, values)),
            torch.from_numpy(kernels.spread(here, z, active, shares, factors)),
        )


def _as(given: Tensor, column: Array) -> Tensor:
    """A gradient (N,) as that of a column (N,), or of (1,) that stands for it."""
    return torch.from_numpy(column if len(given) == len(column) else column.sum(keepdims=True))


spread = compiled_operator(Spread())
add = compiled_operator(Add())
