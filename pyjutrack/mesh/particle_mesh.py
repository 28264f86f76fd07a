"""The adjoint pair between particles and grid: `deposit` spreads, `interpolate` reads.

With one shape function W for both, <deposit(w), g> = <w, interpolate(g)>, and the derivatives of
either are the other with a differentiated shape function. `deposit` and `kick` are compiled on the
CPU; `plain_*` are their PyTorch twins, for other devices and any order of derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..autodiff.operator import Maybe, Tensors, array, compiled_operator, copy_tangents, tensors
from ..core.checks import require_kind, wrong
from ..core.errors import InvalidValueError
from ..kernels import mesh as kernels
from .grid import Grid, Mesh
from .plain import plain_deposit, plain_interpolate

Array = NDArray[Any]


def inside(grid: Grid, x: Tensor, y: Tensor) -> Tensor:
    """Mask the particles in the box (walls included); NaN counts as outside."""
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


def read(mesh: Mesh, x: Tensor, y: Tensor, active: Tensor, values: Tensor) -> Tensor:
    """A grid at particles, (N,), zero where not `active`; the slopes are those of `kick`.

    Args:
        mesh, x, y, active: as for `deposit_admitted`.
        values: array of shape `mesh.grid.padded_shape`, in the precision of the particles.
    """
    return _read(mesh, x, y, active, values)[0]


def read_slopes(mesh: Mesh, x: Array, y: Array, active: Array, values: Tensor) -> Array:
    """A grid and its slopes at particles that are plain numbers, (3, N)."""
    return np.asarray(kernels.gather(stencil(mesh), x, y, active, array(values)))


def _arrays(*tensors: Tensor) -> list[Any]:
    return [array(t) for t in tensors]


def _rows(tangent: Tensor | None, like: Tensor) -> Any:
    return np.zeros((1, like.shape[0]), array(like).dtype) if tangent is None else array(tangent)


def stencil(mesh: Mesh) -> kernels.Stencil:
    """A mesh as the kernels want it."""
    return kernels.Stencil(mesh.grid.padded_shape, mesh.geometry, mesh.shape.table)


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
        return tuple(
            torch.addcmul(p, along, factor, value=-1) for p, along in ((px, along_x), (py, along_y))
        )

    def value(self, static: Mesh, inputs: Tensors) -> Tensors:
        *arrays, factor = inputs
        return tensors(kernels.kick(stencil(static), float(factor), *_arrays(*arrays)))

    def push(
        self, static: Mesh, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        x, y, active, px, py, potential, factor = inputs
        dx, dy, _, dpx, dpy, dpotential, dfactor = tangents
        momenta = array(px).copy(), array(py).copy()
        pushed = copy_tangents(dpx, count, px), copy_tangents(dpy, count, py)
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
            copy_tangents(None, count, potential) if dpotential is None else array(dpotential),
            np.zeros(count) if dfactor is None else array(dfactor),
        )
        return tensors(momenta), tensors(pushed)

    def cotangent(self, static: Mesh, inputs: Tensors, gradients: Tensors) -> Tensors:
        x, y, active, _, _, potential, factor = inputs
        gx, gy = gradients
        onto = torch.zeros_like(x), torch.zeros_like(x)
        grid, by_factor = kernels.kick_cotangent(
            stencil(static),
            float(factor),
            array(x),
            array(y),
            array(active),
            array(potential),
            (array(gx), array(gy)),
            (array(onto[0]), array(onto[1])),
        )
        return (
            *onto,
            gx.clone(),
            gy.clone(),
            torch.from_numpy(grid),
            torch.tensor(by_factor, dtype=factor.dtype),
        )


class _Read:
    """Inputs x, y, active, values."""

    ranks = (1, 1, 1, 2)

    def plain(self, static: Mesh, *inputs: Tensor) -> Tensors:
        return (plain_interpolate(static, *inputs)[0],)

    def value(self, static: Mesh, inputs: Tensors) -> Tensors:
        return (torch.from_numpy(kernels.gather(stencil(static), *_arrays(*inputs))[0]),)

    def push(
        self, static: Mesh, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        x, y, active, values = _arrays(*inputs)
        dx, dy, _, dvalues = tangents
        found, *slopes = kernels.gather(stencil(static), x, y, active, values)
        pushed = sum(s * _rows(d, inputs[0]) for s, d in zip(slopes, (dx, dy), strict=True))
        pushed = np.broadcast_to(pushed, (count, len(x))).copy()
        for row, change in zip(pushed, () if dvalues is None else array(dvalues), strict=False):
            row += kernels.gather(stencil(static), x, y, active, change)[0]
        return tensors([found]), (torch.from_numpy(pushed),)

    def cotangent(self, static: Mesh, inputs: Tensors, gradients: Tensors) -> Tensors:
        x, y, active, values = _arrays(*inputs)
        g = array(gradients[0])
        _, *slopes = kernels.gather(stencil(static), x, y, active, values)
        grid = kernels.deposit(stencil(static), x, y, active, g)
        return tensors([*(g * slope for slope in slopes), grid])


_deposit = compiled_operator(_Deposit())
_kick = compiled_operator(_Kick())
_read = compiled_operator(_Read())
