"""Learned potentials where the beam feels them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from torch import Tensor

from ..autodiff import Pushed, seeds
from ..beam.beam import Beam, require_single, require_whole
from ..beam.moments import centroid, covariance
from ..core.errors import InvalidValueError
from ..core.scalars import to_float
from ..elements import HamiltonianKick

Array = NDArray[np.float64]

#: points along a side of a map, arrows along it, and its half size in rms of the beam
_POINTS, _ARROWS, _REACH = 61, 13, 3.0
#: contours, lengths of which H is read, and what stands for a potential of zero [m]
_LEVELS, _NOTHING = 17, 1e-12
_LENGTHS = ((1.0, "m"), (1e-3, "mm"), (1e-6, "µm"), (1e-9, "nm"), (1e-12, "pm"))


class Region(NamedTuple):
    """A grid where a beam is: places (N, N) [m] in x and y, z of its middle, and its ellipse."""

    x: Tensor
    y: Tensor
    z: Tensor
    inside: NDArray[np.bool_]
    centre: Array
    covariance: Array


def plot_learned_kick(ax: Axes, kick: HamiltonianKick, beam: Beam) -> Axes:
    """The potential H of a learned kick as contours and its kick as arrows, where the beam is.

    H counts from the middle of the beam, and times the strength; dashed ellipses are those of
    one and two rms, and the map ends at three.

    Args:
        beam: at the entrance of the kick, one beam (N, 6).

    Raises:
        InvalidValueError: a batch of beams, a part of one, or one without extent.

    Example:
        >>> pj.plotting.plot_learned_kick(ax, line["field"], beam)
    """
    region = _region(beam)
    weights, strength = kick.weights.detach(), to_float(kick.strength)
    potential = strength * _from_centre(kick.potential.value(weights, *region[:3]), region).numpy()
    top = float(np.abs(potential[region.inside]).max())
    _contours(ax, region, potential, (-top, top), "RdBu_r", "H")
    step = (_POINTS - 1) // (_ARROWS - 1)
    kept = (slice(None, None, step),) * 2
    slopes = kick.potential.slopes(weights, *(p[kept].reshape(-1) for p in region[:3]))
    px, py = (-strength * s.detach().numpy() for s in slopes[:2] if s is not None)
    inside = region.inside[kept].reshape(-1)
    x, y = (1e3 * p[kept].reshape(-1).numpy()[inside] for p in region[:2])
    px, py = px[inside], py[inside]
    longest = float(np.hypot(px, py).max(initial=0.0))
    if longest > 0:
        arrows = ax.quiver(x, y, px, py, angles="uv", scale=longest * _ARROWS, width=0.004)
        key = _round(longest)
        ax.quiverkey(arrows, 0.93, 1.04, key, _power(key), labelpos="W", fontproperties={"size": 9})
    return ax


def plot_learned_error(ax: Axes, kick: HamiltonianKick, beam: Beam, errors: Array) -> Axes:
    """rms error of the potential that `plot_learned_kick` draws.

    Args:
        beam: as there.
        errors: covariance of the weights (P, P).

    Example:
        >>> pj.plotting.plot_learned_error(ax, kick, beam, found.posterior.covariance)
    """
    region = _region(beam)
    (weights,) = seeds([kick.weights.detach().to(torch.float64)])
    with torch.no_grad():
        value = kick.potential.value(weights, *region[:3])
    assert isinstance(value, Pushed)
    slopes = _from_centre(value.tangent, region).reshape(len(value.tangent), -1).numpy()
    variance = (slopes * (errors @ slopes)).sum(0).reshape(region.inside.shape)
    sigma = abs(to_float(kick.strength)) * np.sqrt(np.maximum(variance, 0.0))
    top = float(sigma[region.inside].max())
    return _contours(ax, region, sigma, (0.0, top), "viridis", "error of H")


def _region(beam: Beam) -> Region:
    require_whole(beam, "a map")
    require_single(beam, "a map is")
    middle = centroid(beam).detach().cpu().to(torch.float64)
    square = covariance(beam).detach().cpu().to(torch.float64).numpy()[np.ix_([0, 2], [0, 2])]
    if not np.linalg.det(square) > 0:
        raise InvalidValueError("the beam has no extent in x and y, so that there is no region")
    sides = [
        float(m) + _REACH * float(s) ** 0.5 * torch.linspace(-1, 1, _POINTS, dtype=torch.float64)
        for m, s in zip(middle[[0, 2]], np.diagonal(square), strict=True)
    ]
    x, y = torch.meshgrid(*sides, indexing="ij")
    centre = middle[[0, 2]].numpy()
    off = np.stack([x.numpy(), y.numpy()], -1) - centre
    distance = np.einsum("xyi,ij,xyj->xy", off, np.linalg.inv(square), off)
    return Region(x, y, torch.full_like(x, float(middle[4])), distance <= _REACH**2, centre, square)


def _from_centre(values: Tensor, region: Region) -> Tensor:
    """Values (..., N, N) less those in the middle."""
    middle = _POINTS // 2
    return (values - values[..., middle, middle, None, None]).detach()


def _contours(
    ax: Axes,
    region: Region,
    values: Array,
    limits: tuple[float, float],
    colours: str,
    label: str,
) -> Axes:
    """A map of lengths, with its colour bar and the ellipses of the beam."""
    low, high = limits if limits[1] > 0 else (limits[0] - _NOTHING, _NOTHING)
    unit, name = next((u, n) for u, n in _LENGTHS if u <= high or n == "pm")
    x, y = 1e3 * region.x.numpy(), 1e3 * region.y.numpy()
    # a little more, for the edge between the points of the grid
    levels = 1.04 * np.linspace(low / unit, high / unit, _LEVELS)
    drawn = ax.contourf(x, y, values / unit, levels, cmap=colours)
    edge = _ellipse(region, _REACH)
    edge.set_transform(ax.transData)
    drawn.set_clip_path(edge)
    ticks = MaxNLocator(7).tick_values(low / unit, high / unit)
    ax.figure.colorbar(drawn, ax=ax, label=f"{label} [{name}]", ticks=ticks)
    for size in (1, 2):
        ax.add_patch(_ellipse(region, size))
    ax.set(xlabel="x [mm]", ylabel="y [mm]", xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))
    return ax


def _ellipse(region: Region, size: float) -> Ellipse:
    """Draw an ellipse of so many rms of the beam [mm]."""
    squares, axes = np.linalg.eigh(region.covariance)
    angle = np.degrees(np.arctan2(axes[1, 0], axes[0, 0]))
    width, height = 2e3 * size * np.sqrt(squares)
    centre = (1e3 * region.centre[0], 1e3 * region.centre[1])
    return Ellipse(
        centre, width, height, angle=float(angle), fill=False, linestyle="--", linewidth=0.8
    )


def _power(number: float) -> str:
    digit, power = f"{number:.0e}".split("e")
    return rf"kick ${digit} \cdot 10^{{{int(power)}}}\, P_0$"


def _round(number: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is no larger."""
    power = 10.0 ** np.floor(np.log10(number))
    return float(power * max(m for m in (1, 2, 5) if m * power <= number * (1 + 1e-9)))
