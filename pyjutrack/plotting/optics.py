"""Optics along a lattice: beta functions, dispersion, closed orbit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline

from ..core.checks import require_kind
from ..core.errors import InvalidValueError
from ..lattice.lattice import Lattice
from ..lattice.require import require_lattice
from ..optics import TwissTable
from .figure import require_axes, require_table, sheet
from .lattice import plot_lattice
from .style import COUPLED_X, COUPLED_Y, IN_X, IN_Y

Array = NDArray[np.float64]

#: a picture is no wider than so many points, which the elements share by their lengths
_POINTS = 6000
#: shares of the largest beta, and metres of dispersion, that are not worth a curve
_COUPLED, _FLAT = 1e-6, 1e-9


def plot_optics(
    table: TwissTable,
    lattice: Lattice | None = None,
    *,
    figure: Figure | SubFigure | None = None,
    axes: Sequence[Axes] | None = None,
    legend: bool = True,
) -> tuple[Axes, ...]:
    """Beta functions and dispersion along s, under the strip of the lattice.

    Between the ends of elements stand cubics with the slopes -2 alpha of beta and px of the
    dispersion there: exact in drifts, and elsewhere closer the smaller the `max_step` of the table.
    Where there is no dispersion, its axes say so, and are low.

    Args:
        table: from `twiss_table`.
        lattice: the one of the table, for the strip.
        figure: to make axes in; a new one of no window by default, found as `axes[0].figure`.
        axes: to draw on in place of a figure: two, or three with a lattice, from top to bottom.
        legend: name the kinds of elements above the strip.

    Returns:
        Axes that share s: of the strip if there is a lattice, of beta [m], of the dispersion [m].

    Raises:
        InvalidValueError: no table, lattice, figure or axes, or another number of axes; a lattice
            of many settings.

    Example:
        >>> axes = pj.plotting.plot_optics(pj.twiss_table(ring, reference), ring)
        >>> axes[0].figure.savefig("optics.pdf")
    """
    require_table(table)
    if lattice is not None:
        require_lattice(lattice)
    flat = {u: np.abs(getattr(table, f"dispersion_{u}")).max() <= _FLAT for u in "xy"}
    axes = _find_axes(figure, axes, 2 if lattice is None else 3, low=all(flat.values()))
    beta, dispersion = axes[-2:]
    largest = max(np.max(table.beta_x), np.max(table.beta_y))
    for name, style, label in (("x", IN_X, r"$\beta_x$"), ("y", IN_Y, r"$\beta_y$")):
        _curve(beta, table, f"beta_{name}", -2 * getattr(table, f"alpha_{name}"), style, label)
    for name, style, label in (
        ("beta_x2", COUPLED_X, r"$\beta_{x2}$"),
        ("beta_y1", COUPLED_Y, r"$\beta_{y1}$"),
    ):
        values = getattr(table, name)
        if np.max(values) > _COUPLED * largest:
            beta.plot(table.s, values, **style, label=label)
    if all(flat.values()):
        _say_flat(dispersion, table.s)
    else:
        _curve(dispersion, table, "dispersion_x", table.dispersion_px, IN_X, "$D_x$")
        if not flat["y"]:
            _curve(dispersion, table, "dispersion_y", table.dispersion_py, IN_Y, "$D_y$")
    beta.set_ylabel(r"$\beta$ [m]")
    beta.set_ylim(bottom=0)
    name = "D" if all(flat.values()) else "dispersion"  # which a low panel has no room for
    dispersion.set(ylabel=f"{name} [m]", xlabel="s [m]")
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
    for ax in (beta, dispersion):
        if ax.get_legend_handles_labels()[0]:
            _legend(ax)
        ax.grid(alpha=0.25)
    if lattice is not None:
        plot_lattice(axes[0], lattice, legend=legend)
        axes[0].set_xlabel("")
        axes[0].spines["bottom"].set_visible(False)
        axes[0].tick_params(bottom=False)
    return axes


def plot_orbit(ax: Axes, table: TwissTable) -> Axes:
    """The closed orbit, x and y [mm], along s [m].

    Raises:
        InvalidValueError: no axes, or no table.

    Example:
        >>> pj.plotting.plot_orbit(ax, pj.twiss_table(ring, reference))
    """
    require_axes(ax)
    require_table(table)
    for column, style, label in ((0, IN_X, "x"), (2, IN_Y, "y")):
        ax.plot(table.s, 1e3 * table.orbit[:, column], **style, label=label)
    ax.set(xlabel="s [m]", ylabel="closed orbit [mm]")
    _legend(ax)
    ax.grid(alpha=0.25)
    return ax


def _say_flat(ax: Axes, s: Array) -> None:
    """A line at zero, and the word that this is the dispersion in both planes."""
    ax.plot(s, np.zeros(len(s)), **IN_X)
    ax.set(ylim=(-1, 1), yticks=[0])
    place: dict[str, Any] = {"ha": "center", "va": "bottom", "transform": ax.transAxes}
    ax.text(0.5, 0.55, "no dispersion in x and y", fontsize="small", **place)


def _find_axes(figure: Any, axes: Any, count: int, *, low: bool) -> tuple[Axes, ...]:
    """The axes that are given, or new ones that share s, of a figure or a new one.

    Args:
        low: whether the last ones are to be low.
    """
    if axes is not None:
        if figure is not None or len(axes) != count:
            raise InvalidValueError(
                f"these optics take {count} axes, or a figure in their place; got {len(axes)} axes"
                + (" and a figure" if figure is not None else "")
            )
        for ax in axes:
            require_axes(ax)
        return tuple(axes)
    if figure is None:
        figure = sheet()
    require_kind("figure", figure, (Figure, SubFigure), "a matplotlib Figure")
    heights = {"height_ratios": [0.5, 2.2, 0.45 if low else 1.2][-count:]}
    return tuple(figure.subplots(count, 1, sharex=True, gridspec_kw=heights))


def _legend(ax: Axes) -> None:
    ax.legend(frameon=False, fontsize="small", loc="lower right", bbox_to_anchor=(1, 0.97), ncols=4)


def _curve(ax: Axes, table: Any, name: str, slopes: Array, style: Any, label: str) -> None:
    s, values = interpolate_cubic(table.s, getattr(table, name), slopes)
    ax.plot(s, values, **style, label=label)


def interpolate_cubic(s: Array, values: Array, slopes: Array) -> tuple[Array, Array]:
    """Interpolate values with slopes, (N,) each, by cubics, at places s that may repeat."""
    lengths = np.diff(s)
    counts = np.clip(_POINTS * np.abs(lengths) / (np.ptp(s) or 1.0), 2, 20).astype(int)
    found_s, found = [s[:1]], [values[:1]]
    for i in np.flatnonzero(lengths):
        ends = [i, i + 1] if lengths[i] > 0 else [i + 1, i]
        cubic = CubicHermiteSpline(s[ends], values[ends], slopes[ends])
        found_s.append(np.linspace(s[i], s[i + 1], counts[i]))
        found.append(cubic(found_s[-1]))
    return np.concatenate(found_s), np.concatenate(found)
