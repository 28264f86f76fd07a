"""Convolve the charge on a line with a wake, by FFT, and the memory of former passages.

Charges are spread over nodes, and the voltage is read from them, by cubic B-splines. Between nodes
the wake is, near zero, its average with the hat of two cells, by second differences of its double
integral, whatever it does at zero; far from there itself. The variance by which all that smooths z
is undone: the wake less half of it times its second difference. What is left is of fourth order in
the spacing, also where the wake jumps at zero, and of order 3/2 where it falls by t^(-3/2).
Source: R. W. Hockney, J. W. Eastwood, Computer Simulation Using Particles, ch. 5 (smoothing by
shape functions); the rest is elementary.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ...autodiff import value_of
from ...core.errors import InvalidValueError
from ...core.scalars import Number, to_float
from ...core.special import bool_or
from ...mesh.line import Line
from .function import Phasor, WakeFunction, is_plain

#: half the variance of two splines, in squared cells, and with a hat
_SPLINES = 1 / 3
_HAT = _SPLINES + 1 / 12
#: cells from zero, from which on the wake is smooth
_FAR = 32


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
    size = _fast_length(2 * count)
    given = function, transverse, passages, count, size, line.spacing / speed, period
    spectrum = _plain_spectrum if is_plain(given) else _spectrum
    kernel = spectrum(*given, sources.device, sources.dtype)
    product = (torch.fft.rfft(sources, size) * kernel).sum(-2)
    return torch.fft.irfft(product, size)[..., :count]


def _spectrum(
    function: WakeFunction, transverse: bool, passages: int, count: int, size: int, step: Number,
    period: Number, device: torch.device, dtype: torch.dtype,
) -> Tensor:  # fmt: skip
    """The transform of the wake between nodes, of every passage; (P, size/2 + 1)."""
    lags = torch.arange(1 - count, count, dtype=torch.float64, device=device)
    former = torch.arange(passages, dtype=torch.float64, device=device).unsqueeze(-1)
    kernel = average(function, transverse, lags * step + former * period, step)
    if not bool_or(value_of(kernel).detach().isfinite().all(), default=True):
        last = count * to_float(step) + (passages - 1) * to_float(period)
        raise InvalidValueError(
            f"the wake of {type(function).__name__} is not finite at some of the times up to "
            f"{last:.3g} s after a charge, and all of the bunch would be lost by it; let its value "
            "be finite at all times above 0"
        )
    kernel = kernel.to(dtype)
    return torch.fft.rfft(kernel[..., _order(count, size).to(device)], size)


#: of numbers without derivatives: turn by turn it is the same
_plain_spectrum = lru_cache(16)(_spectrum)


def average(function: WakeFunction, transverse: bool, times: Tensor, step: Number) -> Tensor:
    """The wake between nodes.

    Args:
        times: (P, T), ascending by `step` in the last dimension, and in the first [s].
        step: duration of a cell [s].
    """
    plain, cell = times.detach(), to_float(step)
    function.require_reach(float(plain.max()) + 2 * cell)
    mixed = int((plain[:, 0] <= _FAR * cell).sum())
    found = [_average_row(function, transverse, row, step) for row in times[:mixed].unbind(0)]
    if mixed == len(times):
        return torch.stack(found)
    smooth = _smooth(function, transverse, times[mixed:], step)
    return torch.cat([torch.stack(found), smooth]) if found else smooth


def _average_row(function: WakeFunction, transverse: bool, times: Tensor, step: Number) -> Tensor:
    """One row, from before the charge to after it."""
    plain, cell = times.detach(), to_float(step)
    start = int((plain <= -1.5 * cell).sum())
    stop = int((plain <= _FAR * cell).sum())
    parts = [torch.zeros_like(plain[:start])]
    if stop > start:
        around = _extend(times[start:stop], 2, step)
        after = around.detach() > 0
        safe = torch.where(after, around, torch.ones_like(around) * step)
        double = torch.where(after, function.double_integral(safe, transverse), 0.0)
        parts.append(_sharpen(_second_difference(double) / (step * step), _HAT))
    if stop < len(plain):
        parts.append(_smooth(function, transverse, times[stop:], step))
    return torch.cat(parts)


def _smooth(function: WakeFunction, transverse: bool, times: Tensor, step: Number) -> Tensor:
    return _sharpen(function.value(_extend(times, 1, step), transverse), _SPLINES)


def _extend(times: Tensor, count: int, step: Number) -> Tensor:
    """Some more of even times on both ends of the last dimension."""
    more = torch.arange(times.shape[-1] + 2 * count, dtype=times.dtype, device=times.device)
    return times[..., :1] + (more - count) * step


def _second_difference(values: Tensor) -> Tensor:
    """Of neighbours along the last dimension, two fewer."""
    return values[..., 2:] - 2 * values[..., 1:-1] + values[..., :-2]


def _sharpen(values: Tensor, half_variance: float) -> Tensor:
    """Undo a smoothing along the last dimension, two fewer."""
    return values[..., 1:-1] - half_variance * _second_difference(values)


def ring_voltage(
    function: WakeFunction, transverse: bool, line: Line, speed: Number, ringing: Phasor
) -> Tensor:
    """The voltage at the nodes of a line (..., nodes) [V], of a ringing (...)."""
    places = torch.as_tensor(line.positions(), device=ringing.real.device)
    times = _extend(places * (-1 / speed), 1, -line.spacing / speed)
    columns = Phasor(*(part.unsqueeze(-1) for part in ringing))
    rung = function.ring(columns, times)
    return _sharpen(function.ring_value(rung, transverse), _SPLINES).to(ringing.real.dtype)


def ring_after(function: WakeFunction, line: Line, speed: Number, sources: Tensor) -> Phasor:
    """What charges at the nodes (..., nodes) leave ringing, as the reference arrives; (...)."""
    places = torch.as_tensor(line.positions(), device=sources.device)
    start = Phasor(sources, torch.zeros_like(sources))
    rung = function.ring(start, places * (1 / speed))
    return Phasor(*(part.to(sources.dtype).sum(-1) for part in rung))


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
