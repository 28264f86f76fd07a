"""Phase-space portraits of beams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.patches import Ellipse

from ..beam.beam import Beam, require_beam, require_single, require_whole
from ..core.checks import require_flag, wrong
from ..core.errors import InvalidValueError, require_known
from .figure import require_axes

#: above so many particles their density is drawn, not each
_MANY = 5000
_LABELS = {
    "x": (0, "x [mm]", r"$p_x / P_0$ [$10^{-3}$]"),
    "y": (2, "y [mm]", r"$p_y / P_0$ [$10^{-3}$]"),
    "z": (4, "z [mm]", r"$\delta$ [$10^{-3}$]"),
}


def plot_phase_space(
    ax: Axes, beam: Beam | Sequence[Beam], plane: str = "x", *, ellipse: bool = False
) -> Axes:
    """A coordinate [mm] and its momentum [1e-3] of the particles alive.

    Weights of a beam count in densities and in the ellipse; a dot is a particle of any weight.

    Args:
        beam: one beam, or one per turn: each particle then keeps its colour.
        plane: "x", "y" or "z".
        ellipse: draw the rms ellipse of the (last) beam, of area pi times the emittance.

    Raises:
        UnknownNameError: no such plane.
        InvalidValueError: no beam, a batch of beams, a part of one, or no live particle.
    """
    require_known("plane", plane, _LABELS)
    require_axes(ax)
    require_flag("ellipse", ellipse)
    given: Any = beam
    if not isinstance(given, (Beam, list, tuple)):
        raise wrong("beam", given, "a Beam or a list of them")
    beams = [beam] if isinstance(beam, Beam) else list(beam)
    for one in beams:
        require_beam(one)
    column, *labels = _LABELS[plane]
    points = []
    for one in beams:
        require_whole(one, "a portrait")
        require_single(one, "a portrait is")
        coordinates = one.numpy()[:, column : column + 2] * 1e3
        coordinates[~one.alive.cpu().numpy()] = np.nan
        points.append(coordinates)
    if not points or np.isnan(points[-1]).all():
        raise InvalidValueError("there is no particle alive to draw; give at least one")
    if len(points) > 1:
        stacked = np.stack(points)
        amplitude = np.std(np.nan_to_num(stacked[:, :, 0]), axis=0)
        order = np.argsort(np.argsort(amplitude))
        colours = np.tile(order, len(points))
        u, p = stacked.reshape(-1, 2).T
        ax.scatter(u, p, s=2, c=colours, cmap="turbo", linewidths=0, rasterized=True)
    elif len(points[0]) > _MANY:
        alive = points[0][~np.isnan(points[0][:, 0])]
        counted = _weights(beams[-1])
        bins: dict[str, Any] = {"bins": 150, "norm": LogNorm(), "weights": counted}
        ax.hist2d(alive[:, 0], alive[:, 1], **bins, rasterized=True)
    else:
        ax.plot(points[0][:, 0], points[0][:, 1], ".", markersize=2, alpha=0.5, rasterized=True)
    if ellipse:
        _ellipse(ax, points[-1][~np.isnan(points[-1][:, 0])], _weights(beams[-1]))
    ax.set(xlabel=labels[0], ylabel=labels[1])
    ax.locator_params(axis="x", nbins=6)  # long labels of small beams must not touch
    return ax


def _weights(beam: Beam) -> np.ndarray | None:
    """Weights of the particles alive, if they have some."""
    return None if beam.weights is None else beam.weights.detach().cpu()[beam.alive.cpu()].numpy()


def _ellipse(ax: Axes, points: np.ndarray, weights: np.ndarray | None) -> None:
    squares, axes = np.linalg.eigh(np.cov(points.T, ddof=0, aweights=weights))
    width, height = 2 * np.sqrt(np.maximum(squares, 0))
    angle = np.degrees(np.arctan2(axes[1, 0], axes[0, 0]))
    centre = np.average(points, axis=0, weights=weights)
    drawn = Ellipse((centre[0], centre[1]), width, height, angle=angle, fill=False, color="tab:red")
    drawn.set_zorder(3)  # above the particles
    ax.add_patch(drawn)
