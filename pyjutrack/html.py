"""Lattices and beams as small HTML, for notebooks: text and inline SVG, nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from .beam import COORDINATES, Beam
from .elements import Element
from .lattice import Lattice
from .moments import centroid, emittance, sizes
from .number import detached
from .optics.table import TwissTable
from .strip import places, strip

#: rows of a lattice's table
_ROWS = 100
_WIDTH, _HEIGHT = 800, 60


def lattice_html(lattice: Lattice) -> str:
    """A heading, the strip of the elements along s, and a table of the first hundred of them."""
    head = f"<b>Lattice</b>: {len(lattice)} elements, {_number(detached(lattice.length))} m"
    rows = [
        (str(i), e.name, type(e).__name__, _number(s), _number(detached(e.length)), _parameters(e))
        for i, (e, s) in enumerate(zip(lattice.elements[:_ROWS], places(lattice), strict=False))
    ]
    table = _table(("", "name", "kind", "s [m]", "length [m]", "parameters"), rows)
    more = len(lattice) - len(rows)
    rest = f"<div>and {more} more</div>" if more else ""
    details = f"<details><summary>elements</summary>{table}{rest}</details>"
    return f"<div>{head}{_svg(lattice)}{details}</div>"


def beam_html(beam: Beam) -> str:
    """A heading, and mean, rms and emittance of the coordinates of the particles alive."""
    reference = beam.reference
    head = (
        f"<b>Beam</b>: {len(beam)} macroparticles, {beam.lost} lost; "
        f"{escape(reference.species.name)}, kinetic energy {_number(reference.kinetic_energy)} eV, "
        f"current {_number(detached(beam.current))} A"
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


def _svg(lattice: Lattice) -> str:
    """The strip; strokes keep their width, so that thin elements stay visible."""
    scale = _WIDTH / (float(places(lattice)[-1]) or 1.0)
    middle = _HEIGHT / 2
    shapes = []
    for element, look, outlines in strip(lattice):
        title = f"<title>{escape(f'{element.name} ({type(element).__name__})')}</title>"
        for outline in outlines:
            points = " ".join(
                f"{s * scale:.5g},{middle - 0.9 * middle * height:.4g}" for s, height in outline
            )
            colour = look.colour
            shapes.append(
                f'<polygon points="{points}" fill="{colour}" stroke="{colour}">{title}</polygon>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 0 {_WIDTH + 4} {_HEIGHT}" '
        f'style="display:block;width:100%;max-width:{_WIDTH}px" stroke-width="0.8">'
        f'<line x1="0" y1="{middle}" x2="{_WIDTH}" y2="{middle}" stroke="#999"/>'
        f"{''.join(shapes)}</svg>"
    )


def _parameters(element: Element) -> str:
    """What of an element's own knobs and displacement is not zero."""
    shown = []
    for name in (*element.knobs, *element.placement):
        value = getattr(element, name)
        numbers = [detached(v) for v in (value if isinstance(value, tuple) else (value,))]
        if name != "length" and any(numbers):
            shown.append(f"{name} = {', '.join(map(_number, numbers))}")
    return "; ".join(shown)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def row(cells: Iterable[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in cells) + "</tr>"

    return f"<table>{row(head, 'th')}{''.join(row(r, 'td') for r in rows)}</table>"


def _number(value: float) -> str:
    return f"{value:.6g}"
