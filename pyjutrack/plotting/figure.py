"""Figures that no window system and no global state knows of."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core.checks import require_kind
from ..optics import TwissTable

#: points of a picture in a notebook, of those of its screen and for each of them
_DPI, _FINE = 96, 2


class NotebookFigure(Figure):
    """A figure that notebooks show, though pyplot does not know it."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Return a picture, and how wide it is to be."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=_DPI * _FINE)
        return buffer.getvalue(), {"width": round(_DPI * self.get_figwidth())}


def figure(columns: int = 1, *, width: float = 5.0, height: float = 4.0) -> tuple[Figure, Any]:
    """A figure outside pyplot's registry, with a row of axes.

    Args:
        columns: axes beside each other.
        width, height: of each [inch]; a column of a journal, 85 mm, is 3.35.

    Returns:
        The figure, and its axes: one, or an array (columns,).

    Example:
        >>> figure, ax = pj.plotting.figure(width=3.35, height=2.6)
        >>> pj.plotting.plot_phase_space(ax, beam, "x", ellipse=True)
        >>> figure.savefig("phase_space.pdf")
    """
    fig = sheet(width * columns, height)
    return fig, fig.subplots(1, columns)


def sheet(width: float = 9.0, height: float = 5.5) -> Figure:
    """An empty figure outside pyplot's registry, of a width and a height [inch].

    Example:
        >>> axes = pj.plotting.plot_optics(table, ring, figure=pj.plotting.sheet(7.0, 4.5))
    """
    return NotebookFigure(figsize=(width, height), layout="constrained")


def require_axes(ax: Any) -> None:
    """Raise InvalidValueError for what is no matplotlib Axes."""
    require_kind("ax", ax, Axes, "matplotlib Axes", "such as pyjutrack.plotting.figure()[1]")


def require_table(table: Any) -> None:
    """Raise InvalidValueError for what is no TwissTable of arrays."""
    require_kind("table", table, TwissTable, "a TwissTable", "as twiss_table gives it")
