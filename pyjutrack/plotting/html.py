"""Small HTML of objects for notebooks and reports: text and inline SVG, nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

import numpy as np

from ..beam.beam import COORDINATES, Beam
from ..beam.moments import centroid, emittance, sizes
from ..core.display import as_html
from ..core.scalars import to_float
from ..elements import Element
from ..lattice.lattice import Lattice
from ..lattice.positions import places
from ..optics.table import TwissTable
from ..twin.calibration import Calibration
from .layout import Array, limits, synoptic

#: rows of a lattice's table
_ROWS = 100
_WIDTH, _HEIGHT = 800, 60
#: longer lattices are drawn to a dot, without names
_NAMED = 1500


@as_html.register
def lattice_html(lattice: Lattice) -> str:
    """A heading, the strip of the elements along s, and a table of the first hundred of them."""
    head = f"<b>Lattice</b>: {len(lattice)} elements, {_number(to_float(lattice.length))} m"
    rows = [
        (str(i), e.name, type(e).__name__, _number(s), _number(to_float(e.length)), _parameters(e))
        for i, (e, s) in enumerate(zip(lattice.elements[:_ROWS], places(lattice), strict=False))
    ]
    table = _table(("", "name", "kind", "s [m]", "length [m]", "parameters"), rows)
    more = len(lattice) - len(rows)
    rest = f"<div>and {more} more</div>" if more else ""
    details = f"<details><summary>elements</summary>{table}{rest}</details>"
    return f"<div>{head}{_svg(lattice)}{details}</div>"


@as_html.register
def beam_html(beam: Beam) -> str:
    """A heading, and mean, rms and emittance of the coordinates of the particles alive."""
    reference = beam.reference
    energy = _number(to_float(reference.kinetic_energy))
    head = (
        f"<b>Beam</b>: {len(beam)} macroparticles, {beam.lost} lost; "
        f"{escape(reference.species.name)}, kinetic energy {energy} eV, "
        + (
            f"charge {_number(to_float(beam.charge))} C"
            if to_float(beam.charge)
            else f"current {_number(to_float(beam.current))} A"
        )
    )
    if beam.coordinates.dim() != 2:
        return f"<div>{head}; a batch of shape {tuple(beam.coordinates.shape[:-2])}</div>"
    if not bool(beam.alive.any()):
        return f"<div>{head}; none is alive</div>"
    units = ("m", "1", "m", "1", "m", "1")
    moments = zip(COORDINATES, units, centroid(beam).tolist(), sizes(beam).tolist(), strict=True)
    rows = [(f"{name} [{unit}]", _number(m), _number(rms)) for name, unit, m, rms in moments]
    planes = ", ".join(
        f"{plane} {_number(float(emittance(beam, plane, normalized=True)))}" for plane in "xy"
    )
    table = _table(("", "mean", "rms"), rows)
    return f"<div>{head}{table}<div>normalised rms emittance [m rad]: {planes}</div></div>"


@as_html.register
def table_html(table: TwissTable) -> str:
    """A heading, and the optics at the first and the last places."""
    plain = table.numpy()
    head = (
        f"<b>Optics</b>: {len(plain)} places, {_number(float(plain.s[-1]))} m; tunes "
        f"{_number(plain.tune_x)}, {_number(plain.tune_y)}"
    )
    columns = ("s", "beta_x", "alpha_x", "beta_y", "alpha_y", "dispersion_x", "phase_x", "phase_y")
    kept = range(len(plain))
    if len(kept) > _ROWS:
        kept = [*kept[: _ROWS // 2], *kept[-_ROWS // 2 :]]  # type: ignore[assignment]
    rows = [
        (plain.names[i], plain.kinds[i], *(_number(float(getattr(plain, c)[i])) for c in columns))
        for i in kept
    ]
    more = len(plain) - len(rows)
    rest = f"<div>{more} places between are left out</div>" if more else ""
    return f"<div>{head}{_table(('name', 'kind', *columns), rows)}{rest}</div>"


@as_html.register
def calibration_html(calibration: Calibration) -> str:
    """Show how the calibration ended, and what it found."""
    head = f"<b>Calibration</b>: {escape(calibration.summary())}"
    return f"<div>{head}{calibration_tables(calibration)}</div>"


def calibration_tables(calibration: Calibration) -> str:
    """Unknown numbers with their errors and priors, and in short the vectors of weights."""
    rows, vectors, at, entries = [], [], 0, calibration.table()
    for u in calibration.twin.unknowns:
        own = entries[at : at + u.count]
        at += u.count
        if u.tensor().dim() == 0:
            rows.append(_format_unknown(own[0]))
        else:
            values, errors = ([e[k] for e in own] for k in ("value", "sigma"))
            numbers = (_rms(values), _rms(errors), u.prior)
            vectors.append((u.address, str(u.count), *(f"{n:.3g}" for n in numbers)))
    found = ""
    if rows:
        found += _table(
            ("unknown", "value ± error", "prior", "value / error", "pull"), rows[:_ROWS]
        )
    if len(rows) > _ROWS:
        found += f"<div>and {len(rows) - _ROWS} more</div>"
    if vectors:
        found += _table(("weights", "number", "rms value", "rms error", "prior"), vectors)
    return found


def settings_table(calibration: Calibration, mean_squares: Sequence[float]) -> str:
    """Shot by shot what was set, and its mean square residual."""
    data = calibration.data
    names = list(data.settings[0])
    rows = [
        (
            str(i),
            "held out" if i in calibration.held_out else "trained",
            f"{square:.3g}",
            *(_number(row[n]) for n in names),
        )
        for i, (row, square) in enumerate(zip(data.settings, mean_squares, strict=True))
    ]
    rest = f"<div>and {len(rows) - _ROWS} more</div>" if len(rows) > _ROWS else ""
    return _table(("shot", "", "mean square residual", *names), rows[:_ROWS]) + rest


def _format_unknown(row: dict[str, Any]) -> tuple[str, ...]:
    """Format an unknown as cells: value and error to two digits of the error."""
    value, sigma, prior = row["value"], row["sigma"], row["prior"]
    unit, scale = (" %", 100.0) if row["relative"] else ("", 1.0)
    known = math.isfinite(sigma) and sigma > 0
    left = prior * prior - sigma * sigma if known else math.nan
    return (
        row["unknown"],
        format_with_error(value, sigma, percent=row["relative"]),
        f"{scale * prior:.3g}{unit}" if math.isfinite(prior) else "none",
        f"{value / sigma:+.1f}" if known else "",
        f"{value / math.sqrt(left):+.2f}" if math.isfinite(left) and left > 0 else "",
    )


def format_with_error(value: float, sigma: float, *, percent: bool = False) -> str:
    """Format a number and its error, to two digits of the error."""
    unit, scale = (" %", 100.0) if percent else ("", 1.0)
    value, sigma = scale * value, scale * sigma
    if math.isnan(sigma) or sigma == 0:
        return f"{value:+.4g}{unit}"
    if math.isinf(sigma):
        return f"{value:+.4g}{unit}, not determined"
    power = math.floor(math.log10(max(abs(value), sigma)))
    places = 1 - math.floor(math.log10(sigma))
    if -4 < power < 5 and places >= 0:
        return f"{value:+.{places}f} ± {sigma:.{places}f}{unit}"
    digits, ten = places + power, 10.0**power
    return f"({value / ten:+.{digits}f} ± {sigma / ten:.{digits}f})e{power}{unit}"


def _rms(values: Sequence[float]) -> float:
    return math.sqrt(sum(v * v for v in values) / len(values))


def _svg(lattice: Lattice) -> str:
    """The strip; strokes keep their width, so that thin elements stay visible."""
    low, high = limits(lattice)
    middle = _HEIGHT / 2
    scale = np.array([_WIDTH / (high - low or 1.0), -0.9 * middle])
    shift = np.array([-low * scale[0], middle])
    drawn = (
        (element, glyph.colour, outline * scale + shift)
        for element, glyph, outlines in synoptic(lattice)
        for outline in outlines
    )
    shapes = _polygons(drawn) if len(lattice) <= _NAMED else _strokes(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 0 {_WIDTH + 4} {_HEIGHT}" '
        f'style="display:block;width:100%;max-width:{_WIDTH}px" stroke-width="0.8">'
        f'<line x1="0" y1="{middle}" x2="{_WIDTH}" y2="{middle}" stroke="#999"/>'
        f"{''.join(shapes)}</svg>"
    )


def _polygons(drawn: Iterable[tuple[Element, str, Array]]) -> Iterator[str]:
    """Each outline by itself, with the name of its element where the pointer rests on it."""
    for element, colour, outline in drawn:
        title = f"<title>{escape(f'{element.name} ({type(element).__name__})')}</title>"
        points = " ".join(f"{x:.5g},{y:.4g}" for x, y in outline)
        yield f'<polygon points="{points}" fill="{colour}" stroke="{colour}">{title}</polygon>'


def _strokes(drawn: Iterable[tuple[Element, str, Array]]) -> Iterator[str]:
    """Upright strokes, a dot apart, in the place of more outlines than dots; no more than those."""
    paths: dict[str, dict[str, None]] = {}
    for _, colour, outline in drawn:
        (left, bottom), (right, top) = np.rint([outline.min(0), outline.max(0)]).astype(int)
        strokes = {f"M{x} {bottom}V{top}": None for x in range(left, right + 1)}
        paths.setdefault(colour, {}).update(strokes)
    for colour, strokes in paths.items():
        lines = "".join(strokes)
        yield f'<path d="{lines}" fill="none" stroke="{colour}"/>'


def _parameters(element: Element) -> str:
    """List the element's own knobs and displacements that are not zero."""
    shown = []
    for name in (*element.knobs, *element.placement):
        value = getattr(element, name)
        numbers = [to_float(v) for v in (value if isinstance(value, tuple) else (value,))]
        if name != "length" and any(numbers):
            shown.append(f"{name} = {', '.join(map(_number, numbers))}")
    return "; ".join(shown)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def row(cells: Iterable[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in cells) + "</tr>"

    return f"<table>{row(head, 'th')}{''.join(row(r, 'td') for r in rows)}</table>"


def _number(value: float) -> str:
    return f"{value:.6g}"
