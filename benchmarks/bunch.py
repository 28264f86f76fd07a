"""A Gaussian bunch and its exact kicks, by which the grids of all codes are chosen.

Particles are even (Sobol) points, so that the error of a kick is that of the grid and the shape
function, and not the noise of a sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import constants
from scipy.special import ndtri
from scipy.stats import qmc

import pyjutrack as pj
from pyjutrack.collective import bassetti_erskine

from .peer import Array

REFERENCE = pj.Reference.from_kinetic("proton", 3e8)
CHARGE = 1e-10
#: of one kick [m]
STEP = 1e-3
#: rms sizes in x and y [m]
ACROSS = (1e-3, 1.2e-3)
#: rms lengths [m]: at rest about as long as wide, and long enough for slices
SHORT, LONG = 1.5e-3 / REFERENCE.gamma, 0.3
#: bunches end there, in rms sizes; a 65 000th of a Gaussian is beyond
REACH = 5.0
#: the walls about slices of ours, likewise, whose images are then 0.2 % of the kicks
WALLS = 7.0
#: particles from which an error is taken
SAMPLE = 2**14


@dataclass(frozen=True)
class Bunch:
    """Particles at rest of a Gaussian bunch.

    Attributes:
        sizes: rms in x, y and z [m].
        places: x, y and z, (N, 3) [m].
    """

    sizes: tuple[float, float, float]
    places: Array

    @property
    def half(self) -> Array:
        """Half of the sides of a box that holds it [m]."""
        return np.asarray(1.001 * REACH * np.array(self.sizes))

    def beam(self) -> pj.Beam:
        rows = np.zeros((len(self.places), 6))
        rows[:, ::2] = self.places
        return pj.Beam(REFERENCE, rows, charge=CHARGE)

    def exact(self, slices: bool, shift: Array | None = None) -> Array:
        """Kicks of px, py and, but for slices, delta, at the first particles, (2 or 3, n).

        Args:
            slices: those by slices, of two dimensions, in place of three.
            shift: read that far from the particles, (3,) [m].
        """
        at = self.places[:SAMPLE] + (0.0 if shift is None else shift)
        return _by_slices(at, self.sizes) if slices else _in_three(at, self.sizes)


def bunch(particles: int, length: float) -> Bunch:
    """Even points of a Gaussian within `REACH`; six of them stand at its ends, for the boxes."""
    points = qmc.Sobol(3, seed=1).random_base2((particles + particles // 100 + 8).bit_length())
    unit = ndtri(points.clip(1e-12, 1 - 1e-12))
    unit = unit[(unit**2).sum(1) < REACH**2][:particles]
    unit[-6:] = REACH * np.concatenate([np.eye(3), -np.eye(3)])
    sizes = (*ACROSS, length)
    return Bunch(sizes, unit * sizes)


def error(found: Array, exact: Array) -> float:
    """The worst, over the directions, of the rms error over the rms kick."""
    off = found[:, : exact.shape[1]] - exact
    return float((np.linalg.norm(off, axis=1) / np.linalg.norm(exact, axis=1)).max())


def _in_three(at: Array, sizes: tuple[float, float, float]) -> Array:
    """O. D. Kellogg, Foundations of Potential Theory (1929), ch. VII, in the rest frame.

    An integral over confocal ellipsoids, in u = 1 / sqrt(1 + q / size^2).
    """
    rest = np.array([1.0, 1.0, REFERENCE.gamma])
    places, squares = at * rest, (np.array(sizes) * rest) ** 2
    scale = float(squares.prod() ** (1 / 3))
    found = np.zeros_like(places)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    for u, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        widths = 2 * (squares + scale * (1 / u**2 - 1))
        share = np.exp(-(places**2 / widths).sum(1, keepdims=True)) / np.sqrt(widths.prod())
        found += weight * 2 * scale / u**3 * share * 2 * places / widths
    found *= 2 / math.sqrt(math.pi) * _strength() / REFERENCE.beta_gamma**2 / 2
    return np.asarray((found * rest).T)


def _by_slices(at: Array, sizes: tuple[float, float, float]) -> Array:
    (x, y, z), beta, gamma = at.T.copy(), REFERENCE.beta, REFERENCE.gamma
    slopes = bassetti_erskine(torch.from_numpy(x), torch.from_numpy(y), *sizes[:2])
    density = np.exp(-0.5 * (z / sizes[2]) ** 2) / (math.sqrt(2 * math.pi) * sizes[2])
    return np.asarray(-_strength() / (beta**2 * gamma**3) * density * np.stack(slopes))


def _strength() -> float:
    """q Q ds / (2 pi eps0 m c^2), a length squared [m^2]."""
    energy = REFERENCE.species.mass * constants.e
    return CHARGE * constants.e * STEP / (2 * math.pi * constants.epsilon_0 * energy)
