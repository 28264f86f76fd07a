"""The sine solver's kernels over memory and threads, as an operator for PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import parallel, sine_kernels
from .operator import Maybe, Tensors, array, compiled_operator

Array = NDArray[Any]

#: floating-point operations of one kick of a particle, about
_KICK = 160


class Sines(NamedTuple):
    """Sine transforms between nodes and modes, symmetric about the middle, by parity and padded.

    Attributes:
        x, y: (2, modes, nodes). turned_x, turned_y: (2, nodes, modes).
        green: what each mode is multiplied by, (4, modes, modes).
        plain: the same potential in plain PyTorch.
    """

    x: Array
    y: Array
    turned_x: Array
    turned_y: Array
    green: Array
    plain: Callable[[Tensor], Tensor]


def folded(sine_x: Array, sine_y: Array, green: Array, plain: Callable[[Tensor], Tensor]) -> Sines:
    """From sines (modes, nodes), the lowest one even about the middle, and factors of the modes."""
    by_x, by_y = _by_parity(sine_x), _by_parity(sine_y)
    factors = [_padded(green[p::2, q::2], len(by_x[0]), len(by_y[0])) for p, q in _QUADRANTS]
    turned_x, turned_y = (np.ascontiguousarray(np.swapaxes(s, 1, 2)) for s in (by_x, by_y))
    return Sines(by_x, by_y, turned_x, turned_y, np.stack(factors), plain)


_QUADRANTS = ((0, 0), (0, 1), (1, 0), (1, 1))


def _by_parity(sines: Array) -> Array:
    modes, nodes = (_whole((n + 1) // 2) for n in sines.shape)
    half = sines[:, : (sines.shape[1] + 1) // 2]
    return np.stack([_padded(half[p::2], modes, nodes) for p in (0, 1)])


def _whole(count: int) -> int:
    return -(-count // sine_kernels.TILE) * sine_kernels.TILE


def _padded(a: Array, rows: int, columns: int) -> Array:
    out = np.zeros((rows, columns), a.dtype)
    out[: a.shape[0], : a.shape[1]] = a
    return out


class _Potential:
    """Input: a density on the nodes. Linear, and equal to its own transpose."""

    ranks = (2,)

    def plain(self, static: Sines, *inputs: Tensor) -> Tensors:
        return (static.plain(*inputs),)

    def value(self, static: Sines, inputs: Tensors) -> Tensors:
        return (torch.from_numpy(_solved(static, array(inputs[0].unsqueeze(0)))[0]),)

    def push(
        self, static: Sines, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        assert tangents[0] is not None
        found = _solved(static, array(torch.cat([inputs[0].unsqueeze(0), tangents[0]])))
        return (torch.from_numpy(found[0]),), (torch.from_numpy(found[1:]),)

    def cotangent(self, static: Sines, inputs: Tensors, gradients: Tensors) -> Tensors:
        return self.value(static, gradients)


def _solved(static: Sines, f: Array) -> Array:
    """The potentials of densities, (K, nx, ny)."""
    dtype, (count, nx, ny) = f.dtype, f.shape
    kinds = [a.astype(dtype, copy=False) for a in static[:5]]
    work = np.empty((4 * count, static.x.shape[2], static.y.shape[2]), dtype)
    out = np.empty((count, nx, ny), dtype)
    (_, mx, deep), (_, my, wide) = static.x.shape, static.y.shape
    operations = 4 * 2 * 2 * (deep * wide * my + mx * deep * my)
    share = min(4 * count, parallel.parts(operations * count, 1 / _KICK))
    parallel.run(sine_kernels.quadrants, 4 * count, share, f, *kinds, work)
    parallel.run(sine_kernels.unfold, count, min(count, share), work, out)
    return out


#: (sines, density) -> (potential,)
potential = compiled_operator(_Potential())
