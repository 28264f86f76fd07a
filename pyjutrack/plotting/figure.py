"""Figures that no window system and no global state knows of."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure


def figure(columns: int = 1, *, width: float = 5.0, height: float = 4.0) -> tuple[Figure, Any]:
    """A figure outside pyplot's registry, with a row of axes."""
    fig = sheet(width * columns, height)
    return fig, fig.subplots(1, columns)


def sheet(width: float = 9.0, height: float = 5.5) -> Figure:
    """An empty figure outside pyplot's registry."""
    return Figure(figsize=(width, height), layout="constrained")
