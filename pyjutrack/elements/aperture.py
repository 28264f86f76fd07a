"""Apertures: openings with sharp or soft edges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .. import maps
from ..beam.reference import Reference
from ..core.errors import InvalidValueError
from ..core.scalars import is_real
from ..maps.state import State
from .base import Element
from .glyph import Glyph, box
from .part import Part

#: a particle of less weight than this cannot matter, and is lost
NEGLIGIBLE = 1e-12


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
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"shape": ("rectangle", "ellipse", "racetrack")}
    glyph: ClassVar[Glyph] = Glyph("aperture", "#555555", box(0.6, 1) + box(-1, -0.6))

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

    @property
    def is_soft(self) -> bool:
        return self.smoothing > 0

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        if self.is_soft:
            # a test particle passes as long as any of its cloud does; the particles of a beam get
            # weights, see `soft_edges`
            x, y = (state.coordinates[i].detach() for i in (0, 2))
            inside = 1 - self.fraction_outside(x, y, self.smoothing)
            return State(state.coordinates, state.alive & (inside >= NEGLIGIBLE))
        sizes = self.half_width, self.half_height
        if self.shape == "ellipse":
            return state.apply(maps.in_ellipse, *sizes)
        racetrack = self.shape == "racetrack"
        corners = (self.corner_x, self.corner_y) if racetrack else (0.0, 0.0)
        return state.apply(maps.in_racetrack, *sizes, *corners)

    def fraction_outside(self, x: Tensor, y: Tensor, smoothing: float) -> Tensor:
        """The part of a Gaussian cloud about (x, y) that lies outside of the opening.

        Exact beside a slit of half width w,
        (erfc((w - x)/(s sqrt 2)) + erfc((w + x)/(s sqrt 2)))/2, and outside of a rectangle,
        q_x + q_y - q_x q_y. At round edges erfc(-d/(s sqrt 2))/2, with d the distance outside of
        the edge to first order, (r - 1)/|grad r| where r = 1 is the edge.

        Args:
            x, y: in the frame of the opening [m].
            smoothing: rms s of the cloud in x and in y [m].
        """
        wide, high = self.half_width, self.half_height
        scale = 1 / (math.sqrt(2) * smoothing)
        if self.shape == "ellipse":
            return _outside_edge(_distance_to_ellipse(x, y, wide, high), scale)
        qx, qy = _outside_slit(x, wide, scale), _outside_slit(y, high, scale)
        straight = qx + qy - qx * qy
        corner_x, corner_y = self.corner_x, self.corner_y
        if self.shape != "racetrack" or corner_x == 0 or corner_y == 0:
            return straight
        across, up = x.abs() - (wide - corner_x), y.abs() - (high - corner_y)
        in_corner = (across > 0) & (up > 0)
        across, up = (torch.where(in_corner, u, 1.0) for u in (across, up))
        distance = _distance_to_ellipse(across, up, corner_x, corner_y)
        return torch.where(in_corner, _outside_edge(distance, scale), straight)


def _outside_edge(distance: Tensor, scale: float) -> Tensor:
    """The part of a cloud outside of a straight edge, its middle at a distance outside of it."""
    return 0.5 * torch.erfc(-scale * distance)


def _outside_slit(x: Tensor, half: float, scale: float) -> Tensor:
    """The part of a cloud outside of a slit; none of one that is infinitely wide."""
    if math.isinf(half):
        return torch.zeros_like(x)
    return _outside_edge(x - half, scale) + _outside_edge(-half - x, scale)


def _distance_to_ellipse(x: Tensor, y: Tensor, half_width: float, half_height: float) -> Tensor:
    """Distance outside of an ellipse to first order, negative inside."""
    across, up = x / half_width, y / half_height
    square = across * across + up * up
    # at the middle the edge is far away, and the first order has no direction
    middle = square < 1e-6
    safe = torch.where(middle, 1.0, square)
    steep_x, steep_y = across / half_width, up / half_height
    steepness = torch.where(middle, 1.0, steep_x * steep_x + steep_y * steep_y).sqrt()
    distance = (safe - safe.sqrt()) / steepness
    return torch.where(middle, -min(half_width, half_height), distance)
