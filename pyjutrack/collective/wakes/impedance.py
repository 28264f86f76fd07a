"""From impedances to wakes."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def wake_of_impedance(
    frequencies: Tensor, resistance: Tensor, time: Tensor, transverse: bool
) -> Tensor:
    """W(t) of the real part of an impedance, by which causality fixes it all.

    W(t) = 4 int Re Z(f) cos(2 pi f t) df from 0 up, transverse sin; Re Z is linear between the
    frequencies, whose integral is exact, and zero beyond them.

    Args:
        frequencies: ascending from 0 (F,) [Hz].
        resistance: Re Z (F,) [ohm], transverse [ohm/m].
        time: (T,) [s].

    Returns:
        (T,) [V/C], transverse [V/(C m)].

    Source: A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators, Wiley
    (1993), eqs. 2.67-2.75; L. N. G. Filon, Proc. R. Soc. Edinburgh 49 (1930) 38, of first order.
    """
    middle = (frequencies[1:] + frequencies[:-1]) / 2
    half = (frequencies[1:] - frequencies[:-1]) / 2
    mean = (resistance[1:] + resistance[:-1]) / 2
    slope = (resistance[1:] - resistance[:-1]) / (2 * half)
    parts = []
    for some in time.split(256):  # (times, frequencies) at once would fill the memory
        turn = 2 * math.pi * some.unsqueeze(-1)
        even, odd = _moments(turn * half)
        cosine, sine = torch.cos(turn * middle), torch.sin(turn * middle)
        first, second = (sine, cosine) if transverse else (cosine, -sine)
        total = mean * half * even * first + slope * half**2 * odd * second
        parts.append(4 * total.sum(-1))
    return torch.cat(parts)


def bent_between(frequencies: Tensor, size: Tensor, time: float) -> float:
    """The area of bends where frequencies are further apart than 1/time [Hz ohm].

    By each value and the straight line between its neighbours.
    """
    before, here, after = frequencies.detach()[:-2], frequencies.detach()[1:-1], frequencies[2:]
    span = after.detach() - before
    line = size[:-2] + (size[2:] - size[:-2]) * ((here - before) / span)
    bent = (size[1:-1] - line).abs() * span / 2
    return float(torch.where(span * time > 2, bent, 0.0).sum())


def _moments(w: Tensor) -> tuple[Tensor, Tensor]:
    """Integrals over u from -1 to 1 of cos(w u) and u sin(w u)."""
    small = w.abs() < 1e-2
    safe = torch.where(small, torch.ones_like(w), w)
    square = w * w
    even = torch.where(small, 2 - square / 3 + square**2 / 60, 2 * torch.sin(safe) / safe)
    series = w * (2 / 3 - square / 15 + square**2 / 420)
    odd = torch.where(small, series, 2 * (torch.sin(safe) / safe - torch.cos(safe)) / safe)
    return even, odd
