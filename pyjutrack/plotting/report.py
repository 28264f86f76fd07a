"""The report of a calibration: pictures, and one page that holds them all."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..core.atomic import write_bytes, write_text
from ..core.display import as_report
from ..diagnostics import Diagnostic
from ..engines.track import track
from ..lattice.lattice import Lattice
from ..twin.calibration import Calibration
from ..twin.goodness import find_misfit
from .figure import figure, sheet
from .fit import (
    READABLE,
    plot_correlations,
    plot_history,
    plot_residuals,
    plot_residuals_by_shot,
    plot_unknowns,
)
from .html import calibration_tables, settings_table
from .learned import plot_learned_error, plot_learned_kick
from .profiles import plot_profile, plot_readings, plot_screen

Array = NDArray[np.float64]

#: rows of a forest or of a matrix of correlations that can be read
_MANY = 40
#: numbers of a reading that are drawn one by one, shot by shot
_FEW = 6
_STYLE = """
body { font: 15px/1.45 sans-serif; color: #222 }
body { max-width: 1100px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; font-size: 0.9em; margin-bottom: 1em }
th, td { padding: 0.15em 0.8em; text-align: right; border-bottom: 1px solid #e4e4e4 }
th:first-child, td:first-child { text-align: left }
img { max-width: 100%; display: block; margin: 1em 0 }
.bad { background: #fbe3e0; padding: 0.5em 1em } .good { background: #e5f3e3; padding: 0.5em 1em }
.wide { overflow-x: auto }
"""


class Picture(NamedTuple):
    """A figure of the report, under a heading of the page."""

    name: str
    heading: str
    caption: str
    figure: Figure


class Fit(NamedTuple):
    """Readings of all shots as predicted, as designed, and how far off."""

    predicted: dict[str, Array]
    design: dict[str, Array]
    errors: dict[str, Array]
    residuals: dict[str, Array]


@as_report.register
def report(calibration: Calibration, folder: Path) -> Path:
    """Write pictures (PNG) and a page that holds them and all tables.

    Every file is written whole or not at all, the page last.

    Args:
        folder: made if it is not there; files of an earlier report are replaced.

    Returns:
        The page, `index.html`, which needs no other file.
    """
    bare = calibration.twin.replace(unknowns=())
    predicted = calibration.predict_shots()
    fit = Fit(
        predicted,
        calibration.predict_shots(bare),
        calibration.data.errors(calibration.twin),
        calibration.residuals(predicted),
    )
    sections: dict[str, list[str]] = {}
    for picture in _pictures(calibration, fit):
        buffer = io.BytesIO()
        picture.figure.savefig(buffer, format="png", dpi=120)
        content = buffer.getvalue()
        write_bytes(folder / f"{picture.name}.png", content)
        text = base64.b64encode(content).decode()
        sections.setdefault(picture.heading, []).append(
            f"<p>{escape(picture.caption)}</p>"
            f'<img alt="{escape(picture.name)}" src="data:image/png;base64,{text}">'
        )
    page = folder / "index.html"
    write_text(page, _page(calibration, fit, sections))
    return page


def _page(calibration: Calibration, fit: Fit, sections: dict[str, list[str]]) -> str:
    misfit = find_misfit(fit.residuals, calibration.trained)
    state = "good" if calibration.converged and misfit is None else "bad"
    pictures = "".join(f"<h2>{escape(h)}</h2>{''.join(s)}" for h, s in sections.items())
    shots = _mean_squares(fit)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Calibration</title><style>{_STYLE}</style></head><body>"
        f"<h1>Calibration</h1><p class='{state}'>{escape(calibration.summary())}</p>"
        "<p>The mean square residual is near 1 where the model is right and the errors of the "
        "readings are what they were said to be; beyond what chance makes of it the model lacks "
        "something, and values and errors are not to be trusted.</p>"
        f"<h2>Unknowns</h2>{calibration_tables(calibration)}"
        "<p>Values are what a knob has more than it is set to, or by how many per cent of its "
        "setting; errors are rms of the posterior. Prior: rms of what was thought possible. Pull: "
        "value over the rms that it has if the prior is right, sqrt(prior&sup2; - error&sup2;); "
        "beyond 3 the prior was too narrow, or the model lacks something.</p>"
        f"{pictures}"
        f"<h2>Settings</h2><div class='wide'>{settings_table(calibration, shots.tolist())}</div>"
        "</body></html>\n"
    )


def _mean_squares(fit: Fit) -> Array:
    """Mean square residual of each shot."""
    rows = np.concatenate([r.reshape(len(r), -1) for r in fit.residuals.values()], 1)
    known = np.isfinite(rows)
    return np.asarray((np.where(known, rows, 0.0) ** 2).sum(1) / np.maximum(known.sum(1), 1))


def _pictures(calibration: Calibration, fit: Fit) -> Iterator[Picture]:
    yield from _summaries(calibration, fit)
    yield from _plot_unknowns(calibration)
    yield from _plot_kicks(calibration)
    for name in calibration.data.readings:
        diagnostic = calibration.twin.diagnostic(name)
        file = "reading-" + "".join(c if c.isalnum() or c in "._-" else "_" for c in name)
        drawn, caption = _reading(calibration, fit, diagnostic)
        yield Picture(file, "Readings", f"{name}: {caption}", drawn)


def _summaries(calibration: Calibration, fit: Fit) -> Iterator[Picture]:
    trained = [i for i in range(len(calibration.data)) if i not in calibration.held_out]
    readings = sum(int(mask[trained].sum()) for mask in calibration.data.used.values())
    fig, (left, right) = figure(2, width=5.4, height=3.6)
    plot_history(left, calibration.history, readings)
    plot_residuals(right, fit.residuals, calibration.held_out)
    yield Picture(
        "fit",
        "Fit",
        "How the fit went, and all residuals in units of their errors; the last bins hold all "
        "beyond.",
        fig,
    )
    fig, ax = figure(width=10.8, height=1.6 + 0.25 * len(fit.residuals))
    plot_residuals_by_shot(ax, fit.residuals, calibration.held_out)
    caption = "rms residual of each diagnostic at each shot, in units of the errors."
    yield Picture("shots", "Fit", caption, fig)


def _plot_unknowns(calibration: Calibration) -> Iterator[Picture]:
    rows = [r for r, s in zip(calibration.table(), calibration.scalar, strict=True) if s]
    groups = [[r for r in rows if r["relative"] == kind] for kind in (True, False)]
    groups = [_largest(group) for group in groups if group]
    if groups:
        fig = sheet(9.0, sum(0.9 + 0.28 * len(group) for group in groups))
        heights = [1 + len(group) for group in groups]
        axes = np.atleast_1d(fig.subplots(len(groups), 1, height_ratios=heights))
        for ax, group in zip(axes, groups, strict=True):
            plot_unknowns(ax, group)
        caption = "What was found: values with bars of one error; grey is the rms of the prior."
        if sum(map(len, groups)) < len(rows):
            caption += f" Of {len(rows)}, those that are most of their errors."
        yield Picture("unknowns", "Unknowns in pictures", caption, fig)
    if calibration.posterior is None or len(rows) < 2:
        return
    scalar = np.flatnonzero(calibration.scalar)[:_MANY]
    cell = 0.45 if len(scalar) <= READABLE else 0.27
    fig, ax = figure(width=3.2 + cell * len(scalar), height=2.4 + cell * len(scalar))
    labels = [calibration.labels[i] for i in scalar]
    plot_correlations(ax, calibration.posterior.correlation[np.ix_(scalar, scalar)], labels)
    caption = "Correlations of the errors of what was found."
    if len(scalar) < len(rows):
        caption += f" The first {len(scalar)} of {len(rows)}."
    yield Picture("correlations", "Unknowns in pictures", caption, fig)


def _largest(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """Keep as many as can be read, those that are most of their errors, in their order."""
    if len(rows) <= _MANY:
        return rows
    pulls = [abs(r["value"]) / r["sigma"] if r["sigma"] > 0 else 0.0 for r in rows]
    return [rows[i] for i in sorted(np.argsort(pulls)[-_MANY:].tolist())]


def _plot_kicks(calibration: Calibration) -> Iterator[Picture]:
    machine = calibration.twin.machine(calibration.data.settings[0])
    kick: Any
    for place, kick in enumerate(machine.lattice):
        if not kick.is_learned:
            continue
        beam = machine.beam
        if place:
            front = Lattice(machine.lattice.elements[:place])
            beam = track(front, beam, effects=machine.effects)
        covariance = _weights_covariance(calibration, f"{kick.name}.weights")
        fig, axes = figure(1 if covariance is None else 2, width=5.4, height=4.2)
        axes = np.atleast_1d(axes)
        plot_learned_kick(axes[0], kick, beam)
        axes[0].set_title(f"{kick.name}: potential and kick", fontsize="medium", loc="left")
        if covariance is not None:
            plot_learned_error(axes[1], kick, beam, covariance)
            axes[1].set_title("its error", fontsize="medium", loc="left")
        caption = (
            f"The learned potential of {kick.name} where the beam of the first shot is: dashed "
            "are one and two rms of it. Arrows are kicks, in units of the reference momentum."
        )
        yield Picture(f"kick-{place}", "Learned fields", caption, fig)


def _weights_covariance(calibration: Calibration, address: str) -> Array | None:
    """Covariance of one vector of unknowns, if it is one and has one."""
    at = 0
    for u in calibration.twin.unknowns:
        if u.address == address and calibration.posterior is not None:
            own = slice(at, at + u.count)
            return calibration.posterior.covariance[own, own]
        at += u.count
    return None


def _reading(calibration: Calibration, fit: Fit, diagnostic: Diagnostic) -> tuple[Figure, str]:
    """A picture of all that one diagnostic has read, or of its worst, median and best shot."""
    name, shape = diagnostic.name, tuple(diagnostic.shape)
    data = calibration.data
    tables = (data.readings[name], fit.errors[name], fit.predicted[name])
    design, used = fit.design[name], data.used[name]
    if np.prod(shape, dtype=int) <= _FEW:
        count = int(np.prod(shape, dtype=int))
        fig, axes = figure(count, width=max(10.8 / count, 3.6), height=3.2)
        for entry, ax in enumerate(np.atleast_1d(axes)):
            measured, errors, predicted, before = (
                t.reshape(len(data), -1)[:, entry] for t in (*tables, design)
            )
            mask = used.reshape(len(data), -1)[:, entry]
            plot_readings(
                ax, diagnostic, entry, measured, errors, predicted, design=before, used=mask
            )
        np.atleast_1d(axes)[0].legend(frameon=False, fontsize="small")
        return fig, "all shots."
    square = np.nanmean(fit.residuals[name].reshape(len(data), -1) ** 2, 1)
    shots = _worst_median_best(square)
    words = ", ".join(f"shot {shot} ({word})" for shot, word in shots.items())
    if len(shape) == 2:
        fig = sheet(10.8, 3.1 * len(shots))
        grid = fig.subplots(len(shots), 3, squeeze=False)
        for row, shot in zip(grid, shots, strict=True):
            measured, errors, predicted = (t[shot] for t in tables)
            plot_screen(row, diagnostic, measured, errors, predicted, used=used[shot])
            row[0].set_title(f"measured, {_title(calibration, shot, square)}", fontsize="medium")
        return fig, words
    fig, axes = figure(len(shots), width=3.6 if len(shots) > 2 else 5.4, height=3.4)
    for ax, shot in zip(np.atleast_1d(axes), shots, strict=True):
        measured, errors, predicted = (t[shot].reshape(-1) for t in tables)
        plot_profile(
            ax, diagnostic, measured, errors, predicted, design=design[shot], used=used[shot]
        )
        ax.set_title(_title(calibration, shot, square), fontsize="medium")
    np.atleast_1d(axes)[0].legend(frameon=False, fontsize="small")
    return fig, words


def _worst_median_best(square: Array) -> dict[int, str]:
    """Shots by their mean square residual, each once; those without any are left out."""
    order = [int(i) for i in np.argsort(square, kind="stable") if np.isfinite(square[i])]
    found: dict[int, str] = {}
    for shot, word in (
        (order[-1], "worst"),
        (order[len(order) // 2], "median"),
        (order[0], "best"),
    ):
        found.setdefault(shot, word)
    return found


def _title(calibration: Calibration, shot: int, square: Array) -> str:
    out = ", held out" if shot in calibration.held_out else ""
    return f"shot {shot}{out}: $\\chi^2/n$ = {square[shot]:.3g}"
