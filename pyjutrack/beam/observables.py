"""Objectives that are usual: what `gradient` differentiates, made for a plane or a coordinate.

Each function here returns an objective: a function of the final beam, or, for growth, of both beams
by name. Objectives can be pickled, and are equal where they are of the same. The same moments of a
beam at hand are in `pyjutrack.moments`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..core.checks import require_flag, wrong
from ..core.errors import require_known
from . import moments
from .beam import COORDINATES, Beam

__all__ = ["centroid", "emittance", "emittance_growth", "size"]


def __dir__() -> list[str]:
    return __all__


Observable = Callable[[Beam], Tensor]


def emittance(plane: str = "x", *, normalized: bool = False) -> Observable:
    """rms emittance at the end [m rad], geometric unless `normalized`; see `moments.emittance`.

    Args:
        plane: "x", "y" or "z".

    Example:
        >>> pj.gradient(pj.observables.emittance("y"), cell, beam, wrt=["q1.k1"])
    """
    _require_name("plane", plane, moments.PLANES)
    require_flag("normalized", normalized)
    return Emittance(plane, normalized)


def emittance_growth(plane: str = "x") -> Callable[..., Tensor]:
    """Relative growth of the normalised rms emittance: final / initial - 1.

    Args:
        plane: "x", "y" or "z".

    Returns:
        A function of `final` and `initial`, which are given by name, so that none is taken for the
        other.
    """
    _require_name("plane", plane, moments.PLANES)
    return EmittanceGrowth(plane)


def size(coordinate: str = "x") -> Observable:
    """rms of a coordinate at the end [m or 1].

    Args:
        coordinate: "x", "px", "y", "py", "z" or "delta".
    """
    _require_name("coordinate", coordinate, COORDINATES)
    return Size(coordinate)


def centroid(coordinate: str = "x") -> Observable:
    """Mean of a coordinate at the end [m or 1].

    Args:
        coordinate: "x", "px", "y", "py", "z" or "delta".
    """
    _require_name("coordinate", coordinate, COORDINATES)
    return Centroid(coordinate)


@dataclass(frozen=True)
class Emittance:
    """What `emittance` makes: data rather than a function within, which no process can send."""

    plane: str
    normalized: bool

    def __call__(self, final: Beam) -> Tensor:
        return moments.emittance(final, self.plane, normalized=self.normalized)


@dataclass(frozen=True)
class EmittanceGrowth:
    """What `emittance_growth` makes."""

    plane: str

    def __call__(self, *, final: Beam, initial: Beam) -> Tensor:
        before = moments.emittance(initial, self.plane, normalized=True)
        return moments.emittance(final, self.plane, normalized=True) / before - 1


@dataclass(frozen=True)
class Size:
    """What `size` makes."""

    coordinate: str

    def __call__(self, final: Beam) -> Tensor:
        return moments.sizes(final)[COORDINATES.index(self.coordinate)]


@dataclass(frozen=True)
class Centroid:
    """What `centroid` makes."""

    coordinate: str

    def __call__(self, final: Beam) -> Tensor:
        return moments.centroid(final)[COORDINATES.index(self.coordinate)]


def _require_name(argument: str, name: Any, known: Iterable[str]) -> None:
    """Raise for a name that is none, and for a beam in its place."""
    if isinstance(name, Beam):
        remedy = "observables are made without a beam, for gradient; of a beam take pj.moments"
        raise wrong(argument, name, "a name such as 'x'", remedy)
    require_known(argument, name, known)
