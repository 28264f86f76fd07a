"""Draw docs/frame.svg, the moving frame: `python docs/frame.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "0.45"
RADIUS, ANGLE = 5.0, 0.9


def on_orbit(turned: float, x: float = 0.0) -> np.ndarray:
    """A place beside the reference orbit, seen from above: x is away from the centre."""
    return np.array([np.sin(turned), np.cos(turned)]) * (RADIUS + x) - [0.0, RADIUS]


def arrow(ax, start, along, colour, words, shift=(0.0, 0.0)) -> None:
    end = np.add(start, along)
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.8})
    ax.annotate(words, end + shift, color=colour, ha="center", va="center")


def draw() -> Figure:
    figure = Figure(figsize=(7.6, 4.2), layout="constrained")
    FigureCanvasSVG(figure)
    ax = figure.subplots()
    arc = np.array([on_orbit(a) for a in np.linspace(0, ANGLE, 50)])
    before, after = np.array([[-3.0, 0.0], [0.0, 0.0]]), arc[-1]
    out = np.array([np.cos(ANGLE), -np.sin(ANGLE)])
    ax.plot(*np.vstack([before, arc, [after + 2.0 * out]]).T, color="black", linewidth=1.6)
    for turned in (0.0, ANGLE):
        ax.plot(*np.array([on_orbit(turned, -1.6), on_orbit(turned)]).T, "--", color=GREY, lw=0.9)
    ax.annotate("faces of a bend\nof positive angle", (1.4, -2.6), color=GREY, ha="center")
    at = 0.42
    origin, s = on_orbit(at), np.array([np.cos(at), -np.sin(at)])
    left = np.array([np.sin(at), np.cos(at)])
    arrow(ax, origin, 1.5 * left, BLUE, "x", 0.18 * left)
    arrow(ax, origin, 1.5 * s, BLUE, "s", 0.2 * s)
    ax.plot(*origin, "o", markersize=13, markerfacecolor="white", markeredgecolor=BLUE)
    ax.plot(*origin, ".", color=BLUE)
    ax.annotate("y, up, out of the page", np.add(origin, (-0.35, -0.65)), color=BLUE, ha="center")
    particle = np.array([-1.2, 0.75])
    ax.plot(*particle, "o", color=VERMILION)
    ax.plot([-1.2, -1.2], [0.0, 0.75], ":", color=VERMILION)
    ax.annotate("x > 0", (-1.28, 0.45), color=VERMILION, ha="right", va="center")
    arrow(ax, particle, (1.0, 0.34), VERMILION, "P / P0", (0.3, 0.14))
    arrow(ax, particle, (0.0, 0.34), VERMILION, "px", (-0.16, 0.12))
    ax.plot(-2.3, 0.0, "o", color="black")
    ax.annotate("reference particle", (-2.75, 0.24), ha="left", va="center", fontsize="small")
    ax.annotate("", (-1.2, -0.12), (-2.3, -0.12), arrowprops={"arrowstyle": "<->", "lw": 1.0})
    ax.annotate("z > 0: ahead, early", (-1.75, -0.36), ha="center", va="center")
    ax.set(xlim=(-3.2, 6.0), ylim=(-3.9, 1.9), aspect="equal")
    ax.set_axis_off()
    return figure


if __name__ == "__main__":
    with rc_context({"svg.hashsalt": "frame"}):  # the same file each time
        draw().savefig(Path(__file__).with_name("frame.svg"), metadata={"Date": None})
