"""Pictures of a fit: its residuals and what it found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator, ScalarFormatter
from numpy.typing import NDArray

from ..twin.calibration import Step
from .html import format_with_error
from .style import BLUE, VERMILION

Array = NDArray[np.float64]

#: residuals beyond it count in the last bin of the histogram
_FAR = 6.0
#: so many correlations can be read as numbers
READABLE = 12


def plot_residuals(ax: Axes, residuals: Mapping[str, Array], held_out: Sequence[int] = ()) -> Axes:
    """Histogram of residuals in units of their errors, beside the unit Gaussian.

    Args:
        residuals: name of a diagnostic to (shots, *shape), NaN where masked.
        held_out: which shots did not train; they are drawn apart.

    Example:
        >>> found = pj.calibrate(twin, data, unknowns, held_out=[3])
        >>> pj.plotting.plot_residuals(ax, found.residuals(), found.held_out)
    """
    edges = np.linspace(-_FAR, _FAR, 49)
    middle = (edges[:-1] + edges[1:]) / 2
    for label, colour, out in (("trained", BLUE, False), ("held out", VERMILION, True)):
        rows = [
            r[[i for i in range(len(r)) if (i in held_out) == out]].ravel()
            for r in residuals.values()
        ]
        off = np.concatenate(rows)
        off = off[np.isfinite(off)]
        if not len(off):
            continue
        counts, _ = np.histogram(np.clip(off, -_FAR, _FAR), edges)
        density = counts / (len(off) * (edges[1] - edges[0]))
        rms = math.sqrt(float((off * off).mean()))
        ax.stairs(
            density,
            edges,
            color=colour,
            linewidth=1.4,
            linestyle=":" if out else "-",
            label=f"{label}: rms {rms:.3g}",
        )
    fine = np.linspace(-4.2, 4.2, 200)
    ax.plot(
        fine,
        np.exp(-(fine**2) / 2) / math.sqrt(2 * math.pi),
        color="black",
        linewidth=0.9,
        linestyle="--",
        label="unit Gaussian",
    )
    ax.set(
        yscale="log",
        ylim=(1e-4, 30.0),  # room for the legend
        xlim=(middle[0] * 1.02, -middle[0] * 1.02),
        xlabel="(predicted - measured) / error",
        ylabel="probability density",
    )
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    return ax


def plot_residuals_by_shot(
    ax: Axes, residuals: Mapping[str, Array], held_out: Sequence[int] = ()
) -> Axes:
    """rms residual of each diagnostic at each shot, in colours: white where it is as expected.

    Args:
        residuals, held_out: as for `plot_residuals`; triangles mark what was held out.

    Example:
        >>> pj.plotting.plot_residuals_by_shot(ax, found.residuals(), found.held_out)
    """
    rows = np.stack([_rms(r.reshape(len(r), -1)) for r in residuals.values()])
    far = float(np.clip(np.nanmax(rows, initial=2.0), 2.0, 100.0))
    # the scale as well fits what is far too good
    image = ax.imshow(
        rows, cmap="RdBu_r", norm=LogNorm(1 / far, far), aspect="auto", interpolation="nearest"
    )
    ax.set_facecolor("0.8")
    ticks = [1 / far, 1 / math.sqrt(far), 1.0, math.sqrt(far), far]
    bar = ax.figure.colorbar(image, ax=ax, label="rms residual / error", ticks=ticks)
    bar.ax.yaxis.set_major_formatter(ScalarFormatter())
    bar.ax.set_yticklabels([f"{t:.2g}" for t in ticks])
    bar.ax.minorticks_off()
    if held_out:
        ax.plot(
            list(held_out),
            np.full(len(held_out), -0.5),
            "v",
            color=VERMILION,
            markersize=6,
            clip_on=False,
            label="held out",
        )
        ax.legend(frameon=False, fontsize="small", loc="lower right", bbox_to_anchor=(1, 1.01))
    ax.set(xlabel="shot", xlim=(-0.5, rows.shape[1] - 0.5), ylim=(len(rows) - 0.5, -0.5))
    ax.set_yticks(range(len(rows)), list(residuals))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def plot_history(ax: Axes, history: Sequence[Step], readings: int) -> Axes:
    """Error of the shots that train and of those held out, against the step.

    Args:
        history: of a calibration.
        readings: of the shots that train, to make the cost a mean square.

    Example:
        >>> pj.plotting.plot_history(ax, found.history, readings=600)
    """
    steps = [s.step for s in history]
    ax.plot(
        steps,
        [2 * s.cost / readings for s in history],
        "o-",
        color=BLUE,
        markersize=3,
        linewidth=1.2,
        label="trained, priors included",
    )
    known = [(s.step, s.held_out) for s in history if s.held_out is not None]
    if known:
        ax.plot(
            *zip(*known, strict=True),
            "s:",
            color=VERMILION,
            markersize=3,
            linewidth=1.2,
            label="held out",
        )
    ax.axhline(1.0, color="black", linewidth=0.9, linestyle="--", label="noise alone")
    ax.set(yscale="log", xlabel="step", ylabel="mean square residual")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.25)
    ax.legend(frameon=False, fontsize="small")
    return ax


def plot_unknowns(ax: Axes, rows: Sequence[Mapping[str, Any]]) -> Axes:
    """Plot fitted values with bars of one error over the range of the prior.

    If all are relative the axis is in per cent; else each is in units of its prior, or, without
    one, in a unit that makes it fit.

    Args:
        rows: of `Calibration.table`; their numbers stand on the right.

    Example:
        >>> pj.plotting.plot_unknowns(ax, pj.calibrate(twin, data, unknowns).table())
    """
    relative = all(row["relative"] for row in rows)
    for i, row in enumerate(rows):
        value, sigma, prior = row["value"], row["sigma"], row["prior"]
        unit = 0.01 if relative else prior
        if not math.isfinite(unit):
            unit = abs(value) + (sigma if math.isfinite(sigma) else 0.0) or 1.0
        if math.isfinite(prior):
            ax.barh(i, 2 * prior / unit, left=-prior / unit, height=0.7, color="0.88", zorder=1)
        bar = sigma / unit if math.isfinite(sigma) else 0.0
        ax.errorbar(
            value / unit, i, xerr=bar, fmt="o", color=BLUE, markersize=4, capsize=2, zorder=3
        )
        said = format_with_error(value, sigma, percent=relative)
        said += "" if math.isfinite(prior) else " (no prior)"
        ax.text(1.01, i, said, transform=ax.get_yaxis_transform(), va="center", fontsize="small")
    ax.axvline(0.0, color="black", linewidth=0.8, zorder=2)
    ax.set_yticks(range(len(rows)), [row["unknown"] for row in rows])
    far = max(map(abs, ax.get_xlim()))
    ax.set(ylim=(len(rows) - 0.5, -0.5), xlim=(-far, far))
    ax.set_xlabel("found [% of the setting]" if relative else "found / rms of the prior")
    ax.grid(axis="x", alpha=0.25)
    return ax


def plot_correlations(ax: Axes, correlation: Array, labels: Sequence[str]) -> Axes:
    """Correlation matrix of unknowns.

    Args:
        correlation: (P, P); NaN is grey.
        labels: P names.

    Example:
        >>> pj.plotting.plot_correlations(ax, found.posterior.correlation, found.labels)
    """
    image = ax.imshow(correlation, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="correlation")
    ax.set_facecolor("0.8")
    ax.set_xticks(range(len(labels)), labels, rotation=90)
    ax.set_yticks(range(len(labels)), labels)
    if len(labels) <= READABLE:
        for i, row in enumerate(correlation):
            for j, value in enumerate(row):
                if not math.isfinite(value):
                    continue
                colour = "white" if abs(value) > 0.6 else "black"
                ax.text(
                    j, i, f"{value:.2f}", ha="center", va="center", color=colour, fontsize="small"
                )
    return ax


def _rms(off: Array) -> Array:
    """rms of each row (N, M), NaN left out; NaN where nothing is left."""
    known = np.isfinite(off)
    square = np.where(known, off, 0.0) ** 2
    count = known.sum(1)
    return np.where(count > 0, np.sqrt(square.sum(1) / np.maximum(count, 1)), np.nan)
