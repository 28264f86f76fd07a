"""A lattice along s."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from ..core.checks import require_flag
from ..elements.glyph import Glyph
from ..lattice.lattice import Lattice
from ..lattice.require import require_lattice
from .figure import require_axes
from .layout import Array, limits, synoptic

#: edges of so many elements would cover their neighbours
_MANY = 300


def plot_lattice(ax: Axes, lattice: Lattice, *, legend: bool = False) -> Axes:
    """The elements of a lattice as a strip along s [m].

    Quadrupoles that focus x stand up, those that focus y hang down; sextupoles and octupoles
    likewise by their sign. Drifts, markers and patches are the line itself.

    Args:
        legend: name the kinds that occur, above the strip.

    Raises:
        InvalidValueError: no axes, no lattice, or one of many settings.

    Example:
        >>> pj.plotting.plot_lattice(ax, ring, legend=True)
    """
    require_axes(ax)
    require_lattice(lattice)
    require_flag("legend", legend)
    kinds: dict[Glyph, list[Array]] = {}
    for drawn in synoptic(lattice):
        kinds.setdefault(drawn.glyph, []).extend(drawn.outlines)
    start, end = limits(lattice)
    ax.plot([start, end], [0, 0], color="0.6", linewidth=0.8, zorder=1)
    for glyph, outlines in kinds.items():
        # the edge keeps thin elements, and those of a long ring, visible
        ax.add_collection(
            PolyCollection(
                outlines,
                facecolors=glyph.colour,
                edgecolors=glyph.colour,
                linewidths=0.8 if len(lattice) < _MANY else 0.3,
                label=glyph.label,
                zorder=2,
            ),
            autolim=False,
        )
    margin = 0.01 * (end - start) or 0.5
    ax.set(xlim=(start - margin, end + margin), ylim=(-1.15, 1.15), yticks=[], xlabel="s [m]")
    for side in ("left", "right", "top"):
        ax.spines[side].set_visible(False)
    if legend and kinds:
        ax.legend(
            frameon=False, fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=6
        )
    return ax
