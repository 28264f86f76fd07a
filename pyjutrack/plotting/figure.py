"""Figures that no window system and no global state knows of."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure


def figure(columns: int = 1, *, width: float = 5.0, height: float = 4.0) -> tuple[Figure, Any]:
    """A figure outside pyplot's registry, with a row of axes."""
    fig = Figure(figsize=(width * columns, height), layout="constrained")
    axes = fig.subplots(1, columns)
    return fig, axes
