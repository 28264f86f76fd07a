"""Figures 2 and 3 as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ... import plotting
from ...core.atomic import write_whole

_NAMES = {"unet": "U-Net", "spectral": "spectral solver", "jutrack": "JuTrack's own"}


def draw(results: dict[str, Any], out: Path) -> list[Path]:
    """Draw the figures that the results hold; returns the files written."""
    written = []
    if "field" in results:
        written.append(_field(results["field"], results["solver"], out / "figure2.png"))
    if "tune_against_current" in results:
        written.append(_tunes(results["tune_against_current"], out / "figure3.png"))
    return written


def _field(data: dict[str, Any], solver: str, path: Path) -> Path:
    fig, axes = plotting.figure(4, width=4.2)
    names = ("$-\\partial H/\\partial x$", "$-\\partial H/\\partial y$")
    for i, (name, axis) in enumerate(zip(names, "xy", strict=True)):
        ours, free = -np.array(data["ours"][i]), -np.array(data["bassetti_erskine"][i])
        plotting.field_comparison(axes[2 * i], free, ours, name, "Bassetti-Erskine")
        error = 100 * (ours - free) / np.abs(free).max()
        plotting.field_error(axes[2 * i + 1], data[axis], error, axis)
    sx, sy = (s * 1e3 for s in data["sigma"])
    fig.suptitle(
        f"{_NAMES[solver]}, Gaussian beam, $\\sigma_x$ = {sx:g} mm, $\\sigma_y$ = {sy:g} mm: "
        f"rms difference {data['from_bassetti_erskine']:.2%}, "
        f"of which the wall makes {data['wall_share']:.2%}"
    )
    write_whole(path, lambda p: fig.savefig(p, dpi=130, format="png"))
    return path


def _tunes(data: dict[str, Any], path: Path) -> Path:
    fig, ax = plotting.figure(width=6.5)
    labels = {"physical": "physical perveance", "published": "half of it, as published"}
    for convention, curves in data.items():
        (name, curve), *beside = curves.items()
        tunes, slopes = np.array(curve["tunes"])[:, 0], np.array(curve["slopes"])[:, 0]
        label = f"{_NAMES[name]}, {labels[convention]}"
        plotting.tune_against_current(ax, curve["current"], tunes, slopes, label)
        for _, other in beside:
            ax.plot(other["current"], np.array(other["tunes"])[:, 0], color="grey", linewidth=0.8)
    if beside:
        ax.plot([], [], color="grey", linewidth=0.8, label="spectral solver")
    ax.plot([], [], color="#D55E00", linewidth=1.5, label="slope by AD")
    ax.legend(frameon=False)
    ax.set_title("Tune against current, with the exact slopes")
    write_whole(path, lambda p: fig.savefig(p, dpi=130, format="png"))
    return path
