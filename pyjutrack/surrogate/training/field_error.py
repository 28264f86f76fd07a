"""Difference between the fields of two potentials."""

from __future__ import annotations

import torch
from torch import Tensor


def slopes(h: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighbouring cells along x and y, walls included: H is zero on them.

    Args:
        h: cells (..., nx, ny).

    Returns:
        (..., nx + 1, ny) and (..., nx, ny + 1), in the unit of h per cell.
    """
    return _differences(h), _differences(h.mT).mT


def relative_error(h: Tensor, exact: Tensor, weights: Tensor) -> Tensor:
    """rms of the field's error over the rms field, weighted by cell: sqrt(<w de^2> / <w e^2>).

    Args:
        h, exact: potentials on the cells (B, nx, ny).
        weights: of the cells, of the same shape; the density for a beam-weighted error.

    Returns:
        (B,).
    """
    off = sum(_weighted(d, axis, weights) for axis, d in enumerate(slopes(h - exact)))
    size = sum(_weighted(d, axis, weights) for axis, d in enumerate(slopes(exact)))
    assert isinstance(off, Tensor)
    return torch.sqrt(off / size)


def _differences(h: Tensor) -> Tensor:
    # half a cell lies between the wall and the first centre
    first, last = 2 * h[..., :1, :], -2 * h[..., -1:, :]
    return torch.cat([first, h[..., 1:, :] - h[..., :-1, :], last], -2)


def _weighted(d: Tensor, axis: int, weights: Tensor) -> Tensor:
    """Sum of squared differences, each weighted by the cells on its two sides."""
    square = d * d
    low, high = (
        (square[..., :-1, :], square[..., 1:, :])
        if axis == 0
        else (square[..., :-1], square[..., 1:])
    )
    return (weights * (low + high)).sum((-1, -2))
