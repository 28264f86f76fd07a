"""Pictures of measured readings beside those that a model predicts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..core.errors import InvalidValueError
from ..diagnostics import BeamPosition, BeamSize, Diagnostic
from .style import BLUE, ORANGE

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: colours: of what was measured, of the model, of the model as designed
MEASURED, MODEL, DESIGN = "black", BLUE, ORANGE
#: residuals beyond which the colours of a screen end, at least
_FAR = 3.0


def plot_profile(
    ax: Axes,
    diagnostic: Diagnostic,
    measured: Array,
    errors: Array | float,
    predicted: Array,
    *,
    label: str = "calibrated",
    design: Array | None = None,
    used: Mask | None = None,
) -> Axes:
    """A measured profile with error bars over the line of a model.

    Args:
        diagnostic: with `axes` and `labels`, as a `WireScanner`; else readings are counted.
        measured, errors, predicted: (bins,); of errors also a number for all, as its `noise`.
        label: of the model, in the legend.
        design: what the model predicts before it is fitted.
        used: readings that count; the others are left out.

    Raises:
        InvalidValueError: these are no profiles.

    Example:
        >>> measured, errors = data.readings[wire.name][0], data.errors(twin)[wire.name][0]
        >>> predicted = twin.predict(data.settings[0])[wire.name]
        >>> pj.plotting.plot_profile(ax, wire, measured, errors, predicted)
    """
    if len(diagnostic.shape) != 1:
        raise InvalidValueError(
            f"{diagnostic.name} reads {diagnostic.shape}; a profile has one axis"
        )
    places, axis = _axis(diagnostic, 0)
    errors = np.broadcast_to(errors, np.shape(measured))
    kept = np.ones(len(measured), dtype=bool) if used is None else used
    if design is not None:
        ax.plot(places, design, color=DESIGN, linestyle="--", linewidth=1.2, label="as designed")
    ax.plot(places, predicted, color=MODEL, linewidth=1.5, label=label)
    ax.errorbar(
        places[kept],
        measured[kept],
        errors[kept],
        fmt="o",
        color=MEASURED,
        markersize=2.5,
        linewidth=0.8,
        label="measured",
    )
    ax.set(xlabel=axis, ylabel="fraction per bin" if _has_axes(diagnostic) else "reading")
    ax.grid(alpha=0.25)
    return ax


def plot_screen(
    axes: Sequence[Axes],
    diagnostic: Diagnostic,
    measured: Array,
    errors: Array,
    predicted: Array,
    *,
    used: Mask | None = None,
) -> Sequence[Axes]:
    """A measured image, the predicted one in the same colours, and their difference.

    Args:
        axes: three, from left to right.
        diagnostic: with two `axes` and `labels`, as a `Screen`; else pixels are counted.
        measured, errors, predicted: (pixels in x, pixels in y).
        used: pixels that count; the others are grey.

    Raises:
        InvalidValueError: these are no images, or not three axes.

    Example:
        >>> figure, axes = pj.plotting.figure(3)
        >>> pj.plotting.plot_screen(axes, screen, measured, errors, predicted)
    """
    if len(diagnostic.shape) != 2 or len(axes) != 3:
        raise InvalidValueError(
            f"{diagnostic.name} reads {diagnostic.shape}, and there are {len(axes)} axes; an image "
            "has two axes, and three pictures"
        )
    (x, x_label), (y, y_label) = _axis(diagnostic, 0), _axis(diagnostic, 1)
    dx, dy = x[1] - x[0], y[1] - y[0]
    extent = (x[0] - dx / 2, x[-1] + dx / 2, y[0] - dy / 2, y[-1] + dy / 2)
    kept = np.ones(measured.shape, dtype=bool) if used is None else used
    off = np.where(kept, (predicted - measured) / np.where(kept, errors, 1.0), np.nan)
    top = max(float(np.max(predicted)), float(np.max(measured, initial=0.0, where=kept)))
    far = max(_FAR, float(np.nanquantile(np.abs(off), 0.995))) if kept.any() else _FAR
    pictures = (
        ("measured", np.where(kept, measured, np.nan), "viridis", (0.0, top), "fraction per pixel"),
        ("calibrated", predicted, "viridis", (0.0, top), "fraction per pixel"),
        ("calibrated - measured", off, "RdBu_r", (-far, far), "in rms errors"),
    )
    for ax, (title, image, colours, (low, high), unit) in zip(axes, pictures, strict=True):
        drawn = ax.imshow(
            image.T,
            origin="lower",
            extent=extent,
            cmap=colours,
            vmin=low,
            vmax=high,
            aspect="auto",
            interpolation="nearest",
        )
        ax.set_facecolor("0.8")
        ax.set(xlabel=x_label, ylabel=y_label)
        ax.set_title(title, fontsize="medium")
        bar = ax.figure.colorbar(drawn, ax=ax, label=unit)
        bar.ax.locator_params(nbins=5)
    return axes


def plot_readings(
    ax: Axes,
    diagnostic: Diagnostic,
    entry: int,
    measured: Array,
    errors: Array,
    predicted: Array,
    *,
    design: Array | None = None,
    used: Mask | None = None,
) -> Axes:
    """One number that a diagnostic reads, shot by shot.

    Args:
        entry: which, of the reading in a row.
        measured, errors, predicted, design, used: (shots,), as for `plot_profile`.

    Example:
        >>> pj.plotting.plot_readings(ax, position, 0, measured, errors, predicted)  # x
    """
    scale, label = 1.0, "reading" if diagnostic.shape else diagnostic.name
    if isinstance(diagnostic, (BeamPosition, BeamSize)) and diagnostic.shape == (2,):
        figure = "mean" if isinstance(diagnostic, BeamPosition) else "rms"
        scale, label = 1e3, f"{figure} {'xy'[entry]} [mm]"
    elif diagnostic.shape:
        label = f"reading {entry}"
    shots = np.arange(len(measured))
    kept = np.ones(len(measured), dtype=bool) if used is None else used
    if design is not None:
        ax.plot(shots, scale * design, "_", color=DESIGN, markersize=9, label="as designed")
    ax.plot(shots, scale * predicted, "_", color=MODEL, markersize=9, label="calibrated")
    ax.errorbar(
        shots[kept],
        scale * measured[kept],
        scale * errors[kept],
        fmt="o",
        color=MEASURED,
        markersize=2.5,
        linewidth=0.8,
        label="measured",
    )
    ax.set(xlabel="shot", ylabel=label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.25)
    return ax


def _has_axes(diagnostic: Diagnostic) -> bool:
    return hasattr(diagnostic, "axes") and hasattr(diagnostic, "labels")


def _axis(diagnostic: Diagnostic, index: int) -> tuple[Array, str]:
    """Places of the readings along an axis and what to call it."""
    if _has_axes(diagnostic):
        bins, label = diagnostic.axes[index], diagnostic.labels[index]  # type: ignore[attr-defined]
        return 1e3 * bins.centres, f"{label} [mm]"
    return np.arange(float(diagnostic.shape[index])), "reading"
