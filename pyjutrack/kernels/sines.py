"""The sine solver's kernels over memory and threads, as an operator for PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..autodiff.operator import Maybe, Tensors, array, compiled_operator
from . import parallel
from .memory import allocate
from .sine_axis import Axis

Array = NDArray[Any]

#: floating-point operations of one kick of a particle, about
_KICK = 160


@cache
def _kernels() -> tuple[ModuleType, ModuleType]:
    from . import sine_folds, sine_kernels  # late: they take a moment to load

    return sine_kernels, sine_folds


class Sines(NamedTuple):
    """Sine transforms between cells and modes, by parity; see `sine_axis`.

    Attributes:
        x, y: the two axes.
        green: what each mode is multiplied by, (4, modes, modes) in the order of the axes.
        plain: the same potential in plain PyTorch.
    """

    x: Axis
    y: Axis
    green: Array
    plain: Callable[[Tensor], Tensor]


def fold_modes(cells: tuple[int, int], green: Array, plain: Callable[[Tensor], Tensor]) -> Sines:
    """Sine transforms of cells, with a factor for each mode from the lowest on, (modes, modes)."""
    x, y = (Axis.of(n, modes) for n, modes in zip(cells, green.shape, strict=True))
    # modes that only fill up a matrix have no factor
    factors = np.pad(green, ((0, 1), (0, 1)))
    quadrants = [factors[np.ix_(x.order[p], y.order[q])] for p in (0, 1) for q in (0, 1)]
    return Sines(x, y, np.ascontiguousarray(np.stack(quadrants)), plain)


class _Potential:
    """Input: a density on the nodes. Linear, and equal to its own transpose."""

    ranks = (2,)

    def plain(self, static: Sines, *inputs: Tensor) -> Tensors:
        return (static.plain(*inputs),)

    def value(self, static: Sines, inputs: Tensors) -> Tensors:
        return (torch.from_numpy(_solve(static, array(inputs[0].unsqueeze(0)))[0]),)

    def push(
        self, static: Sines, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        assert tangents[0] is not None
        found = _solve(static, array(torch.cat([inputs[0].unsqueeze(0), tangents[0]])))
        return (torch.from_numpy(found[0]),), (torch.from_numpy(found[1:]),)

    def cotangent(self, static: Sines, inputs: Tensors, gradients: Tensors) -> Tensors:
        return self.value(static, gradients)


class _Potentials(_Potential):
    """Input: several densities on the nodes, (K, nx, ny)."""

    ranks = (3,)

    def value(self, static: Sines, inputs: Tensors) -> Tensors:
        return (torch.from_numpy(_solve(static, array(inputs[0]))),)

    def push(
        self, static: Sines, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        assert tangents[0] is not None
        both = torch.cat([inputs[0].unsqueeze(0), tangents[0]])
        found = _solve(static, array(both.flatten(0, 1))).reshape(both.shape)
        return (torch.from_numpy(found[0]),), (torch.from_numpy(found[1:]),)


def _solve(static: Sines, f: Array) -> Array:
    """The potentials of densities, (K, nx, ny)."""
    dtype, count = f.dtype, len(f)
    x, y = static.x, static.y
    matrices = [a.astype(dtype, copy=False) for a in (x.sines, y.sines, x.turned, y.turned)]
    matrices += [a.astype(dtype, copy=False) for a in (x.turns, y.turns, static.green)]
    out = allocate(f.shape, dtype).numpy()
    (_, bx, mx, deep), (_, by, my, wide) = x.sines.shape, y.sines.shape
    operations = 4 * 2 * 2 * (bx * mx * deep * y.deep + by * my * wide * mx * bx)
    share = min(4 * count, parallel.parts(operations * count, 1 / _KICK))
    cells, (products, folds) = (x.cells, y.cells), _kernels()
    stages = products.stages(dtype)
    if count >= 4 * share:  # each by itself, while it is in the cache
        parallel.run(products.wholes, count, share, stages, f, *cells, *matrices, out)
        return out
    work = np.empty((4 * count, x.deep, y.deep), dtype)
    parallel.run(products.quadrants, 4 * count, share, stages, f, *cells, *matrices, work)
    parallel.run(folds.unfold, count, min(count, share), *cells, work, out)
    return out


#: (sines, density) -> (potential,)
potential = compiled_operator(_Potential())
#: (sines, densities) -> (potentials,)
potentials = compiled_operator(_Potentials())
