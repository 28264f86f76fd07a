"""Apertures: openings with sharp or soft edges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from .. import maps
from ..beam.reference import Reference
from ..core.checks import format_value
from ..core.errors import InvalidValueError
from ..core.scalars import is_real, to_float
from ..maps.state import State
from .base import Element
from .glyph import Glyph, box
from .part import Part

_LENGTHS = "half_width", "half_height", "corner_x", "corner_y", "radius_x", "radius_y"
#: what each shape is made of, and in the same order the map that tests it takes
_SIZES: dict[str, tuple[str, ...]] = {
    "rectangle": _LENGTHS[:2],
    "ellipse": _LENGTHS[:2],
    "racetrack": _LENGTHS[:4],
    "octagon": _LENGTHS[:4],
    "rectellipse": (*_LENGTHS[:2], *_LENGTHS[4:]),
    "polygon": ("vertices",),
}
_INSIDE = {
    "rectangle": maps.in_rectangle,
    "ellipse": maps.in_ellipse,
    "racetrack": maps.in_racetrack,
    "octagon": maps.in_octagon,
    "rectellipse": maps.in_rectellipse,
    "polygon": maps.in_polygon,
}
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
        shape: "rectangle", "ellipse", "racetrack", a rectangle whose corners are quarters of an
            ellipse, "octagon", one whose corners are cut off along straight lines, "rectellipse",
            inside a rectangle and an ellipse, or "polygon".
        half_width, half_height: of the opening in x and y [m], infinite if left; not of a polygon.
        corner_x, corner_y: half axes of the racetrack's corners, and what the octagon's take off
            its sides [m].
        radius_x, radius_y: half axes of the rectellipse's ellipse [m], infinite if left.
        vertices: corners (x, y) of the polygon in order [m], of any shape; where it crosses itself,
            what its outline goes about an even number of times is outside.
        smoothing: rms of the cloud in x and in y [m]; 0 is a sharp edge. At round edges, whose
            distance is taken to first order, small beside the half axes. Of rectangles, ellipses
            and racetracks only.

    Example:
        >>> pj.Aperture(half_width=0.02, half_height=0.01, shape="ellipse", name="pipe")
    """

    half_width: float = float("inf")
    half_height: float = float("inf")
    shape: str = "rectangle"
    corner_x: float = 0.0
    corner_y: float = 0.0
    radius_x: float = float("inf")
    radius_y: float = float("inf")
    vertices: tuple[tuple[float, float], ...] = ()
    smoothing: float = 0.0
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"shape": tuple(_SIZES)}
    glyph: ClassVar[Glyph] = Glyph("aperture", "#555555", box(0.6, 1) + box(-1, -0.6))

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "vertices", self._corners())
        for name in (*_LENGTHS, "smoothing"):
            size = getattr(self, name)
            if not is_real(size) or math.isnan(size):
                raise InvalidValueError(f"{self._label()}: {name} must be a number, got {size!r}")
        for name in (*_LENGTHS, "vertices"):
            given = getattr(self, name)
            if name not in _SIZES[self.shape] and given != getattr(type(self), name):
                shapes = " or ".join(shape for shape, sizes in _SIZES.items() if name in sizes)
                raise InvalidValueError(
                    f"{self._label()}: {name} = {given} is of the shape {shapes}, not {self.shape}"
                )
        for name in ("half_width", "half_height", "radius_x", "radius_y"):
            if not getattr(self, name) > 0:
                raise InvalidValueError(
                    f"{self._label()}: {name} must be positive, got {getattr(self, name)}"
                )
        if not 0 <= self.smoothing < math.inf:
            raise InvalidValueError(
                f"{self._label()}: smoothing must be finite and not negative, got "
                f"{self.smoothing} m"
            )
        if self.smoothing:
            self._require_soft()
        for name, limit in (("corner_x", "half_width"), ("corner_y", "half_height")):
            corner, size = getattr(self, name), getattr(self, limit)
            if not 0 <= corner <= size:
                raise InvalidValueError(
                    f"{self._label()}: {name} = {corner} m must lie between 0 and {limit} = {size}"
                )

    @property
    def is_soft(self) -> bool:
        return self.smoothing > 0

    @property
    def opening(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Least and largest x and y of the opening where it stands [m], infinite if unlimited.

        Of a rolled rectellipse no less than that. Rotations about x and y are left out.
        """
        roll = to_float(self.tilt) + to_float(self.z_rot)
        found = []
        for along, angle in ((self.dx, roll), (self.dy, roll - math.pi / 2)):
            # of the axis, in the frame of the opening; a right angle is one, to rounding
            u = [0.0 if abs(v) < 1e-15 else v for v in (math.cos(angle), -math.sin(angle))]
            middle = to_float(along)
            found.append((middle - self._reach(-u[0], -u[1]), middle + self._reach(*u)))
        return found[0], found[1]

    def _reach(self, ux: float, uy: float) -> float:
        """How far the opening reaches in a direction, from its middle."""

        def box(wide: float, high: float) -> float:
            return (wide * abs(ux) if ux else 0.0) + (high * abs(uy) if uy else 0.0)

        def oval(wide: float, high: float) -> float:
            return math.hypot(wide * ux if ux else 0.0, high * uy if uy else 0.0)

        wide, high = self.half_width, self.half_height
        if self.shape == "polygon":
            return max(x * ux + y * uy for x, y in self.vertices)
        if self.shape == "ellipse":
            return oval(wide, high)
        if self.shape == "racetrack":
            middle = box(wide - self.corner_x, high - self.corner_y)
            return middle + oval(self.corner_x, self.corner_y)
        if self.shape == "octagon":
            return max(box(wide - self.corner_x, high), box(wide, high - self.corner_y))
        return min(box(wide, high), oval(self.radius_x, self.radius_y))

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        if self.is_soft:
            # a test particle passes as long as any of its cloud does; the particles of a beam get
            # weights, see `soft_edges`
            x, y = (state.coordinates[i].detach() for i in (0, 2))
            inside = 1 - self.fraction_outside(x, y, self.smoothing)
            return State(state.coordinates, state.alive & (inside >= NEGLIGIBLE))
        return state.apply(_INSIDE[self.shape], *(getattr(self, n) for n in _SIZES[self.shape]))

    def fraction_outside(self, x: Tensor, y: Tensor, smoothing: float) -> Tensor:
        """The part of a Gaussian cloud about (x, y) that lies outside of the opening.

        Exact beside a slit of half width w,
        (erfc((w - x)/(s sqrt 2)) + erfc((w + x)/(s sqrt 2)))/2, and outside of a rectangle,
        q_x + q_y - q_x q_y. At round edges erfc(-d/(s sqrt 2))/2, with d the distance outside of
        the edge to first order, (r - 1)/|grad r| where r = 1 is the edge.

        Args:
            x, y: in the frame of the opening [m].
            smoothing: rms s of the cloud in x and in y [m].

        Raises:
            InvalidValueError: an octagon, a rectellipse or a polygon.
        """
        self._require_soft()
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

    def _corners(self) -> tuple[tuple[float, float], ...]:
        """The vertices as pairs of numbers, that enclose something."""
        given: Any = self.vertices
        try:
            found = tuple((float(x), float(y)) for x, y in given)
        except (TypeError, ValueError):
            found = ((math.nan, math.nan),)
        if not all(math.isfinite(u) for corner in found for u in corner):
            raise InvalidValueError(
                f"{self._label()}: vertices must be pairs of finite numbers, got "
                f"{format_value(given)}"
            )
        if (found or self.shape == "polygon") and not _encloses(found):
            raise InvalidValueError(
                f"{self._label()}: vertices must be three or more that are not on one line, got "
                f"{format_value(found)}"
            )
        return found

    def _require_soft(self) -> None:
        if self.shape in ("octagon", "rectellipse", "polygon"):
            raise InvalidValueError(
                f"{self._label()} is a {self.shape}, which has no soft edges; take a rectangle, an "
                "ellipse or a racetrack, or smoothing=0"
            )


def _encloses(corners: tuple[tuple[float, float], ...]) -> bool:
    """Return whether some corners are not on one line."""
    if len(corners) < 3:
        return False
    (x0, y0), *rest = corners
    (x1, y1) = max(rest, key=lambda c: math.hypot(c[0] - x0, c[1] - y0))
    return any((x - x0) * (y1 - y0) != (y - y0) * (x1 - x0) for x, y in rest)


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
