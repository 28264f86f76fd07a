"""Sines of one axis by parity, folded about the middle once or twice.

With n cells and x at the centre of cell j, mode m is sin(pi m (j + 1/2) / n). Folded once, the even
functions (m odd) and the odd ones (m even) have the n/2 cells of one half each. Where all n modes
count and n is a multiple of 4, each half is folded again, about its own middle. An odd function is
there even or odd again, and falls apart. An even one, with p = pi (j + 1/2) / (n/2), is

    sin((2 l +- 1/2) p) = sin(2 l p) cos(p/2) +- cos(2 l p) sin(p/2),

where sin(2 l p) is odd and cos(2 l p) even about the middle of the half, so that a density turned
by the angle p/2 there is folded too, and a sum and a difference give two modes.

Source: Z. Wang, Fast algorithms for the discrete W transform and for the discrete Fourier
transform, IEEE Trans. ASSP 32 (1984) 803.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: rows and columns of matrices are padded to a multiple of this
TILE = 8


@dataclass(frozen=True)
class Axis:
    """Matrices between cells and modes of one axis, for even functions and for odd ones.

    Attributes:
        cells: how many.
        sines: (2, blocks, modes, nodes), padded; turned: (2, blocks, nodes, modes).
        turns: by what two mirrored nodes are multiplied when folded again, (2, 4, nodes), or
            nothing, (0, 4, 0).
        order: which mode from the lowest on each row belongs to, by parity; -1 for none.
    """

    cells: int
    sines: Array
    turned: Array
    turns: Array
    order: list[NDArray[np.intp]]

    @property
    def deep(self) -> int:
        """Nodes of all blocks, padded."""
        return int(self.sines.shape[1] * self.sines.shape[3])

    @classmethod
    def of(cls, cells: int, modes: int) -> Axis:
        """The axis of so many cells, with modes from the lowest on."""
        twice = modes == cells and cells % 4 == 0
        blocks, order, turns = _twice(cells) if twice else _once(cells, modes)
        rows, nodes = (_whole(max(b.shape[i] for both in blocks for b in both)) for i in (0, 1))
        sines = np.stack([np.stack([_pad(b, rows, nodes) for b in both]) for both in blocks])
        places = [
            np.concatenate([np.append(o, np.full(rows - len(o), -1)) for o in both])
            for both in order
        ]
        turned = np.ascontiguousarray(np.swapaxes(sines, 2, 3))
        return cls(cells, sines, turned, turns, places)


def _once(cells: int, modes: int) -> Any:
    half = np.arange((cells + 1) // 2)
    order = [[np.arange(p, modes, 2)] for p in (0, 1)]
    blocks = [[_waves(np.sin, cells, both[0] + 1, half)] for both in order]
    return blocks, order, np.zeros((0, 4, 0))


def _twice(cells: int) -> Any:
    quarter = np.arange(cells // 4)
    fours = 4 * quarter
    # sums and differences of sines and cosines; the first of each is a mode by itself
    sums, differences = np.where(fours > 0, fours, cells), fours
    angles = math.pi * (quarter + 0.5) / cells
    sine, cosine, one = np.sin(angles), np.cos(angles), np.ones(cells // 4)
    even = [_waves(np.sin, cells, sums, quarter), _waves(np.cos, cells, differences, quarter)]
    odd = [_waves(np.sin, cells, m, quarter) for m in (fours + 2, fours + 4)]
    order = [
        [np.where(fours > 0, fours, cells - 2), np.where(fours > 0, fours - 2, 0)],
        [fours + 1, fours + 3],
    ]
    turns = [[cosine, -sine, sine, cosine], [one, one, one, -one]]
    nodes = _whole(cells // 4)
    padded = np.stack([_pad(np.stack(t), 4, nodes) for t in turns])
    return [even, odd], order, padded


def _waves(function: Any, cells: int, m: Array, j: Array) -> Array:
    return np.asarray(function(np.outer(math.pi * m / cells, j + 0.5)))


def _whole(count: int) -> int:
    return -(-count // TILE) * TILE


def _pad(a: Array, rows: int, columns: int) -> Array:
    out = np.zeros((rows, columns), a.dtype)
    out[: a.shape[0], : a.shape[1]] = a
    return out
