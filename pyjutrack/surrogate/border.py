"""Fold the padded grid of the particles to the cells that a network sees, and back.

Densities near a wall are continued oddly beyond it, as the sine series is: what lies in a ghost
counts negatively in its mirror cell, and the potential of a ghost is minus that of its mirror cell.
The two are each other's transpose, which keeps a symmetric network symmetric on the padded grid.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..mesh.grid import GHOSTS


def fold(padded: Tensor) -> Tensor:
    """Cells (..., nx, ny) from the padded grid."""
    return _fold(_fold(padded).mT).mT


def unfold(cells: Tensor) -> Tensor:
    """The padded grid from cells (..., nx, ny)."""
    return _unfold(_unfold(cells).mT).mT


def _fold(a: Tensor) -> Tensor:
    g = GHOSTS
    first = a[..., g : 2 * g, :] - a[..., :g, :].flip(-2)
    last = a[..., -2 * g : -g, :] - a[..., -g:, :].flip(-2)
    return torch.cat([first, a[..., 2 * g : -2 * g, :], last], -2)


def _unfold(a: Tensor) -> Tensor:
    g = GHOSTS
    return torch.cat([-a[..., :g, :].flip(-2), a, -a[..., -g:, :].flip(-2)], -2)
