"""Convolution of a density in a box with an even function of the distance, by Fourier transforms.

The density is taken to be zero around the box (the doubled grid of R. W. Hockney, J. W. Eastwood,
Computer Simulation Using Particles, 1988, sec. 6-5-4), and no transform is made of what is zero or
not asked for: along x first, then plane by plane, which fit the cache, and the same way back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..autodiff.operator import Maybe, Tensors, array, compiled_operator
from ..kernels import parallel

Array = NDArray[Any]

#: nodes in the planes that are transformed at once, which fit the cache
_TOGETHER = 2**16
#: work of a node of the doubled grid, of which a kick of a particle is 1
_WORK = 0.25


class Spectrum(NamedTuple):
    """A real even function of the distance in the Fourier domain.

    Attributes:
        values: for wave numbers from 0 on, (X + 1, Y + 1, Z + 1), on doubled grids of 2 X, 2 Y and
            2 Z nodes.
    """

    values: Array


def fast_length(nodes: int) -> int:
    """The least half length of a doubled grid for so many nodes that is fast to transform."""
    from scipy.fft import next_fast_len  # late: it takes a moment to load

    return int(next_fast_len(nodes, real=True))


def cosine_transform(values: Tensor) -> Tensor:
    """Transform an even function of the distance, of which (X + 1, Y + 1, Z + 1) are given."""
    for axis in range(3):
        rest = values.narrow(axis, 1, values.shape[axis] - 2).flip(axis)
        values = torch.fft.rfft(torch.cat([values, rest], axis), dim=axis).real
    return values


def convolve(spectrum: Spectrum, density: Tensor) -> Tensor:
    """Convolve a density (nx, ny, nz) with the function; linear, and its own transpose."""
    return _convolve(spectrum, density)[0]


def plain_convolve(values: Tensor, density: Tensor) -> Tensor:
    """`convolve` in plain PyTorch, by the values of a spectrum that may carry derivatives."""
    lengths = [2 * (n - 1) for n in values.shape]
    for axis in (0, 1):
        rest = values.narrow(axis, 1, values.shape[axis] - 2).flip(axis)
        values = torch.cat([values, rest], axis)
    transformed = torch.fft.rfftn(density, lengths, dim=(-3, -2, -1))
    found = torch.fft.irfftn(values * transformed, lengths, dim=(-3, -2, -1))
    nx, ny, nz = density.shape[-3:]
    return found[..., :nx, :ny, :nz]


class _Convolve:
    """Input: a density. Linear, and equal to its own transpose."""

    ranks = (3,)

    def plain(self, static: Spectrum, *inputs: Tensor) -> Tensors:
        values = torch.as_tensor(static.values).to(inputs[0])
        return (plain_convolve(values, inputs[0]),)

    def value(self, static: Spectrum, inputs: Tensors) -> Tensors:
        return (torch.from_numpy(_solve(static.values, array(inputs[0]))),)

    def push(
        self, static: Spectrum, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        assert tangents[0] is not None
        pushed = np.stack([_solve(static.values, d) for d in array(tangents[0])])
        return self.value(static, inputs), (torch.from_numpy(pushed),)

    def cotangent(self, static: Spectrum, inputs: Tensors, gradients: Tensors) -> Tensors:
        return self.value(static, gradients)


def _solve(spectrum: Array, density: Array) -> Array:
    _, ny, nz = density.shape
    half, long, wide = (n - 1 for n in spectrum.shape)
    share = parallel.parts(8 * half * long * wide, _WORK)
    turned = np.empty((half + 1, ny, nz), np.complex128)
    found = np.empty(density.shape)
    parallel.run(_forward, ny, share, density, 2 * half, turned)
    parallel.run(_planes, half + 1, share, spectrum, turned)
    parallel.run(_back, ny, share, turned, 2 * half, found)
    return found.astype(density.dtype, copy=False)


def _forward(part: int, start: int, stop: int, density: Array, length: int, out: Array) -> None:
    """Transform along x, for a range of y."""
    from scipy.fft import rfft  # late: it takes a moment to load

    rows = density[:, start:stop].astype(np.float64, copy=False)
    out[:, start:stop] = rfft(rows, length, axis=0)


def _planes(part: int, start: int, stop: int, spectrum: Array, turned: Array) -> None:
    """Convolve along y and z, for a range of wave numbers along x; in place."""
    from scipy.fft import fft, ifft  # late: it takes a moment to load

    _, ny, nz = turned.shape
    long, wide = (n - 1 for n in spectrum.shape[1:])
    together = max(1, _TOGETHER // (4 * long * wide))
    for low in range(start, stop, together):
        here = slice(low, min(low + together, stop))
        planes = fft(turned[here], 2 * wide, axis=2)
        planes = fft(planes, 2 * long, axis=1, overwrite_x=True)
        values = spectrum[here]
        for y, from_y in ((slice(long + 1), values), (slice(long + 1, None), values[:, -2:0:-1])):
            planes[:, y, : wide + 1] *= from_y
            planes[:, y, wide + 1 :] *= from_y[:, :, -2:0:-1]
        planes = ifft(planes, axis=1, overwrite_x=True)[:, :ny]
        turned[here] = ifft(planes, axis=2)[:, :, :nz]


def _back(part: int, start: int, stop: int, turned: Array, length: int, out: Array) -> None:
    """Transform back along x, for a range of y."""
    from scipy.fft import irfft  # late: it takes a moment to load

    out[:, start:stop] = irfft(turned[:, start:stop], length, axis=0)[: len(out)]


_convolve = compiled_operator(_Convolve())
