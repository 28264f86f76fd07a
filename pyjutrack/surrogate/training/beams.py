"""Random beams of many kinds, for training and for held-out tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.checks import require_range, require_real, require_reals
from ...core.errors import InvalidValueError
from ...mesh.grid import Grid

Array = NDArray[np.float64]

#: seed of the held-out beams; training refuses it
HELD_OUT_SEED = 20_260_704


class Positions(NamedTuple):
    """Macroparticles in the transverse plane: x and y, each (N,) [m], and the kind of beam."""

    kind: str
    x: Array
    y: Array


@dataclass(frozen=True)
class Beams:
    """The family from which beams are drawn.

    Attributes:
        grid: the box.
        sizes: smallest and largest rms along a principal axis, in half boxes; log-uniform.
        aspect: largest ratio of the two.
        offset: largest distance of the centre from the axis along x and y, in half boxes.
        particles: fewest and most macroparticles; log-uniform.
        pipe: semi-axes of an elliptical pipe in half boxes, beyond which nothing is drawn.
    """

    grid: Grid
    sizes: tuple[float, float]
    aspect: float
    offset: float
    particles: tuple[int, int]
    pipe: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        sizes = require_range("sizes", self.sizes, above=0)
        particles = require_range("particles", self.particles, least=1, whole=True)
        require_real("aspect", self.aspect, least=1)
        require_real("offset", self.offset, least=0)
        if sizes[1] > 1 or self.offset > 1:
            raise InvalidValueError(
                "sizes and offset are in half boxes, 1 at most, "
                f"got sizes of {sizes} and an offset of {self.offset}"
            )
        if self.pipe is not None:
            require_reals("pipe", self.pipe, 2)
            if not all(0 < a <= 1 for a in self.pipe):
                raise InvalidValueError(
                    f"the pipe must fit into the box, got {self.pipe} half boxes"
                )
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "particles", particles)

    def draw(self, seed: int, index: int) -> Positions:
        """One beam; the same for the same seed and index, whatever else was drawn."""
        rng = np.random.default_rng([seed, index])
        kind = list(KINDS)[int(rng.integers(len(KINDS)))]
        count = int(_log_uniform(rng, *self.particles))
        first = _log_uniform(rng, *self.sizes)
        low = max(self.sizes[0], first / self.aspect)
        high = min(self.sizes[1], first * self.aspect)
        rms = np.array([first, _log_uniform(rng, low, high)])
        angle = rng.uniform(0, math.pi) if rng.random() < 0.5 else 0.0
        cosine, sine = math.cos(angle), math.sin(angle)
        rotation = np.array([[cosine, -sine], [sine, cosine]])
        extent = np.sqrt((rotation**2) @ rms**2)
        wall = np.array(self.pipe or (1.0, 1.0))
        room = np.clip(wall - 3 * extent, 0, self.offset * wall)
        centre = room * rng.uniform(-1, 1, 2) if rng.random() < 0.7 else np.zeros(2)
        plane = KINDS[kind](rng, count) * rms @ rotation.T + centre
        within = ((plane / wall) ** 2).sum(1) < 1 if self.pipe else (np.abs(plane) < 1).all(1)
        half = np.array(self.grid.size) / 2
        x, y = (plane[within] * half).T
        return Positions(kind, np.ascontiguousarray(x), np.ascontiguousarray(y))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _round(rng: np.random.Generator, radius: Array) -> Array:
    angle = rng.uniform(0, 2 * math.pi, len(radius))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def _gaussian(rng: np.random.Generator, count: int) -> Array:
    return rng.standard_normal((count, 2))


def _kv(rng: np.random.Generator, count: int) -> Array:
    """Uniform in an ellipse."""
    return _round(rng, 2 * np.sqrt(rng.random(count)))


def _waterbag(rng: np.random.Generator, count: int) -> Array:
    """The projection of a uniform four-dimensional ball: parabolic."""
    ball = rng.standard_normal((count, 4))
    ball *= (rng.random(count) ** 0.25 / np.linalg.norm(ball, axis=1))[:, None]
    return ball[:, :2] * math.sqrt(6)


def _hollow(rng: np.random.Generator, count: int) -> Array:
    """A ring with Gaussian edges."""
    thickness = rng.uniform(0.2, 0.5)
    radius = np.abs(1 + thickness * rng.standard_normal(count))
    return _round(rng, radius * math.sqrt(2 / (1 + thickness**2)))


def _halo(rng: np.random.Generator, count: int) -> Array:
    """A Gaussian core in a wider Gaussian."""
    share, ratio = rng.uniform(0.05, 0.4), rng.uniform(1.5, 3)
    scale = np.where(rng.random(count) < share, ratio, 1.0)
    return rng.standard_normal((count, 2)) * (scale / math.sqrt(np.mean(scale**2)))[:, None]


def _beamlets(rng: np.random.Generator, count: int) -> Array:
    """Two to five Gaussians beside each other."""
    number = int(rng.integers(2, 6))
    centres, widths = rng.normal(0, 1, (number, 2)), rng.uniform(0.4, 0.8, number)
    which = rng.choice(number, count, p=rng.dirichlet(np.full(number, 3.0)))
    points = centres[which] + widths[which, None] * rng.standard_normal((count, 2))
    points -= points.mean(0)
    return points / points.std(0)


KINDS: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "gaussian": _gaussian,
    "kv": _kv,
    "waterbag": _waterbag,
    "hollow": _hollow,
    "halo": _halo,
    "beamlets": _beamlets,
}
