"""Wire scanners and screens: profiles of the beam in one and in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..beam.beam import Beam
from ..beam.moments import survivors
from ..collective import BSPLINE, Grid, Mesh, deposit
from ..core.errors import InvalidValueError, require_known
from ..core.storage import storable
from .bins import Bins
from .instrument import Instrument

_COLUMNS = {"x": 0, "y": 2}
#: so many pixels no camera has
_MANY = 10**8


@storable
@dataclass(frozen=True, kw_only=True)
class WireScanner(Instrument):
    """The fraction of the particles alive in each bin of one coordinate, (bins,).

    See `Bins` for how a particle is counted. What lies outside of the range does not count, so
    that the sum is less than one if the range is too small; it is zero if no particle is alive.

    Attributes:
        plane: "x" or "y", the coordinate that is measured.
        centre, width: of the range [m].
        bins: how many.
        resolution: rms of the instrument [m].

    Raises:
        InvalidValueError: as for `Bins`. UnknownNameError: another plane.
    """

    plane: str = "x"
    centre: float = 0.0
    width: float
    bins: int
    resolution: float = 0.0
    #: the bins along the axis, and the names of the axes
    axes: tuple[Bins, ...] = field(init=False, repr=False, compare=False)
    labels: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_known(f"plane of the WireScanner at {self.at!r}", self.plane, _COLUMNS)
        super().__post_init__()
        axis = _axis(self, self.centre, self.width, self.bins, self.resolution)
        object.__setattr__(self, "axes", (axis,))
        object.__setattr__(self, "labels", (self.plane,))

    def _suffix(self) -> str:
        return f"wire_{self.plane}"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.bins,)

    @cached_property
    def _across(self) -> Tensor:
        """Sums a mesh over its other axis: weights of a particle add up to one there."""
        return torch.ones(self._mesh.grid.padded_shape[1], 1, dtype=torch.float64)

    @cached_property
    def _mesh(self) -> Mesh:
        return _mesh(self.axes[0], None)

    def read(self, beam: Beam) -> Tensor:
        """The profile of a beam on the bins."""
        along = beam.coordinates[..., _COLUMNS[self.plane]] - self.centre
        found = _spread(self._mesh, beam, along, torch.zeros_like(along))
        (bins,) = self.axes
        return (_as(bins.matrix, found) @ (found @ _as(self._across, found)))[..., 0]


@storable
@dataclass(frozen=True, kw_only=True)
class Screen(Instrument):
    """The image of the beam: fraction of the particles alive in each pixel, `shape`.

    See `Bins` for how a particle is counted; the first index goes along x, upwards in both.

    Attributes:
        size: width and height [m].
        shape: pixels in x and y, and of the reading.
        centre: (x, y) [m].
        resolution: rms in both planes [m], or one for each.

    Raises:
        InvalidValueError: as for `Bins`; not two numbers where there should be; more than 1e8
            pixels.
    """

    size: tuple[float, float]
    shape: tuple[int, int]
    centre: tuple[float, float] = (0.0, 0.0)
    resolution: float | tuple[float, float] = 0.0
    #: the bins along x and y, and the names of the axes
    axes: tuple[Bins, ...] = field(init=False, repr=False, compare=False)
    labels: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.resolution, (int, float)):
            object.__setattr__(self, "resolution", (self.resolution,) * 2)
        for name in ("size", "shape", "centre", "resolution"):
            pair: Any = getattr(self, name)
            if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
                raise InvalidValueError(
                    f"Screen at {self.at!r}: {name} must be two numbers, for x and y, got {pair!r}"
                )
            object.__setattr__(self, name, tuple(pair))
        of_both: Any = (self.centre, self.size, self.shape, self.resolution)
        axes = tuple(_axis(self, *one) for one in zip(*of_both, strict=True))
        pixels = axes[0].count * axes[1].count
        if pixels > _MANY:
            raise InvalidValueError(
                f"Screen at {self.at!r}: {pixels} pixels are more than the {_MANY} that a screen "
                "may have; take fewer"
            )
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "labels", ("x", "y"))

    def _suffix(self) -> str:
        return "screen"

    @cached_property
    def _mesh(self) -> Mesh:
        return _mesh(*self.axes)

    def read(self, beam: Beam) -> Tensor:
        """The image of a beam on the pixels."""
        x, y = (
            beam.coordinates[..., column] - centre
            for column, centre in zip(_COLUMNS.values(), self.centre, strict=True)
        )
        found = _spread(self._mesh, beam, x, y)
        along_x, along_y = (_as(bins.matrix, found) for bins in self.axes)
        return along_x @ found @ along_y.mT


def _axis(owner: Instrument, *numbers: Any) -> Bins:
    try:
        return Bins(*numbers)
    except InvalidValueError as error:
        raise InvalidValueError(f"{type(owner).__name__} at {owner.at!r}: {error}") from None


def _mesh(along: Bins, up: Bins | None) -> Mesh:
    """A mesh centred on the range; one axis alone goes with a few cells of 1 m across."""
    cells, size = (8, 8.0) if up is None else (up.cells, up.cells * up.spacing)
    return Mesh(Grid((along.cells * along.spacing, size), (along.cells, cells)), BSPLINE)


def _spread(mesh: Mesh, beam: Beam, x: Tensor, y: Tensor) -> Tensor:
    """Fractions of the particles alive on a mesh, of the whole beam."""
    total = survivors(beam).to(x.dtype)
    share = 1 / torch.where(total > 0, total, 1.0).unsqueeze(-1)
    if beam.weights is not None:
        share = share * beam.weights
    return beam.world.sum(deposit(mesh, x, y, beam.alive, share))


def _as(matrix: Tensor, like: Tensor) -> Tensor:
    return matrix.to(device=like.device, dtype=like.dtype)
