"""Moments of a beam: pure, differentiable functions `Beam -> tensor`, of the particles alive.

Particles count by their weights where they have some. Moments are those of the whole
beam: where ranks share it, all of them must ask, and get the same. Sums are in double
precision, whatever that of the beam, and results have the beam's. Second moments are taken about
the mean in a second pass, so that nothing cancels. A moment of no particle is NaN, and so is that
of a live particle with a NaN.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from ..core.checks import require_flag, wrong
from ..core.errors import require_known
from ..core.scalars import has_numbers
from ..core.transforms import disable_compile
from .beam import Beam, require_beam

__all__ = ["centroid", "covariance", "emittance", "mean", "rms", "sizes", "survivors"]


def __dir__() -> list[str]:
    return __all__


PLANES = {"x": 0, "y": 2, "z": 4}
#: particles that are brought to double precision at a time
_CHUNK = 65_536
#: whole number of 32 bits
_LARGEST = torch.iinfo(torch.int32).max
#: what is left of equal numbers, relative to them: rounding of their mean and of the difference
_ROUNDING = 8 * torch.finfo(torch.float64).eps

Figure = Callable[[Tensor], Tensor]
#: values of some particles, and their weights if they have some
Chunk = tuple[Tensor, Tensor | None]


def survivors(beam: Beam) -> Tensor:
    """Number of particles alive, 0-d; the sum of their weights where they have some.

    Args:
        beam: or a batch of beams, whose dimensions the result has.
    """
    require_beam(beam)
    if beam.weights is None:
        return beam.world.sum(_count(beam.alive))
    return beam.world.sum(torch.where(beam.alive, beam.weights, 0.0).sum(-1))


@disable_compile
def mean(beam: Beam, values: Tensor) -> Tensor:
    """Average over the particles alive of anything that each of them has.

    Args:
        beam: whose particles they are.
        values: (..., N), such as `beam.coordinate("x") ** 3`, or several of them stacked
            along leading axes.

    Returns:
        (...), without the last axis.
    """
    _require_values(beam, values)
    return _mean(beam, values).to(_precision(values))


@disable_compile
def rms(beam: Beam, values: Tensor) -> Tensor:
    """rms about the mean, over the particles alive, of anything that each of them has.

    Equal numbers have an rms of zero, with slope zero: what rounding leaves of them does not count.

    Args:
        beam, values: as for `mean`.

    Returns:
        (...), without the last axis.
    """
    _require_values(beam, values)
    middle = _mean(beam, values)
    variance = _mean(beam, values, torch.square, middle)
    return _root(variance, middle.square()).to(_precision(values))


@disable_compile
def centroid(beam: Beam) -> Tensor:
    """Mean of the coordinates, (6,) [m and 1].

    Args:
        beam: or a batch of beams, (..., 6) then.
    """
    require_beam(beam)
    return mean(beam, beam.coordinates.movedim(-1, 0)).movedim(0, -1)


@disable_compile
def covariance(beam: Beam) -> Tensor:
    """Second central moments, (6, 6); the divisor is the number of particles alive.

    Args:
        beam: or a batch of beams, (..., 6, 6) then.
    """
    require_beam(beam)
    columns = beam.coordinates.movedim(-1, 0)
    return _products(beam, _centre(beam, columns, _mean(beam, columns))).to(beam.coordinates.dtype)


@disable_compile
def sizes(beam: Beam) -> Tensor:
    """rms of x, px, y, py, z, delta, (6,); a size that is zero has slope zero, not NaN.

    Args:
        beam: or a batch of beams, (..., 6) then.
    """
    require_beam(beam)
    return rms(beam, beam.coordinates.movedim(-1, 0)).movedim(0, -1)


@disable_compile
def emittance(beam: Beam, plane: str = "x", *, normalized: bool = False) -> Tensor:
    """rms emittance of a plane [m rad]: sqrt(<u^2><pu^2> - <u pu>^2), centred.

    Computed as sqrt(<u^2>) times the rms of what of pu is not proportional to u, in which nothing
    cancels. On a line, where no more than rounding is left, it is zero, with slope zero.

    Args:
        beam: or a batch of beams, one emittance each then.
        plane: "x", "y" or "z".
        normalized: multiply by beta gamma of the reference.

    Source: the projected emittance in canonical momenta, K. Floettmann, PRAB 6 (2003) 034202.
    """
    require_beam(beam)
    require_known("plane", plane, PLANES)
    require_flag("normalized", normalized)
    i = PLANES[plane]
    both = beam.coordinates[..., i : i + 2].movedim(-1, 0).contiguous()
    middle = _mean(beam, both)
    centred = list(_centre(beam, both, middle))
    (uu, up), (_, pp) = _products(beam, centred).movedim((-2, -1), (0, 1))
    some = uu > 0
    slope = torch.where(some, up / torch.where(some, uu, 1.0), 0.0)
    left = ((c[1] - slope.unsqueeze(-1) * c[0], weights) for c, weights in centred)
    rest = _average(beam, (_weigh(c.square(), weights).sum(-1) for c, weights in left))
    u_scale, p_scale = middle.square()
    scale = pp + p_scale + slope.square() * (uu + u_scale)
    value = (_root(uu, u_scale) * _root(rest, scale)).to(both.dtype)
    return value * beam.reference.beta_gamma if normalized else value


def _count(mask: Tensor) -> Tensor:
    """Count what is True, (...,), of a mask (..., N)."""
    if not has_numbers(mask) or mask.shape[-1] > _LARGEST:
        return mask.sum(-1)
    # in whole numbers of twice the length it takes ten times as long
    return mask.sum(-1, dtype=torch.int32).long()


def _mean(
    beam: Beam, values: Tensor, figure: Figure | None = None, about: Tensor | None = None
) -> Tensor:
    """Average over the particles alive of a figure of values (..., N), in double precision.

    Args:
        figure: of some particles' values (..., n), zero of zero; the values themselves if None.
        about: what is taken from the values first, (...).
    """
    parts = (
        _weigh(c if figure is None else figure(c), weights).sum(-1)
        for c, weights in _centre(beam, values, about)
    )
    return _average(beam, parts)


def _products(beam: Beam, centred: Iterable[Chunk]) -> Tensor:
    """Average over the particles alive of all products of two of their columns (k, ..., N)."""
    parts = (c.movedim(0, -1).mT @ _weigh(c, weights).movedim(0, -1) for c, weights in centred)
    return _average(beam, parts, 2)


def _average(beam: Beam, parts: Iterable[Tensor], trailing: int = 0) -> Tensor:
    """Divide the sum of what chunks have, (..., and some trailing axes), by the survivors."""
    total = beam.world.sum(functools.reduce(operator.add, parts))
    return total / survivors(beam)[(..., *[None] * trailing)]


def _centre(beam: Beam, values: Tensor, about: Tensor | None) -> Iterator[Chunk]:
    """Centre values (..., N) about others (...), in chunks and double precision; with weights.

    Zero for the lost.
    """
    chunks = _chunks(values), _chunks(beam.alive)
    alive = beam.alive
    whole = has_numbers(alive) and int(_count(alive.flatten())) == alive.numel()
    weights = () if beam.weights is None else _chunks(beam.weights)
    for some, live, weight in itertools.zip_longest(*chunks, weights):
        double = some.to(torch.float64)
        double = double if about is None else double - about.unsqueeze(-1)
        centred = double if whole else torch.where(live, double, 0.0)
        yield centred, None if weight is None else weight.to(torch.float64)


def _chunks(values: Tensor) -> Sequence[Tensor]:
    """Split into chunks, by one operation for the backward pass; by slices in an ONNX graph."""
    if hasattr(values, "unseen"):
        return [values[..., start : start + _CHUNK] for start in range(0, values.shape[-1], _CHUNK)]
    return values.split(_CHUNK, -1)


def _weigh(values: Tensor, weights: Tensor | None) -> Tensor:
    return values if weights is None else values * weights


def _root(square: Tensor, scale: Tensor) -> Tensor:
    """Root of a mean square; zero where that is rounding of squares of some scale. NaN stays."""
    none = square <= _ROUNDING**2 * scale.detach()
    return torch.where(none, 0.0, torch.where(none, 1.0, square).sqrt())


def _precision(values: Tensor) -> torch.dtype:
    return values.dtype if values.is_floating_point() else torch.float64


def _require_values(beam: Beam, values: Tensor) -> None:
    require_beam(beam)
    if not isinstance(values, Tensor) or values.dim() < 1 or values.shape[-1] != len(beam):
        raise wrong("values", values, f"a tensor (..., {len(beam)}), one entry a particle")
