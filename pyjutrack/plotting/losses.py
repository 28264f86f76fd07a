"""Pictures of losses along s."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ..core.checks import require_flag, require_kind
from ..tracking.loss_map import LossMap
from .figure import require_axes
from .style import VERMILION


def plot_losses(ax: Axes, losses: LossMap, *, fraction: bool = False) -> Axes:
    """Particles lost in each element, as a bar from its beginning to its end along s [m].

    Args:
        losses: from `loss_map`.
        fraction: of all particles [%] instead of their number.

    Raises:
        InvalidValueError: no axes, or no loss map.

    Example:
        >>> pj.plotting.plot_losses(ax, pj.loss_map(ring, beam, turns=100), fraction=True)
    """
    require_axes(ax)
    require_kind("losses", losses, LossMap, "a LossMap", "as loss_map gives it")
    require_flag("fraction", fraction)
    heights = losses.counts * (100 / len(losses.element) if fraction else 1)
    hit = np.flatnonzero(losses.counts)
    starts, lengths = losses.s[:-1][hit], np.diff(losses.s)[hit]
    # the edge keeps thin elements visible
    ax.bar(
        starts,
        heights[hit],
        width=lengths,
        align="edge",
        color=VERMILION,
        edgecolor=VERMILION,
        linewidth=1.5,
    )
    start, end = float(losses.s.min()), float(losses.s.max())
    margin = 0.01 * (end - start) or 0.5
    ax.set(xlim=(start - margin, end + margin), xlabel="s [m]")
    ax.set_ylabel("lost [% of all]" if fraction else "particles lost")
    if not len(hit):
        ax.set_ylim(0, 1)
    ax.set_title(f"{losses.counts.sum()} of {len(losses.element)} lost", fontsize="medium")
    return ax
