"""Kicks by a long opposing beam, slice by slice, at any crossing angle."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ... import maps
from ...beam.beam import Beam
from ...beam.reference import Reference
from ...core.checks import require_reals, require_whole, wrong
from ...core.errors import InvalidValueError, ResolutionWarning, require_known, warn
from ...core.one_by_one import check_each
from ...core.scalars import Number, has_numbers, is_zero, to_float
from ...core.storage import storable
from ...elements.inverse import Operation
from .opposing import OpposingBeam, check_numbers, strength_of
from .slices import REACH, SLICINGS, cut

#: the boost takes momentum for energy; so far off may that be
_SLOW = 1e-2
#: distance of slices in rms sizes, below which the field is that of the bunch to some percent
_APART = 1.5
#: rms lengths of the bunch that one slice has in it, as an even one
_ONE = 2 * math.sqrt(math.pi)
_NUMBERS = ("charge", "x", "slope_x", "y", "slope_y", "angle", "plane", "sigma_px", "sigma_py")
_SIZES = ("sigma_x", "sigma_y", "sigma_z")


@storable
@dataclass(frozen=True)
class BeamBeam(OpposingBeam):
    """Kicks by an opposing Gaussian bunch in six dimensions, at elements of a name.

    Particles are boosted to the frame in which both beams meet head-on; there the bunch is thin
    slices, the head first, each of which kicks a particle where the two meet, with the size that
    the bunch has there; the boost is undone. Kicks are those of `BeamBeam2D`, and of delta by the
    slope of the field along the path and by the growth of the bunch, so that the whole is
    symplectic, and it is undone exactly. Positive `angle` has the heads of both bunches at positive
    x in that frame, as in Xsuite. Both beams are taken to be at the velocity of light, right to
    1/gamma^2. Beamstrahlung is left out, and so is what the kicks of a slice change in the bunch.

    Attributes:
        at: name of the elements, thin or thick, at whose centre the reference particles meet.
        charge: of the bunch [C], with its sign: -1.6e-9 for 1e10 electrons.
        sigma_x, sigma_y, sigma_z: rms sizes where the reference particles meet, and length [m].
        sigma_px, sigma_py: rms of its slopes there [rad], sigma / beta at a waist: the bunch grows
            from there; 0 for a bunch of the same size everywhere.
        x, y: its centre there, from the reference orbit [m].
        slope_x, slope_y: dx/ds and dy/ds of the centre's path [rad], beside the crossing angle.
        angle: half of the angle between the beams [rad].
        plane: in which they cross, 0 for x and s, pi/2 for y and s [rad].
        correlations: of (x, x'), (x, y), (x, y'), (x', y), (x', y') and (y, y').
        count: of slices.
        slicing: "even", evenly spaced over 9 rms lengths with charges by the density, which
            converges fastest; "charge", slices of equal charge at its mean; or "gauss", nodes and
            weights of Gauss and Hermite.

    Axes and s of all of that are those of the beam that is tracked: where the bunch's own file has
    slopes or correlations with one slope along its own motion, their signs change.

    Raises:
        InvalidValueError: any of these is not so; correlations that no beam has; a beam slower
            than gamma = 10.

    Example:
        >>> effect = pj.collective.BeamBeam(
        ...     "ip1", -2.7e-8, sigma_x=8e-6, sigma_y=4e-8, sigma_z=1e-2,
        ...     sigma_px=8e-5, sigma_py=5e-5, angle=15e-3,
        ... )

    Source: K. Hirata, H. Moshammer, F. Ruggiero, Part. Accel. 40 (1993) 205; K. Hirata, PRL 74
    (1995) 2228; L. H. A. Leunissen, F. Schmidt, G. Ripken, PRST-AB 3 (2000) 124002.
    """

    numerics: ClassVar[tuple[str, ...]] = ("count", "slicing")
    one_by_one: ClassVar[tuple[str, ...]] = (*_NUMBERS, *_SIZES)

    at: str
    charge: Number
    sigma_x: Number
    sigma_y: Number
    sigma_z: Number
    sigma_px: Number = 0.0
    sigma_py: Number = 0.0
    x: Number = 0.0
    y: Number = 0.0
    slope_x: Number = 0.0
    slope_y: Number = 0.0
    angle: Number = 0.0
    plane: Number = 0.0
    correlations: Sequence[Number] = (0.0,) * 6
    count: int = 15
    slicing: str = "even"

    @check_each
    def __post_init__(self) -> None:
        numbers, sizes = ({n: getattr(self, n) for n in names} for names in (_NUMBERS, _SIZES))
        check_numbers(self.at, numbers, sizes)
        for name in ("sigma_px", "sigma_py"):
            if to_float(numbers[name]) < 0:
                raise wrong(name, numbers[name], "0 or more")
        if not abs(to_float(self.angle)) < 1.5:
            raise wrong("angle", self.angle, "half of the angle between the beams, below 1.5 rad")
        require_reals("correlations", self.correlations, 6)
        if np.linalg.eigvalsh(_correlation_matrix(map(to_float, self.correlations))).min() < 1e-9:
            raise InvalidValueError(
                f"no beam has the correlations {tuple(map(to_float, self.correlations))}: their "
                "matrix has an eigenvalue that is not positive, and the beam no size in a direction"
            )
        require_whole("count", self.count, 1)
        require_known("slicing", self.slicing, SLICINGS)

    @property
    def shares(self) -> Sequence[float]:
        _, found = cut(self.slicing, self.count)
        return tuple(found.tolist())

    def check(self, beam: Beam) -> None:
        """Raise for a beam that is too slow, warn of slices that are too far apart."""
        rest = 1 / to_float(beam.reference.gamma) ** 2
        if rest > _SLOW:
            raise InvalidValueError(
                f"BeamBeam takes beams to be at the velocity of light, right to 1/gamma^2, which "
                f"is {rest:.2g} here; BeamBeam2D has the velocities in it"
            )
        names = ("sigma_x", "sigma_y", "sigma_z", "sigma_px", "sigma_py", "angle", "plane")
        x, y, z, px, py, angle, plane = (to_float(getattr(self, name)) for name in names)
        across = math.hypot(x * math.cos(plane), y * math.sin(plane))
        change = z * max(abs(math.tan(angle)) / across, px / x / 2, py / y / 2)
        places, _ = cut(self.slicing, self.count)
        apart = change * (np.abs(np.diff(places)).max() if self.count > 1 else _ONE)
        if apart > _APART:
            warn(
                f"slices of the bunch of BeamBeam at {self.at!r} are {apart:.2g} of its rms sizes "
                f"apart, by the crossing angle or by its growth; take count="
                f"{math.ceil(2 * REACH * change)} or more, with slicing='even'",
                ResolutionWarning,
            )

    def maps(self, reference: Reference) -> list[Operation]:
        """The boost, a kick by each slice, and the boost undone, for a reference particle."""
        places, shares = (torch.from_numpy(a.copy()) for a in cut(self.slicing, self.count))
        z = _tensor(self.sigma_z) * places
        x, x1, y, y1 = (_tensor(n) + 0 * z for n in (self.x, self.slope_x, self.y, self.slope_y))
        strength = strength_of(self.charge, reference) * shares
        if is_zero(self.angle):
            return self._kicks((strength, z, x, x1, y, y1), 1.0)
        angle, plane = _tensor(self.angle), _tensor(self.plane)
        scale = 1 / angle.cos()
        frame = tuple(map(_plain, (angle.tan(), scale, plane.cos(), plane.sin())))
        # the bunch sees its own motion reversed, and in its frame momenta are in units of that
        x, x1, y, y1, z, _ = maps.boost(x, -x1, y, -y1, z, 0 * z, *frame)
        kicks = self._kicks((strength * scale, z, x, -x1, y, -y1), scale)
        back: Any = maps.boost.inverse
        return [(maps.boost, frame), *kicks, (maps.boost, back(*frame))]

    def _kicks(self, slices: Sequence[Tensor], scale: Number) -> list[Operation]:
        """Kick by each slice, given by columns; slopes of the bunch grow by a scale."""
        sizes = self.sigma_x, self.sigma_px * scale, self.sigma_y, self.sigma_py * scale
        c = _correlation_matrix(self.correlations)
        xx, xp, xy, xq, pp, py, pq, yy, yq, qq = (
            sizes[i] * sizes[j] * c[i][j] for i in range(4) for j in range(i, 4)
        )
        moments = xx, 2 * xp, pp, xy, xq + py, pq, yy, 2 * yq, qq
        numbers = tuple(map(_plain, moments))
        rows = zip(*(_plain(column.unbind()) for column in slices), strict=True)
        return [(maps.synchro_beam, (*row, *numbers)) for row in rows]


def _tensor(value: Number) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)


def _plain(value: Any) -> Any:
    """Numbers as floats, where no derivative can be asked for by them."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return float(value) if isinstance(value, Tensor) and has_numbers(value) else value


def _correlation_matrix(correlations: Iterable[Any]) -> list[list[Any]]:
    """The matrix of (x, x', y, y'), from its upper half."""
    found: list[list[Any]] = [[1.0] * 4 for _ in range(4)]
    for (i, j), value in zip(combinations(range(4), 2), correlations, strict=True):
        found[i][j] = found[j][i] = value
    return found
