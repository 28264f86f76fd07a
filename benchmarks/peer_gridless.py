"""The gridless mode sum of JuTrack, compiled: sines of every particle, and a loop over the modes.

JuTrack's kick (J. Qiang, PRAB 26 (2023) 024601) holds the sines and cosines of all particles, sums
the amplitudes by a matrix product, and adds the force mode by mode to all particles. This is the
same order of work without Julia's temporary arrays, on one thread as there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from .setup import STEP, Setup

MODES = 12


@njit(fastmath={"contract", "nsz"})
def _kick(x: Any, y: Any, px: Any, py: Any, a: float, b: float, factor: float) -> None:
    n = x.size
    sx, cx = np.empty((MODES, n)), np.empty((MODES, n))
    sy, cy = np.empty((MODES, n)), np.empty((MODES, n))
    for m in range(MODES):
        k, q = (m + 1) * math.pi / a, (m + 1) * math.pi / b
        for i in range(n):
            sx[m, i], cx[m, i] = math.sin(k * x[i]), math.cos(k * x[i])
            sy[m, i], cy[m, i] = math.sin(q * y[i]), math.cos(q * y[i])
    amplitudes = sx @ sy.T
    for p in range(MODES):
        k = (p + 1) * math.pi / a
        for q in range(MODES):
            r = (q + 1) * math.pi / b
            here = factor * amplitudes[p, q] / (k * k + r * r)
            for i in range(n):
                px[i] += here * k * cx[p, i] * sy[q, i]
                py[i] += here * r * sx[p, i] * cy[q, i]


def kick(setup: Setup) -> Callable[[], None]:
    """One kick of the particles of the set-up, in the box of its solver."""
    a, b = setup.kick.potential.mesh.grid.size
    c, beam = setup.beam.numpy(), setup.beam
    x, y = c[:, 0] + a / 2, c[:, 2] + b / 2
    px, py = c[:, 1].copy(), c[:, 3].copy()
    perveance = float(beam.current) * beam.reference.perveance_per_ampere()
    factor = -perveance * STEP * 8 * math.pi / (a * b * len(beam))
    return lambda: _kick(x, y, px, py, a, b, factor)
