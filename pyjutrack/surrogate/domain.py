"""What beams a surrogate was trained on, and whether a beam is one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Figures(NamedTuple):
    """What a domain looks at in a beam: rms and mean of x and y [m], and macroparticles."""

    size: tuple[float, ...]
    centre: tuple[float, ...]
    particles: int | None = None

    @classmethod
    def of(cls, x: Array, y: Array) -> Figures:
        """Those of positions (N,) [m]."""
        return cls((float(x.std()), float(y.std())), (float(x.mean()), float(y.mean())), len(x))

    @property
    def aspect(self) -> float:
        """The larger rms over the smaller."""
        return max(self.size) / max(min(self.size), 1e-12)


@dataclass(frozen=True)
class Domain:
    """What the beams of a training set span.

    Attributes:
        size: smallest and largest rms along x or y [m].
        aspect: largest ratio of the two.
        offset: largest |mean x| or |mean y| [m].
        particles: fewest macroparticles; more only make a smoother density.
    """

    size: tuple[float, float]
    aspect: float
    offset: float
    particles: int

    @classmethod
    def around(cls, beams: Sequence[Figures]) -> Domain:
        """The domain that some beams span."""
        sizes = [s for b in beams for s in b.size]
        return cls(
            size=(min(sizes), max(sizes)),
            aspect=max(b.aspect for b in beams),
            offset=max(abs(c) for b in beams for c in b.centre),
            particles=min(b.particles for b in beams if b.particles is not None),
        )

    def complaints(self, beam: Figures) -> list[str]:
        """What of a beam lies outside, in words with figures; empty if nothing does.

        Figures are rounded, so that a beam that slowly grows does not warn in ever new words.
        """
        low, high = self.size
        said = [
            f"rms {u} {size:.1g} m (trained on {low:.2g} to {high:.2g} m)"
            for u, size in zip("xy", beam.size, strict=True)
            if not low <= size <= high
        ]
        if beam.aspect > self.aspect:
            said.append(f"aspect ratio {beam.aspect:.1g} (trained up to {self.aspect:.2g})")
        said += [
            f"centre at {u} = {centre:.1g} m (trained up to {self.offset:.2g} m)"
            for u, centre in zip("xy", beam.centre, strict=True)
            if abs(centre) > self.offset
        ]
        if beam.particles is not None and beam.particles < self.particles:
            said.append(f"{beam.particles} macroparticles (trained from {self.particles} on)")
        return said
