"""The figures whose gradients are measured, in numbers that any code can read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import constants

import pyjutrack as pj

from ..case_optics import booster_six_times
from ..setup import CURRENT, paper_cell

Array = NDArray[np.float64]
#: a figure and its gradient by the knobs, a row a figure
Found = tuple[Array, Array]
#: prepares everything but the lattice with its knobs; its result is what is timed
Way = Callable[[], Callable[[], Found]]

PARTICLES = 50_000
#: knobs of the cell (`setup.KNOBS`): lengths [m] and strengths [1/m^2]
AT = np.array([0.2, 0.1, 29.6, 0.4, 0.1, -29.6, 0.2])
#: slices of the five elements, with a kick in the middle of each
SLICES = (4, 4, 8, 4, 4)
#: cells and nodes a side, in two and three dimensions
CELLS, NODES = 128, 32
#: rms length of the bunch [m], cut off at so many of them
LENGTH, CUT = 5e-3, 4.0

TITLES = {
    "size": f"rms size in x after the paper's cell, {PARTICLES} particles, by 7 knobs",
    "coasting": "emittance growth in x with 24 kicks of 2D space charge, by 7 knobs",
    "bunch": "emittance growth in x of a bunch, 24 kicks of 3D space charge, by 7 knobs",
    "tunes": "both tunes of the CERN PS Booster, six times around, by 288 quadrupoles",
}


@dataclass(frozen=True)
class Cell:
    """The cell's beam: coordinates (N, 6), current [A] or charge [C]."""

    reference: pj.Reference
    coordinates: Array
    current: float
    charge: float


@cache
def cell() -> Cell:
    """A coasting beam of 200 A, and a bunch with that current in its middle."""
    beam = paper_cell(PARTICLES).beam
    rows = np.array(beam.coordinates)
    points = np.random.default_rng(5).normal(size=2 * len(rows))
    rows[:, 4] = LENGTH * points[np.abs(points) < CUT][: len(rows)]
    density = CURRENT / (beam.reference.beta * constants.c)
    return Cell(beam.reference, rows, CURRENT, density * math.sqrt(2 * math.pi) * LENGTH)


def ring() -> tuple[pj.Lattice, pj.Reference, list[str]]:
    """1 416 elements, and the names of its quadrupoles."""
    lattice, reference = booster_six_times()
    return lattice, reference, [e.name for e in lattice if isinstance(e, pj.Quadrupole)]


def emittance(x: Any, px: Any) -> Any:
    """Root mean square, of arrays or tensors [m]."""
    x, px = x - x.mean(), px - px.mean()
    return ((x * x).mean() * (px * px).mean() - (x * px).mean() ** 2) ** 0.5


def versions_of(*packages: str) -> dict[str, str]:
    """Versions of installed packages by their names."""
    return {package: version(package) for package in packages}


def by_differences(value: Callable[[Array], Any], at: Array, step: float = 1e-5) -> Found:
    """Central differences, as who has no derivatives does it."""
    columns = []
    for i, here in enumerate(at):
        size = step * max(abs(here), 1e-3)
        ends = []
        for sign in (1, -1):
            moved = at.copy()
            moved[i] += sign * size
            ends.append(np.atleast_1d(value(moved)))
        columns.append((ends[0] - ends[1]) / (2 * size))
    return np.atleast_1d(value(at)), np.stack(columns, axis=1)
