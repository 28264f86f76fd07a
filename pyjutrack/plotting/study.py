"""Fields against a reference, tunes against current."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from .style import VERMILION


def field_comparison(
    ax: Axes, reference: ArrayLike, ours: ArrayLike, label: str, against: str
) -> Axes:
    """One field component at the macroparticles against a reference field.

    Args:
        ax: matplotlib axes to draw on, which are returned.
        reference, ours: (N,) [1/m], arrays or tensors as `collective.own_field` gives them.
        label, against: what is drawn, and the name of the reference, for the axes.
    """
    reference, ours = np.asarray(reference), np.asarray(ours)
    ax.plot(reference, ours, ".", markersize=2, alpha=0.4, rasterized=True)
    ends = np.array([np.min(reference), np.max(reference)])
    ax.plot(ends, ends, color="black", linewidth=0.8, label="equal")
    ax.set_xlabel(f"{label}, {against} [1/m]")
    ax.set_ylabel(f"{label}, on the macroparticles [1/m]")
    ax.legend(frameon=False)
    return ax


def field_error(ax: Axes, positions: ArrayLike, errors: ArrayLike, label: str) -> Axes:
    """Error of a field component against position, in per cent of its largest value.

    Args:
        ax: matplotlib axes to draw on, which are returned.
        positions: (N,) [m]. errors: (N,) [%].
        label: of the coordinate.
    """
    ax.plot(
        np.asarray(positions) * 1e3,
        np.asarray(errors),
        ".",
        markersize=2,
        alpha=0.4,
        rasterized=True,
    )
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_xlabel(f"{label} [mm]")
    ax.set_ylabel("difference [% of largest]")
    return ax


def tune_against_current(
    ax: Axes,
    currents: ArrayLike,
    tunes: ArrayLike,
    slopes: ArrayLike,
    label: str = "",
) -> Axes:
    """Tunes as points, their slopes as short lines through them.

    Args:
        ax: matplotlib axes to draw on, which are returned.
        currents: (K,) [A]. tunes: (K,). slopes: of the tunes by the current, (K,) [1/A].
        label: for a legend.
    """
    (points,) = ax.plot(currents, tunes, "o", markersize=4, label=label)
    currents, tunes, slopes = np.asarray(currents), np.asarray(tunes), np.asarray(slopes)
    half = 0.35 * np.ptp(currents) / max(len(currents) - 1, 1)
    for current, tune, slope in zip(currents, tunes, slopes, strict=True):
        ends = np.array([-half, half])
        ax.plot(current + ends, tune + slope * ends, color=VERMILION, linewidth=1.5)
    ax.set_xlabel("beam current [A]")
    ax.set_ylabel("horizontal tune of the test particle")
    points.set_zorder(3)
    return ax
