"""Whole rings, and their optics in other codes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack.elements import Magnet

#: horizontal and vertical correctors that are turned on where the closed orbit is compared
KICKS = {
    "psb": {"d3l4.hkick": 2e-4, "d9l4.vkick": -3e-4},
    "lep": {"CHA.QL5.R1.hkick": 5e-6, "CVA.QL6.R1.vkick": -5e-6, "CH.QF25.R1.hkick": 5e-6},
}


@cache
def ring(name: str) -> tuple[pj.Lattice, pj.Reference]:
    return getattr(load_example(f"rings/{name}"), name)()


def modelled(lattice: pj.Lattice, model: str) -> pj.Lattice:
    """All magnets, in few steps, and drifts in one model."""

    def changed(e: pj.Element) -> pj.Element:
        if isinstance(e, Magnet):
            return dataclasses.replace(e, model=model, steps=e.fewest)
        return dataclasses.replace(e, model=model) if isinstance(e, pj.Drift) else e

    return pj.Lattice(map(changed, lattice))


def coasting(lattice: pj.Lattice) -> pj.Lattice:
    """Cavities off, for optics at fixed momentum."""
    return pj.Lattice(
        dataclasses.replace(e, voltage=0.0) if isinstance(e, pj.RFCavity) else e for e in lattice
    )


class Optics(NamedTuple):
    """At the start of a ring; rows of two are for the modes next to x and y."""

    orbit: np.ndarray
    tunes: np.ndarray  # their fractions, up to a sign
    beta: np.ndarray
    alpha: np.ndarray


Turn = Callable[[np.ndarray], np.ndarray]


def optics(turn: Turn, delta: float = 0.0, step: float = 1e-5) -> Optics:
    """Optics of any code's map of one turn, coordinates (N, 6) to (N, 6), by differences.

    Differences are of fourth order in the step, which is the better the smaller nonlinear terms
    are, and the worse the closer it comes to rounding.
    """
    orbit = np.zeros(4)
    while True:
        matrix, end = _matrix(turn, orbit, delta, step)
        shift = np.linalg.solve(np.eye(4) - matrix, end - orbit)
        orbit = orbit + shift
        if np.abs(shift).max() < 1e-13:
            break
    # correctors couple the planes through sextupoles: modes, and not the blocks of the matrix
    form = np.kron(np.eye(2), [[0.0, 1.0], [-1.0, 0.0]])
    found = {}
    for value, v in zip(*_eigen(matrix), strict=True):
        signature = (v.conj() @ form @ v).imag
        if signature > 0:
            v = v * np.sqrt(2 / signature)
            places = np.abs(v[[0, 2]]) ** 2
            plane = 0 if abs((v[0].conj() * v[1]).imag) > abs((v[2].conj() * v[3]).imag) else 1
            alpha = -(v[2 * plane].conj() * v[2 * plane + 1]).real
            found[plane] = np.angle(value) / (2 * np.pi) % 1, places[plane], alpha
    tunes, beta, alpha = np.array([found[0], found[1]]).T
    return Optics(orbit, tunes, beta, alpha)


def _eigen(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eig(matrix)
    return values, vectors.T


def _matrix(
    turn: Turn, orbit: np.ndarray, delta: float, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """Of one turn (4, 4), and where the orbit ends."""
    steps = step * np.array([1.0, 0.1, 1.0, 0.1])
    start = np.zeros((17, 6))
    start[:, 5] = delta
    for k, factor in enumerate((1, -1, 2, -2)):
        start[4 * k : 4 * k + 4, :4] = factor * np.diag(steps)
    start[:, :4] += orbit
    end = turn(start)[:, :4]
    up, down, far_up, far_down = (end[4 * k : 4 * k + 4] for k in range(4))
    rows = (8 * (up - down) - (far_up - far_down)) / (12 * steps[:, None])
    return rows.T, end[16]


def chromaticities(turn: Turn, step: float = 5e-5) -> np.ndarray:
    """dQ / d delta of any code's map of one turn, to fourth order in the step."""
    near, far = (
        (optics(turn, s).tunes - optics(turn, -s).tunes) / (2 * s) for s in (step, 2 * step)
    )
    return (4 * near - far) / 3


def started_at(lattice: pj.Lattice, share: float) -> pj.Lattice:
    """The same ring from another element on."""
    first = int(share * len(lattice))
    return pj.Lattice([*lattice.elements[first:], *lattice.elements[:first]])
