"""Elements without a field: space, places, apertures, changes of frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from ..core.errors import InvalidValueError
from ..core.scalars import Number, is_real
from .base import Element


@dataclass(frozen=True, repr=False)
class Drift(Element):
    """Field-free space.

    Attributes:
        length: [m].
        model: "exact" (square root) or "paraxial".
    """

    length: Number
    model: str = field(default="exact", kw_only=True)
    abstract: ClassVar[bool] = False
    knobs: ClassVar[tuple[str, ...]] = ("length",)
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"model": ("exact", "paraxial")}


@dataclass(frozen=True, repr=False)
class Marker(Element):
    """A place with a name."""

    abstract: ClassVar[bool] = False


@dataclass(frozen=True, repr=False)
class Monitor(Element):
    """Beam position monitor: a place with a name, in a drift if it has a length.

    Attributes:
        length: [m].
    """

    length: Number = 0.0
    abstract: ClassVar[bool] = False
    knobs: ClassVar[tuple[str, ...]] = ("length",)


@dataclass(frozen=True, repr=False, kw_only=True)
class Aperture(Element):
    """A thin opening; particles outside of it are lost.

    Which particles are lost has no derivative. With a smoothing the edge is soft: each particle
    stands for a Gaussian cloud, and its weight in the beam (`Beam.weights`) is multiplied by the
    part of the cloud inside of the opening, so that moments, readings and space charge are smooth
    functions of all that moves the beam at the aperture, or the aperture. Coordinates stay as they
    are. A particle of a weight below 1e-12 is lost, and a test particle of which less than that
    passes. Moments differ from those of a sharp edge in second order in smoothing / size.

    Attributes:
        shape: "rectangle", "ellipse", or "racetrack": a rectangle whose corners are quarters of
            an ellipse.
        half_width, half_height: of the opening in x and y [m], infinite if left.
        corner_x, corner_y: half axes of the racetrack's corners [m].
        smoothing: rms of the cloud in x and in y [m]; 0 is a sharp edge. At round edges, whose
            distance is taken to first order, small beside the half axes.
    """

    half_width: float = float("inf")
    half_height: float = float("inf")
    shape: str = "rectangle"
    corner_x: float = 0.0
    corner_y: float = 0.0
    smoothing: float = 0.0
    abstract: ClassVar[bool] = False
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"shape": ("rectangle", "ellipse", "racetrack")}

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("half_width", "half_height", "corner_x", "corner_y", "smoothing"):
            size = getattr(self, name)
            if not is_real(size) or math.isnan(size):
                raise InvalidValueError(f"{self._label()}: {name} must be a number, got {size!r}")
        for name in ("half_width", "half_height"):
            if not getattr(self, name) > 0:
                raise InvalidValueError(
                    f"{self._label()}: {name} must be positive, got {getattr(self, name)}"
                )
        if not 0 <= self.smoothing < math.inf:
            raise InvalidValueError(
                f"{self._label()}: smoothing must be finite and not negative, got "
                f"{self.smoothing} m"
            )
        for name, limit in (("corner_x", "half_width"), ("corner_y", "half_height")):
            corner, size = getattr(self, name), getattr(self, limit)
            if not 0 <= corner <= size:
                raise InvalidValueError(
                    f"{self._label()}: {name} = {corner} m must lie between 0 and {limit} = {size}"
                )


@dataclass(frozen=True, repr=False)
class Patch(Element):
    """A change of the reference frame, of no length along s.

    The displacement that other elements have and undo is here kept: behind the patch, coordinates
    count from a frame translated by (dx, dy, dz) and then rotated by y_rot, x_rot and z_rot plus
    tilt. Particles drift to the new plane; dz counts as path of the reference.
    """

    abstract: ClassVar[bool] = False
