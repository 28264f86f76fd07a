"""Random bunches of many shapes along z, for training and for held-out tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.checks import require_range, require_real

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bunches:
    """The family from which bunches are drawn.

    Attributes:
        lengths: least and largest rms length [m]; log-uniform.
        offset: largest distance of the centre from the reference, in rms lengths.
        particles: fewest and most macroparticles; log-uniform.
        window: of the line [m], beyond which nothing is drawn; None for no limit.
    """

    lengths: tuple[float, float]
    offset: float
    particles: tuple[int, int]
    window: float | None = None

    def __post_init__(self) -> None:
        lengths = require_range("lengths", self.lengths, above=0)
        particles = require_range("particles", self.particles, least=1, whole=True)
        require_real("offset", self.offset, least=0)
        if self.window is not None:
            require_real("window", self.window, above=0)
        object.__setattr__(self, "lengths", lengths)
        object.__setattr__(self, "particles", particles)

    def draw(self, seed: int, index: int) -> tuple[str, Array]:
        """The shape of one bunch, and z of its particles [m].

        It is the same for the same seed and index, whatever else was drawn.
        """
        rng = np.random.default_rng([seed, index])
        shape = list(SHAPES)[int(rng.integers(len(SHAPES)))]
        count = int(_log_uniform(rng, *self.particles))
        z = SHAPES[shape](rng, count)
        z = (z - z.mean()) / z.std()
        z *= rng.choice([-1, 1])
        z = _log_uniform(rng, *self.lengths) * (z + self.offset * rng.uniform(-1, 1))
        if self.window is not None:
            z = z[np.abs(z) < self.window / 2]
        return shape, np.ascontiguousarray(z)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _gaussian(rng: np.random.Generator, count: int) -> Array:
    return rng.standard_normal(count)


def _parabolic(rng: np.random.Generator, count: int) -> Array:
    return 2 * rng.beta(2, 2, count) - 1


def _flat(rng: np.random.Generator, count: int) -> Array:
    """Uniform, with Gaussian edges."""
    return rng.uniform(-1, 1, count) + rng.uniform(0.08, 0.4) * rng.standard_normal(count)


def _skew(rng: np.random.Generator, count: int) -> Array:
    """A steep head and a long tail, or the reverse."""
    tail = rng.uniform(0.5, 3.0)
    return rng.standard_normal(count) - tail * np.abs(rng.standard_normal(count))


def _halo(rng: np.random.Generator, count: int) -> Array:
    """A Gaussian core in a wider Gaussian, not quite in its middle."""
    share, ratio = rng.uniform(0.05, 0.4), rng.uniform(1.5, 3)
    wide = rng.random(count) < share
    centre = rng.uniform(-1, 1)
    return np.where(wide, centre + ratio * rng.standard_normal(count), rng.standard_normal(count))


def _bunchlets(rng: np.random.Generator, count: int) -> Array:
    """Two to five Gaussians after each other."""
    number = int(rng.integers(2, 6))
    centres, widths = rng.normal(0, 1, number), rng.uniform(0.25, 0.8, number)
    which = rng.choice(number, count, p=rng.dirichlet(np.full(number, 3.0)))
    return centres[which] + widths[which] * rng.standard_normal(count)


SHAPES: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "gaussian": _gaussian,
    "parabolic": _parabolic,
    "flat": _flat,
    "skew": _skew,
    "halo": _halo,
    "bunchlets": _bunchlets,
}
