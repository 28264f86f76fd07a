"""The domain of a surrogate: the beams that it was trained on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..beam.moments import centroid, covariance, survivors
from ..core.checks import require_range, require_real, require_reals, require_whole
from ..core.storage import storable
from ..mesh.grid import Mesh
from .limits import Check, Limits

#: share of the training beams beyond each limit: at the very edge too few were seen
_RARE = 0.01
#: the reach of a beam is its centre and this many rms sizes
_REACH = 3


class Figures(NamedTuple):
    """Figures of a beam that a domain limits.

    Attributes:
        size: rms along the two principal axes [m], the smaller first.
        centre: mean of x and y [m].
        reach: |mean| + 3 rms along x and y [m].
        particles: macroparticles, or None where only their density is known.
    """

    size: tuple[float, float]
    centre: tuple[float, float]
    reach: tuple[float, float]
    particles: int | None = None

    @classmethod
    def of_particles(cls, x: Tensor, y: Tensor) -> Figures:
        """Compute those of positions (N,) [m]; N is not zero."""
        centre = x.mean(), y.mean()
        dx, dy = x - centre[0], y - centre[1]
        moments = [float((a * b).mean()) for a, b in ((dx, dx), (dx, dy), (dy, dy))]
        return cls._of((float(centre[0]), float(centre[1])), moments, x.numel())

    @classmethod
    def of_beams(cls, beam: Beam) -> list[Figures]:
        """Compute those of a beam, or of each beam of a batch, that has particles left."""
        centres, squares = centroid(beam).detach(), covariance(beam).detach()
        figures = []
        for count, centre, square in zip(
            survivors(beam).reshape(-1).tolist(),
            centres.reshape(-1, 6)[:, [0, 2]].tolist(),
            squares.reshape(-1, 6, 6).tolist(),
            strict=True,
        ):
            if count:
                moments = [square[i][j] for i, j in ((0, 0), (0, 2), (2, 2))]
                figures.append(cls._of((centre[0], centre[1]), moments, count))
        return figures

    @classmethod
    def of_density(cls, mesh: Mesh, fractions: NDArray[Any]) -> Figures:
        """Compute those of shares on the padded grid, without the width of the shape function."""
        share = fractions / fractions.sum()
        nodes = [mesh.grid.nodes(axis, ghosts=True) for axis in (0, 1)]
        along = share.sum(1), share.sum(0)
        centre = float(along[0] @ nodes[0]), float(along[1] @ nodes[1])
        dx, dy = nodes[0] - centre[0], nodes[1] - centre[1]
        own = [mesh.shape.variance * h**2 for h in mesh.grid.spacing]
        moments = [along[0] @ dx**2 - own[0], dx @ share @ dy, along[1] @ dy**2 - own[1]]
        return cls._of(centre, [float(m) for m in moments])

    @classmethod
    def _of(
        cls, centre: tuple[float, float], moments: Sequence[float], particles: int | None = None
    ) -> Figures:
        xx, xy, yy = moments
        # rounding may leave the moments of a line, or a point, a little negative
        minor, major = (
            math.sqrt(max(v, 0.0)) for v in np.linalg.eigvalsh([[xx, xy], [xy, yy]]).tolist()
        )
        rms = math.sqrt(max(xx, 0.0)), math.sqrt(max(yy, 0.0))
        reach = abs(centre[0]) + _REACH * rms[0], abs(centre[1]) + _REACH * rms[1]
        return cls((minor, major), centre, reach, particles)

    @property
    def aspect(self) -> float:
        """The larger principal size over the smaller."""
        minor, major = self.size
        return major / minor if minor > 0 else math.inf


@storable
@dataclass(frozen=True)
class Domain(Limits):
    """The limits within which nearly all beams of a training set lie: sizes and places, not shapes.

    Attributes:
        size: smallest and largest rms along a principal axis [m].
        aspect: largest ratio of the two principal sizes.
        offset: largest |mean x| or |mean y| [m].
        reach: largest |mean| + 3 rms along x and along y [m].
        particles: fewest macroparticles; more only make a smoother density.

    Raises:
        InvalidValueError: any of these is no such number.
    """

    size: tuple[float, float]
    aspect: float
    offset: float
    reach: tuple[float, float]
    particles: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", require_range("size", self.size, least=0))
        if not (isinstance(self.aspect, float) and self.aspect == math.inf):  # of beams on a line
            require_real("aspect", self.aspect, least=1)
        require_real("offset", self.offset, least=0)
        require_reals("reach", self.reach, 2)
        object.__setattr__(self, "reach", tuple(self.reach))
        require_whole("particles", self.particles, 1)

    @classmethod
    def from_figures(cls, beams: Sequence[Figures], particles: int) -> Domain:
        """The domain of beams that were drawn with at least so many (macro)particles."""

        def low(values: Iterable[float]) -> float:
            return float(np.quantile(list(values), _RARE))

        def high(values: Iterable[float]) -> float:
            return float(np.quantile(list(values), 1 - _RARE))

        return cls(
            size=(low(b.size[0] for b in beams), high(b.size[1] for b in beams)),
            aspect=high(b.aspect for b in beams),
            offset=high(max(map(abs, b.centre)) for b in beams),
            reach=(high(b.reach[0] for b in beams), high(b.reach[1] for b in beams)),
            particles=particles,
        )

    def checks(self, beam: Figures) -> Iterator[Check]:
        """Yield what of a beam to hold against the limits."""
        low, high = self.size
        minor, major = beam.size
        yield Check("smallest rms", minor, "below", low, " m")
        yield Check("largest rms", major, "above", high, " m")
        yield Check("ratio of the rms sizes", beam.aspect, "above", self.aspect)
        for u, centre, reach, most in zip("xy", beam.centre, beam.reach, self.reach, strict=True):
            offset = Check(f"offset in {u}", abs(centre), "above", self.offset, " m")
            far = Check(f"centre and three rms in {u}", reach, "above", most, " m")
            yield offset if offset.fails else far

    def violations(self, beam: Figures, *, exact: bool = True) -> list[str]:
        """Say how a beam lies outside, the number of its macroparticles too; see `Limits`."""
        few = [] if beam.particles is None else self.too_few(beam.particles)
        return [*super().violations(beam, exact=exact), *few]
