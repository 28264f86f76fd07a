"""Convolve the charge on a line with a wake, by FFT, and the memory of former passages.

Charges are spread over nodes, and the voltage is read from them, by cubic B-splines; between nodes
the wake is its average over a cell, which is a difference of its integral. These three smooth z by
a variance of 3/4 of the squared spacing in all, which is undone: the voltage less 3/8 of its second
difference. What is left is of fourth order in the spacing; at a jump of the wake itself, of second.
Source: R. W. Hockney, J. W. Eastwood, Computer Simulation Using Particles, ch. 5 (smoothing by
shape functions); the rest is elementary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.scalars import Number
from ...mesh.grid import GHOSTS
from ...mesh.line import Line
from .function import Phasor, WakeFunction

#: of the second difference: half the variance of two splines and of a cell
_SHARPEN = (2 / 3 + 1 / 12) / 2


def convolve(
    function: WakeFunction, transverse: bool, line: Line, speed: Number, sources: Tensor,
    period: Number = 0.0,
) -> Tensor:  # fmt: skip
    """The voltage at the nodes of a line, of what passes now and of what has passed before.

    Args:
        transverse: whether the wake deflects.
        speed: beta c [m/s].
        sources: charges (or their moments) at the nodes (..., P, nodes) [C], those of now first and
            of earlier passages after it.
        period: between two passages [s].

    Returns:
        (..., nodes) [V].
    """
    passages, count = sources.shape[-2:]
    step = line.spacing / speed
    # half-way between the differences of nodes, -(count - 1) to count - 1, and one more on each end
    halves = torch.arange(2 * count + 2, dtype=torch.float64, device=sources.device) - count - 0.5
    former = torch.arange(passages, dtype=torch.float64, device=sources.device).unsqueeze(-1)
    times = halves * step + former * period
    function.require_reach(float(times.detach().max()))
    after = times.detach() > 0
    safe = torch.where(after, times, torch.ones_like(times) * step)
    integral = torch.where(after, function.integral(safe, transverse), 0.0)
    kernel = _average(integral, step).to(sources.dtype)
    size = _fast_length(2 * count)
    spectrum = torch.fft.rfft(kernel[..., _order(count, size).to(kernel.device)], size)
    product = (torch.fft.rfft(sources, size) * spectrum).sum(-2)
    return torch.fft.irfft(product, size)[..., :count]


def ring_voltage(
    function: WakeFunction, transverse: bool, line: Line, speed: Number, ringing: Phasor
) -> Tensor:
    """The voltage at the nodes of a line (..., nodes) [V], of a ringing (...)."""
    step = line.spacing / speed
    halves = torch.arange(line.nodes + 3, dtype=torch.float64, device=ringing.real.device) - 1.5
    times = (line.start + (halves + 0.5 - GHOSTS) * line.spacing) * (-1 / speed)
    columns = Phasor(ringing.real.unsqueeze(-1), ringing.imaginary.unsqueeze(-1))
    integral = function.ring_integral(function.ring(columns, times), transverse)
    return -_average(integral, step).to(ringing.real.dtype)


def ring_after(function: WakeFunction, line: Line, speed: Number, sources: Tensor) -> Phasor:
    """What charges at the nodes (..., nodes) leave ringing, as the reference arrives; (...)."""
    places = torch.as_tensor(line.positions(), device=sources.device)
    start = Phasor(sources, torch.zeros_like(sources))
    rung = function.ring(start, places * (1 / speed))
    return Phasor(*(part.to(sources.dtype).sum(-1) for part in rung))


def _average(integral: Tensor, step: Number) -> Tensor:
    """Averages over cells, sharpened, of a function by its integral at n + 3 halves; n."""
    cells = integral[..., 2:-1] - integral[..., 1:-2]
    three = integral[..., 3:] - integral[..., :-3]
    return ((1 + 3 * _SHARPEN) * cells - _SHARPEN * three) / step


def _order(count: int, size: int) -> Tensor:
    """Numbers of the differences, from -(count - 1) on, in the order of a circular convolution.

    A node feels those of larger z: of difference m at index -m modulo the size. What lies between
    is met by no pair of nodes.
    """
    index = torch.arange(size)
    difference = torch.where(index < count, -index, (size - index).clamp(max=count - 1))
    return difference + count - 1


def _fast_length(least: int) -> int:
    """The least even length of factors 2, 3 and 5."""
    length = least + least % 2
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 2
