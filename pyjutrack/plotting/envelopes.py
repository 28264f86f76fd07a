"""Envelopes of a beam along s, and the openings that it passes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..core.checks import require_real, wrong
from ..core.errors import InvalidValueError, require_known
from ..lattice.lattice import Lattice
from ..lattice.positions import places
from ..lattice.require import require_lattice
from ..optics import TwissTable
from .figure import require_axes, require_table
from .optics import interpolate_cubic
from .style import IN_X, IN_Y

#: columns of a table by plane: those of both modes, dispersion and its slope, orbit
_COLUMNS: dict[str, Any] = {
    "x": (("beta_x", "beta_x2"), ("dispersion_x", "dispersion_px"), 0, IN_X),
    "y": (("beta_y1", "beta_y"), ("dispersion_y", "dispersion_py"), 2, IN_Y),
}
_APERTURE = "0.25"


def plot_envelope(
    ax: Axes,
    table: TwissTable,
    plane: str = "x",
    *,
    emittance: Sequence[float],
    sigma_delta: float = 0.0,
    sigmas: float = 3.0,
    lattice: Lattice | None = None,
) -> Axes:
    """The closed orbit with the rms size of a beam about it [mm], along s [m], between apertures.

    The size is sqrt(beta_1 e_1 + beta_2 e_2 + (D sigma_delta)^2) with the functions of both modes
    in the plane. The inner band is of one rms, the outer of so many `sigmas`. Apertures are bars
    from their openings outwards.

    Args:
        table: from `twiss_table`.
        plane: "x" or "y".
        emittance: geometric rms emittances of both modes [m rad]; where a line accelerates, those
            at each place are not one number: give normalised ones over beta gamma there.
        sigma_delta: rms of delta.
        sigmas: how many rms sizes the outer band is wide.
        lattice: the one of the table, for its apertures: those with an `opening`.

    Raises:
        UnknownNameError: no such plane.
        InvalidValueError: no axes, table or lattice; a line that accelerates; emittances or a
            spread that are negative or no numbers.

    Example:
        >>> table = pj.twiss_table(ring, reference)
        >>> pj.plotting.plot_envelope(ax, table, "x", emittance=(1e-7, 1e-9), lattice=ring)
    """
    require_axes(ax)
    require_table(table)
    require_known("plane", plane, _COLUMNS)
    emittances = _emittances(emittance)
    for name, value in (("sigma_delta", sigma_delta), ("sigmas", sigmas)):
        require_real(name, value)
        if not 0 <= value < math.inf:
            raise wrong(name, value, "a finite number that is not negative")
    if not math.isfinite(table.momentum_compaction):
        raise InvalidValueError(
            "the line accelerates, and one emittance does not hold along it; track a beam, and "
            "plot its sizes at places by beams_at"
        )
    modes, dispersion, column, style = _COLUMNS[plane]
    square = sum(e * _between(table, name) for e, name in zip(emittances, modes, strict=True))
    s, spread = interpolate_cubic(table.s, *(getattr(table, name) for name in dispersion))
    orbit = 1e3 * np.interp(s, *_increasing(table.s, table.orbit[:, column]))
    size = 1e3 * np.sqrt(np.maximum(square + (spread * sigma_delta) ** 2, 0.0))
    for count, shade in ((sigmas, 0.22), (1.0, 0.35)):
        band: dict[str, Any] = {"color": style["color"], "alpha": shade, "linewidth": 0}
        ax.fill_between(s, orbit - count * size, orbit + count * size, label=_rms(count), **band)
        for sign in (-1, 1):
            ax.plot(s, orbit + sign * count * size, color=style["color"], linewidth=0.8)
    ax.plot(s, orbit, color="black", linewidth=1.0, linestyle="--", label="orbit")
    reach = float(np.max(np.abs(orbit) + sigmas * size))
    if lattice is not None:
        reach = _apertures(ax, lattice, plane, reach)
    low, high = float(table.s.min()), float(table.s.max())
    ax.set(xlim=(low, high), ylim=(-1.15 * reach or -1.0, 1.15 * reach or 1.0))
    ax.set(xlabel="s [m]", ylabel=f"{plane} [mm]")
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 0.98), "ncols": 4}
    ax.legend(
        frameon=False, fontsize="small", handlelength=1.1, columnspacing=0.8, borderpad=0, **place
    )
    return ax


def _rms(count: float) -> str:
    return "rms" if count == 1 else f"{count:g} rms"


def _emittances(given: Any) -> list[float]:
    try:
        found = [float(e) for e in given]
    except (TypeError, ValueError):
        found = []
    if len(found) != 2 or not all(0 <= e < math.inf for e in found):
        raise wrong("emittance", given, "two finite numbers that are not negative [m rad]")
    return found


def _between(table: TwissTable, name: str) -> Any:
    """A beta function along s; those of the other mode have no slopes, and are joined by lines."""
    values, alpha = getattr(table, name), name.replace("beta", "alpha")
    s, own = interpolate_cubic(table.s, values, -2 * getattr(table, alpha, np.zeros(len(table))))
    if hasattr(table, alpha):
        return own
    return np.interp(s, *_increasing(table.s, values)) if values.any() else np.zeros(len(s))


def _increasing(s: Any, values: Any) -> tuple[Any, Any]:
    """Places in order, as interpolation asks for; lines may step back."""
    order = np.argsort(s, kind="stable")
    return s[order], values[order]


def _apertures(ax: Axes, lattice: Lattice, plane: str, reach: float) -> float:
    """Draw the openings of a lattice; returns how far the picture must reach [mm]."""
    require_lattice(lattice)
    edges = [
        (s, *(1e3 * edge for edge in element.opening["xy".index(plane)]))
        for element, s in zip(lattice, places(lattice), strict=False)
        if element.opening is not None
    ]
    finite = [abs(edge) for _, *both in edges for edge in both if math.isfinite(edge)]
    # openings far wider than the beam would flatten it
    reach = max([reach, *(edge for edge in finite if edge < 4 * reach)])
    far = 10 * max([reach, *finite])
    bars = [bar for s, low, high in edges for bar in ((s, low, -far), (s, high, far))]
    lines = [bar for bar in bars if math.isfinite(bar[1])]
    if lines:
        at, start, end = zip(*lines, strict=True)
        nearest = min(finite)
        label = "aperture" if nearest <= reach else f"aperture $\\geq$ {nearest:.3g} mm"
        ax.vlines(at, start, end, color=_APERTURE, linewidth=2.5, label=label, zorder=4)
    return reach
