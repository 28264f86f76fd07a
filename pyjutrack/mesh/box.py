"""A box of cells around the bunch, and the adjoint pair between particles and it.

With one shape function W for all axes, <deposit(w), g> = <w, value(g)>, and the derivatives of
either are the other with a differentiated shape function. Kernels serve one beam on the CPU;
`plain_*` are their PyTorch twins, for other devices and any order of derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..autodiff.operator import Maybe, Tensors, array, compiled_operator, tensors
from ..kernels import boxes as kernels
from .grid import GHOSTS
from .line import Line, line_around
from .line import admit as admit_on_line
from .line import bounds as line_bounds
from .shapes import Shape

Array = NDArray[Any]


class Box(NamedTuple):
    """A box of even cells; values live at the nodes of its lines.

    Attributes:
        x, y, z: the lines along its axes, whichever these are, with one shape function.
    """

    x: Line
    y: Line
    z: Line

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of nodes, ghosts included."""
        return self.x.nodes, self.y.nodes, self.z.nodes

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Lengths of a cell [m]."""
        return self.x.spacing, self.y.spacing, self.z.spacing

    @property
    def used(self) -> Shape:
        """The shape function."""
        return self.x.shape

    @property
    def geometry(self) -> tuple[float, ...]:
        """Places from which particles count cells [m], and 1/spacing [1/m]; see `Line.origin`."""
        return (*(line.origin for line in self), *(1 / line.spacing for line in self))

    def inside(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """Mask the particles in the box, walls included; NaN counts as outside."""
        return self.x.inside(x) & self.y.inside(y) & self.z.inside(z)


def bounds(at: Sequence[Tensor], alive: Tensor) -> tuple[list[float], list[float]]:
    """Lowest and highest positions (..., N) of live particles along the axes; see `line.bounds`."""
    lows, highs = zip(*(line_bounds(place, alive) for place in at), strict=True)
    return [*lows], [*highs]


def admit(box: Box, at: Sequence[Tensor], alive: Tensor) -> Tensor:
    """Mask the live particles that are in the box."""
    for line, place in zip(box, at, strict=True):
        alive = admit_on_line(line, place, alive)
    return alive


def box_around(
    lows: Sequence[float], highs: Sequence[float], nodes: Sequence[int], margin: float
) -> Box:
    """A box of so many nodes, ghosts included, that follows a bunch; see `line_around`.

    Raises:
        InvalidValueError: ends that are not finite, or too few nodes.
    """
    cells = (n - 2 * GHOSTS for n in nodes)
    ends = zip(lows, highs, cells, strict=True)
    return Box(*(line_around(low, high, count, margin) for low, high, count in ends))


def deposit(box: Box, at: Sequence[Tensor], active: Tensor, weights: Tensor) -> Tensor:
    """Spread weights over a box: sum_p w_p W(x_p) W(y_p) W(z_p), (..., *box.shape).

    Args:
        at: three positions (..., N) [m]; active: the mask of those that count, all in the box.
        weights: (..., N), or (1,) for all alike, any unit.
    """
    return _deposit(box, *at, active, weights)[0]


def kick(
    box: Box,
    at: Sequence[Tensor],
    active: Tensor,
    momenta: Sequence[Tensor],
    potential: Tensor,
    factor: Tensor,
) -> Tensors:
    """Three momenta (..., N) minus factor times the slopes of a potential along the axes.

    Args:
        box, at, active: as for `deposit`.
        potential: values at the nodes, `box.shape`; a test particle in double precision may feel
            the field of a beam in single precision.
        factor: 0-d tensor.
    """
    return _kick(box, *at, active, *momenta, potential.to(at[0].dtype), factor)


def kick_in_place(
    box: Box,
    at: Sequence[Array],
    active: Array,
    momenta: Sequence[Array],
    potential: Tensor,
    factor: float,
) -> None:
    """Change three momenta that are plain numbers as `kick` does, in place."""
    (x, y, z), (px, py, pz) = at, momenta
    values = array(potential.to(torch.from_numpy(x).dtype))
    kernels.kick_in_place(_stencil(box), factor, (x, y, z), active, (px, py, pz), values)


def _stencil(box: Box) -> kernels.BoxStencil:
    return kernels.BoxStencil(box.shape, box.geometry, box.used.table, box.used.met)


def _near(box: Box, at: Sequence[Tensor], active: Tensor) -> tuple[Tensor, list[list[Tensor]]]:
    """Flat indices of the 64 nodes (..., N, 64), and weights and slopes along each axis."""
    table = box.used.table
    tables = table, np.pad(table[:, 1:] * np.arange(1, 4), ((0, 0), (0, 1)))
    flat, found = torch.zeros((), dtype=torch.long, device=active.device), []
    four = torch.arange(4, device=active.device)
    for axis, (place, nodes) in enumerate(zip(at, box.shape, strict=True)):
        origin, rate = box.geometry[axis], box.geometry[3 + axis]
        u = (torch.where(active, place, origin) - origin) * rate
        first = u.detach().floor()
        u = u - first
        index = first.long().unsqueeze(-1) + four
        flat = (flat.unsqueeze(-1) * nodes + index.unsqueeze(-2)).flatten(-2) if axis else index
        weights = []
        for power, coefficients in enumerate(tables):
            rows = [c0 + u * (c1 + u * (c2 + u * c3)) for c0, c1, c2, c3 in coefficients.tolist()]
            weights.append(torch.stack(rows, -1) * rate**power)
        found.append(weights)
    return flat, found


def _outer(one: Tensor, two: Tensor, three: Tensor) -> Tensor:
    """The products of weights along the axes, (..., N, 64)."""
    plane = (one.unsqueeze(-1) * two.unsqueeze(-2)).flatten(-2)
    return (plane.unsqueeze(-1) * three.unsqueeze(-2)).flatten(-2)


def _rows(tangent: Tensor | None, like: Tensor) -> Any:
    return np.zeros((1, len(like)), array(like).dtype) if tangent is None else array(tangent)


class _Deposit:
    """Inputs x, y, z, active, weights."""

    ranks = (1, 1, 1, 1, 1)

    def plain(self, static: Box, *inputs: Tensor) -> Tensors:
        *at, active, weights = inputs
        flat, near = _near(static, at, active)
        each = torch.where(active, weights, 0.0).unsqueeze(-1)
        amounts = (each * _outer(*(weights for weights, _ in near))).flatten(-2)
        empty = amounts.new_zeros(*active.shape[:-1], _stencil(static).nodes)
        filled = empty.scatter_add(-1, flat.flatten(-2), amounts)
        return (filled.reshape(*active.shape[:-1], *static.shape),)

    def value(self, static: Box, inputs: Tensors) -> Tensors:
        x, y, z, active, weights = map(array, inputs)
        return (torch.from_numpy(kernels.deposit(_stencil(static), (x, y, z), active, weights)),)

    def push(
        self, static: Box, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        x, y, z, active, weights = map(array, inputs)
        dx, dy, dz, _, dw = tangents
        if dw is not None:
            dw = dw.expand(-1, len(inputs[0]))
        shifts = tuple(_rows(t, inputs[0]) for t in (dx, dy, dz, dw))
        s, at = _stencil(static), (x, y, z)
        found = kernels.deposit_push(s, at, active, weights, shifts, count)
        return self.value(static, inputs), (torch.from_numpy(found),)

    def cotangent(self, static: Box, inputs: Tensors, gradients: Tensors) -> Tensors:
        x, y, z, active, g = map(array, (*inputs[:4], *gradients))
        weights = inputs[4]
        value, *along = tensors(kernels.gather(_stencil(static), (x, y, z), active, g))
        # the kernel read zeros where particles are not active
        by_weight = value if len(weights) == len(value) else value.sum(0, keepdim=True)
        return *(weights * slope for slope in along), by_weight


class _Kick:
    """Inputs x, y, z, active, three momenta, potential, factor."""

    ranks = (1, 1, 1, 1, 1, 1, 1, 3, 0)

    def plain(self, static: Box, *inputs: Tensor) -> Tensors:
        x, y, z, active, *momenta, potential, factor = inputs
        flat, near = _near(static, (x, y, z), active)
        found = potential.flatten(-3).expand(*active.shape[:-1], -1).gather(-1, flat.flatten(-2))
        found = found.reshape(*active.shape, 64)
        out = []
        for axis, momentum in enumerate(momenta):
            weights = (both[int(other == axis)] for other, both in enumerate(near))
            slope = (found * _outer(*weights)).sum(-1)
            out.append(momentum - factor * torch.where(active, slope, torch.zeros_like(slope)))
        return tuple(out)

    def value(self, static: Box, inputs: Tensors) -> Tensors:
        x, y, z, active, px, py, pz, potential = map(array, inputs[:-1])
        at, momenta = (x, y, z), (px, py, pz)
        factor = float(inputs[-1])
        return tensors(kernels.kick(_stencil(static), factor, at, active, momenta, potential))

    def push(
        self, static: Box, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        x, y, z, active, *_, potential = map(array, inputs[:-1])
        *shifts, _, dpx, dpy, dpz, dpotential, dfactor = tangents
        s, at, factor = _stencil(static), (x, y, z), float(inputs[-1])
        # the slopes' tangents, and at last those of the momenta
        found = np.zeros((3, count, len(x)), x.dtype)
        if any(shift is not None for shift in shifts):
            moved = [_rows(shift, inputs[0]) for shift in shifts]
            for slope, row in zip(
                found, _symmetric(kernels.curve(s, at, active, potential)), strict=True
            ):
                slope += sum(h * d for h, d in zip(row, moved, strict=True))
        for k, change in enumerate(() if dpotential is None else array(dpotential)):
            found[:, k] += kernels.gather(s, at, active, change)[1:]
        found *= -factor
        if dfactor is not None:
            along = kernels.gather(s, at, active, potential)[1:]
            found -= array(dfactor)[:, None] * along[:, None]
        for momentum, change in zip(found, (dpx, dpy, dpz), strict=True):
            if change is not None:
                momentum += array(change)
        return self.value(static, inputs), tensors(found)

    def cotangent(self, static: Box, inputs: Tensors, gradients: Tensors) -> Tensors:
        x, y, z, active, *_, potential = map(array, inputs[:-1])
        s, at, factor = _stencil(static), (x, y, z), inputs[-1]
        given = [-float(factor) * array(g) for g in gradients]
        second = _symmetric(kernels.curve(s, at, active, potential))
        by_place = [sum(h * g for h, g in zip(row, given, strict=True)) for row in second]
        one, still = np.ones(1, x.dtype), np.zeros((1, len(x)), x.dtype)
        shifts = (*(g[None] for g in given), still)
        (grid,) = kernels.deposit_push(s, at, active, one, shifts, 1)
        along = kernels.gather(s, at, active, potential)[1:]
        by_factor = -sum(float(array(g) @ slope) for g, slope in zip(gradients, along, strict=True))
        return (
            *tensors(by_place),
            *(g.clone() for g in gradients),
            torch.from_numpy(grid),
            torch.tensor(by_factor, dtype=factor.dtype),
        )


def _symmetric(second: Any) -> list[list[Any]]:
    """Rows of the matrix of second derivatives, of its six different entries."""
    xx, xy, xz, yy, yz, zz = second
    return [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]


_deposit = compiled_operator(_Deposit())
_kick = compiled_operator(_Kick())
