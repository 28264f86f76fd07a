"""Scalar figures of merit of a tracked beam: what `gradient` differentiates.

An observable is any function (final beam, initial beam) -> 0-d tensor; these are the usual ones.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..core.checks import require_flag
from ..core.errors import require_known
from . import moments
from .beam import COORDINATES, Beam

Observable = Callable[[Beam, Beam], Tensor]


def emittance(plane: str = "x", *, normalized: bool = True) -> Observable:
    """rms emittance at the end [m rad]."""
    require_known("plane", plane, moments.PLANES)
    require_flag("normalized", normalized)
    return lambda final, initial: moments.emittance(final, plane, normalized=normalized)


def emittance_growth(plane: str = "x") -> Observable:
    """Relative growth of the normalised rms emittance: final / initial - 1."""
    require_known("plane", plane, moments.PLANES)
    return lambda final, initial: (
        moments.emittance(final, plane, normalized=True)
        / moments.emittance(initial, plane, normalized=True)
        - 1
    )


def size(coordinate: str = "x") -> Observable:
    """rms of a coordinate at the end [m or 1]."""
    require_known("coordinate", coordinate, COORDINATES)
    return lambda final, initial: moments.sizes(final)[COORDINATES.index(coordinate)]


def centroid(coordinate: str = "x") -> Observable:
    """Mean of a coordinate at the end [m or 1]."""
    require_known("coordinate", coordinate, COORDINATES)
    return lambda final, initial: moments.centroid(final)[COORDINATES.index(coordinate)]
