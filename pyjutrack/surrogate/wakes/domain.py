"""The domain of a network for wakes: the bunches that it was trained on, shapes too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor

from ...core.checks import require_range, require_real, require_whole
from ...core.storage import storable
from ...mesh.grid import GHOSTS
from ..limits import Check, Limits

#: share of the training bunches beyond each limit: at the very edge too few were seen
_RARE = 0.005
#: relative difference of beta that is none
_SAME_SPEED = 0.01


class BunchFigures(NamedTuple):
    """Figures of a line density that a domain limits; lengths are parts of the line.

    Attributes:
        length: rms length.
        offset: |mean| from the centre of the line.
        skewness: |<(z - mean)^3>| / rms^3.
        roughness: rms length times rms slope over rms density: 0.71 of a Gaussian; structure and
            noise add to it.
    """

    length: float
    offset: float
    skewness: float
    roughness: float

    @classmethod
    def of_shares(cls, shares: Tensor) -> BunchFigures | None:
        """Compute those of shares at the nodes (nodes,); None where there are none."""
        found = shares.detach().cpu().double().numpy()
        total = found.sum()
        if not total > 0:
            return None
        found = found / total
        nodes = (np.arange(len(found)) + 0.5 - GHOSTS) / (len(found) - 2 * GHOSTS) - 0.5
        mean = float(found @ nodes)
        dz = nodes - mean
        rms = math.sqrt(max(float(found @ dz**2), 0.0))
        third = abs(float(found @ dz**3))
        slope = np.diff(found) / (nodes[1] - nodes[0])
        rough = rms * math.sqrt(float((slope**2).sum() / (found**2).sum()))
        return cls(rms, abs(mean), third / rms**3 if rms > 0 else 0.0, rough)


@storable
@dataclass(frozen=True)
class WakeDomain(Limits):
    """The limits within which nearly all bunches of a training set lie.

    Attributes:
        length: least and largest rms length, as parts of the line.
        offset, skewness, roughness: the largest; see `BunchFigures`.
        particles: fewest macroparticles.
        beta: speed of the reference over that of light.

    Raises:
        InvalidValueError: any of these is no such number.
    """

    length: tuple[float, float]
    offset: float
    skewness: float
    roughness: float
    particles: int
    beta: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", require_range("length", self.length, least=0))
        for name in ("offset", "skewness", "roughness"):
            require_real(name, getattr(self, name), least=0)
        require_whole("particles", self.particles, 1)
        require_real("beta", self.beta, above=0)

    @classmethod
    def from_figures(
        cls, bunches: Sequence[BunchFigures], particles: int, beta: float
    ) -> WakeDomain:
        """The domain of bunches of a beta, drawn with at least so many (macro)particles."""

        def limit(of: Callable[[BunchFigures], float], part: float) -> float:
            return float(np.quantile([of(b) for b in bunches], part))

        return cls(
            (limit(lambda b: b.length, _RARE), limit(lambda b: b.length, 1 - _RARE)),
            limit(lambda b: b.offset, 1 - _RARE),
            limit(lambda b: b.skewness, 1 - _RARE),
            limit(lambda b: b.roughness, 1 - _RARE),
            particles,
            beta,
        )

    def checks(self, bunch: BunchFigures) -> Iterator[Check]:
        """Yield what of a bunch to hold against the limits."""
        low, high = self.length
        yield Check("rms length", bunch.length, "below", low, " of the line")
        yield Check("rms length", bunch.length, "above", high, " of the line")
        yield Check("offset", bunch.offset, "above", self.offset, " of the line")
        yield Check("skewness", bunch.skewness, "above", self.skewness)
        yield Check("roughness", bunch.roughness, "above", self.roughness)

    def beam_violations(self, particles: int, beta: float) -> list[str]:
        """Say what besides the density is unlike training: too few particles, another beta."""
        said = self.too_few(particles)
        if abs(beta / self.beta - 1) > _SAME_SPEED:
            said.append(f"beta of {beta:.4g}, and {self.beta:.4g} in training")
        return said
