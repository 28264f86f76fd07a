"""A Gaussian bunch without noise, arcs, and what it loses in them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import ndtri

import pyjutrack as pj
from pyjutrack.collective import CSR

ELECTRON = pj.Reference.from_total("electron", 5e9)
CHARGE, LENGTH = 1e-9, 20e-6
RADIUS = 10.0
#: q Q / (4 pi eps0 beta P0 c), with E in 1/m^2 the loss of delta per length
STRENGTH = CHARGE * 1.602176634e-19 / (4 * math.pi * 8.8541878188e-12)
STRENGTH /= ELECTRON.beta * ELECTRON.p0c * 1.602176634e-19


def quiet(count: int = 100_000, **changes: Any) -> pj.Beam:
    """A Gaussian bunch without noise or any other size."""
    rows = np.zeros((count, 6))
    rows[:, 4] = LENGTH * ndtri((np.arange(count) + 0.5) / count)
    return pj.Beam(ELECTRON, rows, **{"charge": CHARGE} | changes)


def losses(beam: pj.Beam, lattice: list[pj.Element], **options: Any) -> np.ndarray:
    """What particles lose of delta on a line, without changing their order in z."""
    end = pj.track(pj.Lattice(lattice), beam, effects=[CSR(**options)])
    return np.asarray(-(end.coordinate("delta") - beam.coordinate("delta")))


def bend(length: float, **options: Any) -> pj.SBend:
    return pj.SBend(length, length / RADIUS, **options)
