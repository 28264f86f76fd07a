"""The potential of a density in a conducting rectangular pipe, on a box of nodes."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..autodiff.operator import Maybe, Tensors, array, compiled_operator
from ..core.scalars import Number, carries, to_float
from ..mesh.box import Box
from ..mesh.convolve import fast_length
from ..mesh.line import Line

Array = NDArray[Any]

#: spectra that are kept, of 2 MB each for 64 nodes a side
_KEPT = 16


class Modes(NamedTuple):
    """Sines of modes at the nodes, and the factor of each mode and wave number along the pipe.

    Attributes:
        x, y: (modes, nodes).
        factors: (modes in x, modes in y, wave numbers).
    """

    x: Array
    y: Array
    factors: Array


def pipe_potential(box: Box, stretch: Number, fractions: Tensor) -> Tensor:
    """Potential of charges in a pipe, sum of fractions / distance with images [1/m], at the nodes.

    Sines across, whose modes fall off as exp(-k |z|) along the pipe, averaged over a cell; as in
    `open_potential` that average, and the smoothing by the shape function, are undone.

    Args:
        box: with one smooth shape function along all axes; the ends of its lines in x and y are
            the walls.
        stretch: factor on distances along z.
        fractions: shares of the charge at the nodes, `box.shape`.

    Source: J. D. Jackson, Classical Electrodynamics, 3rd ed., sec. 3.11 (Green function by sines);
    J. Qiang, R. D. Ryne, Comput. Phys. Commun. 138 (2001) 18 (open ends, a doubled grid in z).
    """
    x, y = _sines(box.x), _sines(box.y)
    if carries(stretch):
        factors = mode_factors(box, stretch).to(fractions)
        sine_x, sine_y = (torch.from_numpy(sines).to(fractions) for sines in (x, y))
        return _plain_solve(sine_x, sine_y, factors, fractions)
    return _solve_modes(Modes(x, y, _kept(box, to_float(stretch))), fractions)[0]


@lru_cache(_KEPT)
def _kept(box: Box, stretch: float) -> Array:
    return mode_factors(box, stretch).numpy()


def _wavenumbers(line: Line) -> Array:
    return math.pi * np.arange(1, line.cells + 1) / (line.stop - line.start)


def _sines(line: Line) -> Array:
    return np.sin(np.outer(_wavenumbers(line), line.positions() - line.start))


def mode_factors(box: Box, stretch: Number) -> Tensor:
    """What each mode and wave number is multiplied by, with derivatives by the stretch."""
    kx, ky = _wavenumbers(box.x), _wavenumbers(box.y)
    half = fast_length(box.z.nodes)
    h = stretch * box.z.spacing
    k = torch.from_numpy(np.hypot(kx[:, None], ky))[..., None]
    edges = torch.arange(half + 1, dtype=torch.float64) + 0.5
    # means of exp(-k |z|) / (2 k) over cells; that about the charge has two sides
    falls = torch.exp(-k * h * edges) / (2 * k * k * h)
    green = torch.cat([1 / (k * k * h) - 2 * falls[..., :1], falls[..., :-1] - falls[..., 1:]], -1)
    spectrum = torch.fft.rfft(torch.cat([green, green[..., 1:-1].flip(-1)], -1)).real
    waves = math.pi * np.arange(half + 1) / half
    area = (box.x.stop - box.x.start) * (box.y.stop - box.y.start)
    near = box.used.on_nodes
    smoothing = near(waves) ** 2 * np.sinc(waves / (2 * math.pi))
    across = (near(kx * box.x.spacing)[:, None] * near(ky * box.y.spacing)) ** 2
    return spectrum * torch.from_numpy(16 * math.pi / area / (across[..., None] * smoothing))


def _plain_solve(x: Tensor, y: Tensor, factors: Tensor, density: Tensor) -> Tensor:
    length, nodes = 2 * (factors.shape[-1] - 1), density.shape[-1]
    modes = torch.einsum("...xyz,mx,ny->...mnz", density, x, y)
    modes = torch.fft.irfft(torch.fft.rfft(modes, length) * factors, length)[..., :nodes]
    return torch.einsum("...mnz,mx,ny->...xyz", modes, x, y)


class _SolveModes:
    """Input: a density. Linear, and equal to its own transpose."""

    ranks = (3,)

    def plain(self, static: Modes, *inputs: Tensor) -> Tensors:
        x, y, factors = (torch.as_tensor(a).to(inputs[0]) for a in static)
        return (_plain_solve(x, y, factors, inputs[0]),)

    def value(self, static: Modes, inputs: Tensors) -> Tensors:
        return (torch.from_numpy(_solve(static, array(inputs[0]))),)

    def push(
        self, static: Modes, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        assert tangents[0] is not None
        pushed = np.stack([_solve(static, d) for d in array(tangents[0])])
        return self.value(static, inputs), (torch.from_numpy(pushed),)

    def cotangent(self, static: Modes, inputs: Tensors, gradients: Tensors) -> Tensors:
        return self.value(static, gradients)


def _solve(static: Modes, density: Array) -> Array:
    from scipy.fft import irfft, rfft  # late: it takes a moment to load

    x, y, factors = static
    length, nodes = 2 * (factors.shape[-1] - 1), density.shape[-1]
    modes = y @ np.tensordot(x, density.astype(np.float64, copy=False), 1)
    modes = irfft(rfft(modes, length) * factors, length)[..., :nodes]
    return np.tensordot(x.T, y.T @ modes, 1).astype(density.dtype, copy=False)


_solve_modes = compiled_operator(_SolveModes())
