"""Pictures of tune footprints."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..core.checks import require_flag, require_kind, require_whole
from ..core.errors import InvalidValueError
from ..diagnostics import Footprint
from .figure import require_axes

#: a change of the tunes below this is drawn as this, log10
_STILL = -12.0
#: of lines of even n, which upright fields drive, and of odd n, which skew ones do
_DASHES = "-", (0, (4, 2))
#: labels along a line: where they are tried, and how near to another they may be, of the frame
_ALONG, _APART = np.linspace(0.93, 0.07, 12), 0.09


def plot_footprint(
    ax: Axes, footprint: Footprint, *, resonances: int = 0, labels: bool = False
) -> Axes:
    """Tunes of particles in one plane against those in another, coloured by their diffusion.

    Args:
        footprint: of two planes, from `pj.diagnostics.footprint`.
        resonances: draw the lines m Qx + n Qy = p up to this order |m| + |n|; none by 0. Those of
            low order are the thicker; those of odd n are dashed: in x and y skew fields drive them.
        labels: write (m, n) on each line that there is room on.

    Raises:
        InvalidValueError: another number of planes, no particle with tunes.

    Example:
        >>> found = pj.diagnostics.footprint(ring, beam, turns=1024)
        >>> pj.plotting.plot_footprint(ax, found, resonances=5, labels=True)
    """
    require_axes(ax)
    require_kind("footprint", footprint, Footprint, "a Footprint", "as diagnostics.footprint gives")
    require_whole("resonances", resonances)
    require_flag("labels", labels)
    if len(footprint.planes) != 2:
        raise InvalidValueError(f"a picture is of two planes, got {footprint.planes}")
    tunes, colours = footprint.tunes.reshape(-1, 2), footprint.diffusion.reshape(-1)
    some = np.isfinite(tunes).all(1)
    if not some.any():
        raise InvalidValueError("no particle has tunes in both planes; there is nothing to draw")
    settings: Any = {"s": 6, "cmap": "viridis", "linewidths": 0, "rasterized": True, "zorder": 2}
    colours = np.maximum(colours[some], _STILL)
    drawn = ax.scatter(tunes[some, 0], tunes[some, 1], c=colours, **settings)
    margins = np.ptp(tunes[some], axis=0) * 0.08
    margins = np.where(margins > 0, margins, 1e-3)
    low, high = tunes[some].min(0) - margins, tunes[some].max(0) + margins
    _lines(ax, low, high, int(resonances), labels)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set(xlabel=f"tune in {footprint.planes[0]}", ylabel=f"tune in {footprint.planes[1]}")
    ax.ticklabel_format(useOffset=False)
    ax.locator_params(axis="x", nbins=5)
    figure: Any = ax.figure
    figure.colorbar(drawn, ax=ax, label=r"diffusion $\log_{10}|\Delta Q|$")
    return ax


def _lines(ax: Axes, low: Any, high: Any, order: int, labels: bool) -> None:
    """Draw the resonances that cross a rectangle, the strongest boldest."""
    taken: list[Any] = []
    for m in range(order + 1):
        for n in range(-order, order + 1):
            total = m + abs(n)
            if not 0 < total <= order or (m == 0 and n < 0):
                continue
            reach = [m * u + n * v for u in (low[0], high[0]) for v in (low[1], high[1])]
            for p in range(int(np.ceil(min(reach))), int(np.floor(max(reach))) + 1):
                if math.gcd(m, n, p) != 1:
                    continue  # one of lower order
                style: Any = {"color": "0.4", "linewidth": max(3 / total, 0.6), "zorder": 1}
                style["linestyle"] = _DASHES[n % 2]
                if n:
                    u = np.array([low[0], high[0]])
                    ax.plot(u, (p - m * u) / n, **style)
                else:
                    ax.axvline(p / m, **style)
                if labels:
                    _write(ax, (m, n, p), low, high, taken)


def _write(ax: Axes, line: tuple[int, int, int], low: Any, high: Any, taken: list[Any]) -> None:
    """Write (m, n) on a line, in the frame and apart from other such labels if there is a place."""
    m, n, p = line
    span = high - low
    if abs(n) * span[1] > m * span[0]:  # the line is met by every u
        u = low[0] + _ALONG * span[0]
        at = np.stack([u, (p - m * u) / n], 1)
    else:
        v = low[1] + _ALONG * span[1]
        at = np.stack([(p - n * v) / m, v], 1)
    at = (at - low) / span
    at = at[((at > 0.04) & (at < 0.96)).all(1)]
    free = [a for a in at if all(np.abs(a - t).max() > _APART for t in taken)]
    if not free:
        return
    taken.append(free[0])
    ax.annotate(
        f"({m}, {n})".replace("-", "\N{MINUS SIGN}"),
        free[0],
        xycoords="axes fraction",
        ha="center",
        va="center",
        fontsize="small",
        zorder=3,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8},
    )
