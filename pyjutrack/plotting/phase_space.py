"""Phase-space portraits of beams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse

from ..beam.beam import Beam, require_beam, require_single, require_whole
from ..core.checks import require_flag, wrong
from ..core.errors import InvalidValueError, require_known
from .figure import require_axes
from .style import BLUE, VERMILION

#: above so many particles their density is drawn, not each
_MANY = 5000
_DOT: dict[str, Any] = {"color": BLUE, "markersize": 2, "alpha": 0.5, "rasterized": True}
_LABELS = {"x": (0, "$p_x / P_0$"), "y": (2, "$p_y / P_0$"), "z": (4, r"$\delta$")}
#: units of lengths and of momenta, from how large a coordinate on, and how many make one
_LENGTHS = ((1.0, 1.0, "m"), (1e-5, 1e3, "mm"), (0.0, 1e6, "µm"))
_MOMENTA = ((1e-5, 1e3, "$10^{-3}$"), (0.0, 1e6, "$10^{-6}$"))


def plot_phase_space(
    ax: Axes, beam: Beam | Sequence[Beam], plane: str = "x", *, ellipse: bool = False
) -> Axes:
    """A coordinate [mm] and its momentum [1e-3] of the particles alive.

    Beams that reach a metre or more are drawn in m, coordinates all below 10 um in um, and momenta
    all below 1e-5 in 1e-6; the labels say which. On axes that have a portrait, or share a side with
    one, its units are taken.

    Weights of a beam count in densities and in the ellipse; a dot is a particle of any weight.

    Args:
        beam: one beam, or one per turn: each particle then keeps its colour.
        plane: "x", "y" or "z".
        ellipse: draw the rms ellipse of the (last) beam, of area pi times its rms emittance, which
            the legend says [mm mrad in x and y, um or mm in z].

    Raises:
        UnknownNameError: no such plane.
        InvalidValueError: no beam, a batch of beams, a part of one, or no live particle.

    Example:
        >>> figure, ax = pj.plotting.figure()
        >>> pj.plotting.plot_phase_space(ax, pj.track(ring, beam), "x", ellipse=True)
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
    column, momentum = _LABELS[plane]
    points = []
    for one in beams:
        require_whole(one, "a portrait")
        require_single(one, "a portrait is")
        coordinates = one.numpy()[:, column : column + 2].astype(float)
        coordinates[~one.alive.cpu().numpy()] = np.nan
        points.append(coordinates)
    if not points or np.isnan(points[-1]).all():
        raise InvalidValueError("there is no particle alive to draw; give at least one")
    largest = np.nanmax(np.abs(np.concatenate(points)), axis=0)
    (along, unit), (up, share) = _choose_unit(ax, 0, largest), _choose_unit(ax, 1, largest)
    scales = np.array([along, up])
    points = [scales * each for each in points]
    if len(points) > 1:
        stacked = np.stack(points)
        amplitude = np.std(np.nan_to_num(stacked[:, :, 0]), axis=0)
        order = np.argsort(np.argsort(amplitude))
        colours = np.tile(order, len(points))
        u, p = stacked.reshape(-1, 2).T
        ax.scatter(u, p, s=2, c=colours, cmap="cividis", linewidths=0, rasterized=True)
    elif len(points[0]) > _MANY:
        alive = points[0][~np.isnan(points[0][:, 0])]
        counted = _weights(beams[-1])
        bins: dict[str, Any] = {
            "bins": 150,
            "norm": LogNorm(),
            "weights": counted,
            "cmap": "cividis",
        }
        ax.hist2d(alive[:, 0], alive[:, 1], **bins, rasterized=True)
    else:
        ax.plot(points[0][:, 0], points[0][:, 1], ".", **_DOT)
    if ellipse:
        own = points[-1][~np.isnan(points[-1][:, 0])]
        square = 1e6 / (along * up)  # of a unit of the axes, in mm mrad
        _ellipse(ax, own, _weights(beams[-1]), square, "µm" if plane == "z" else "mm mrad")
    ax.set(xlabel=f"{plane} [{unit}]", ylabel=f"{momentum} [{share}]")
    ax.locator_params(axis="x", nbins=6)  # long labels of small beams must not touch
    return ax


def _choose_unit(ax: Axes, side: int, largest: np.ndarray) -> tuple[float, str]:
    """How many make one, and the unit: that of axes with the same x (0) or y (1), or that fits."""
    units = (_LENGTHS, _MOMENTA)[side]
    shared = (ax.get_shared_x_axes, ax.get_shared_y_axes)[side]().get_siblings(ax)
    labels = [(other.get_xlabel, other.get_ylabel)[side]() for other in shared]
    for _, scale, unit in units:
        if any(label.endswith(f"[{unit}]") for label in labels):
            return scale, unit
    size = largest[side] or 1e-3  # all on the axis
    return next((scale, unit) for least, scale, unit in units if size >= least)


def _weights(beam: Beam) -> np.ndarray | None:
    """Weights of the particles alive, if they have some."""
    return None if beam.weights is None else beam.weights.detach().cpu()[beam.alive.cpu()].numpy()


def _ellipse(
    ax: Axes, points: np.ndarray, weights: np.ndarray | None, square: float, unit: str
) -> None:
    squares, axes = np.linalg.eigh(np.cov(points.T, ddof=0, aweights=weights))
    width, height = 2 * np.sqrt(np.maximum(squares, 0))
    angle = np.degrees(np.arctan2(axes[1, 0], axes[0, 0]))
    centre = np.average(points, axis=0, weights=weights)
    area = square * width * height / 4
    if unit == "µm" and area >= 1000:
        area, unit = area / 1000, "mm"
    label = f"rms, {area:.3g} {unit}"
    # above the particles, on a white rim that keeps it in sight on any of their colours
    for colour, thick in (("white", 3.5), (VERMILION, 1.8)):
        look: dict[str, Any] = {"fill": False, "color": colour, "linewidth": thick}
        drawn = Ellipse((centre[0], centre[1]), width, height, angle=float(angle), **look)
        drawn.set_zorder(3)
        ax.add_patch(drawn)
    shown = Line2D([], [], color=VERMILION, linewidth=1.8, label=label)
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 0.99)}
    ax.legend(handles=[shown], frameon=False, fontsize="small", **place)
