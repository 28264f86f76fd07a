"""Objectives that are usual: what `gradient` differentiates, made for a plane or a coordinate.

Each function here returns an objective: a function of the final beam, or, for growth, of both beams
by name. The same moments of a beam at hand are in `pyjutrack.moments`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor

from ..core.checks import require_flag, wrong
from ..core.errors import require_known
from . import moments
from .beam import COORDINATES, Beam

Observable = Callable[[Beam], Tensor]


def emittance(plane: str = "x", *, normalized: bool = False) -> Observable:
    """rms emittance at the end [m rad], geometric unless `normalized`; see `moments.emittance`."""
    _require_name("plane", plane, moments.PLANES)
    require_flag("normalized", normalized)
    return lambda final: moments.emittance(final, plane, normalized=normalized)


def emittance_growth(plane: str = "x") -> Callable[..., Tensor]:
    """Relative growth of the normalised rms emittance: final / initial - 1.

    Returns:
        A function of `final` and `initial`, which are given by name, so that none is taken for the
        other.
    """
    _require_name("plane", plane, moments.PLANES)

    def growth(*, final: Beam, initial: Beam) -> Tensor:
        before = moments.emittance(initial, plane, normalized=True)
        return moments.emittance(final, plane, normalized=True) / before - 1

    return growth


def size(coordinate: str = "x") -> Observable:
    """rms of a coordinate at the end [m or 1]."""
    _require_name("coordinate", coordinate, COORDINATES)
    return lambda final: moments.sizes(final)[COORDINATES.index(coordinate)]


def centroid(coordinate: str = "x") -> Observable:
    """Mean of a coordinate at the end [m or 1]."""
    _require_name("coordinate", coordinate, COORDINATES)
    return lambda final: moments.centroid(final)[COORDINATES.index(coordinate)]


def _require_name(argument: str, name: Any, known: Iterable[str]) -> None:
    """Raise for a name that is none, and for a beam in its place."""
    if isinstance(name, Beam):
        remedy = "observables are made without a beam, for gradient; of a beam take pj.moments"
        raise wrong(argument, name, "a name such as 'x'", remedy)
    require_known(argument, name, known)
