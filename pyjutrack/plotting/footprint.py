"""Pictures of tune footprints."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..core.checks import require_kind, require_whole
from ..core.errors import InvalidValueError
from ..diagnostics import Footprint
from .figure import require_axes

#: a change of the tunes below this is drawn as this, log10
_STILL = -12.0


def plot_footprint(ax: Axes, footprint: Footprint, *, resonances: int = 0) -> Axes:
    """Tunes of particles in one plane against those in another, coloured by their diffusion.

    Args:
        footprint: of two planes, from `pj.diagnostics.footprint`.
        resonances: draw the lines m Qx + n Qy = p up to this order |m| + |n|; none by 0.

    Raises:
        InvalidValueError: another number of planes, no particle with tunes.
    """
    require_axes(ax)
    require_kind("footprint", footprint, Footprint, "a Footprint", "as diagnostics.footprint gives")
    require_whole("resonances", resonances)
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
    _lines(ax, low, high, int(resonances))
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set(xlabel=f"tune in {footprint.planes[0]}", ylabel=f"tune in {footprint.planes[1]}")
    ax.ticklabel_format(useOffset=False)
    ax.locator_params(axis="x", nbins=5)
    figure: Any = ax.figure
    figure.colorbar(drawn, ax=ax, label=r"diffusion $\log_{10}|\Delta Q|$")
    return ax


def _lines(ax: Axes, low: Any, high: Any, order: int) -> None:
    """Draw the resonances that cross a rectangle, the strongest boldest."""
    for m in range(order + 1):
        for n in range(-order, order + 1):
            total = m + abs(n)
            if not 0 < total <= order or (m == 0 and n < 0):
                continue
            reach = [m * u + n * v for u in (low[0], high[0]) for v in (low[1], high[1])]
            for p in range(int(np.ceil(min(reach))), int(np.floor(max(reach))) + 1):
                if math.gcd(m, n, p) != 1:
                    continue  # one of lower order
                style: Any = {"color": "tab:grey", "linewidth": 3 / total, "zorder": 1}
                if n:
                    u = np.array([low[0], high[0]])
                    ax.plot(u, (p - m * u) / n, **style)
                else:
                    ax.axvline(p / m, **style)
