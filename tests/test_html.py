"""HTML of lattices, beams and tables: well-formed, escaped, with the right numbers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from examples_loader import load_example

import pyjutrack as pj


def parsed(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(html)


def text(html: str) -> str:
    return " ".join("".join(parsed(html).itertext()).split())


def test_a_lattice(cell: pj.Lattice) -> None:
    wicked = pj.Lattice([*cell, pj.Quadrupole(0.1, k1=3.5, name='<b>&"')])
    html = wicked._repr_html_()
    assert "Lattice: 6 elements, 1.1 m" in text(html)
    assert '<b>&"' in text(html)
    assert "k1 = 29.6" in text(html)
    svg = "{http://www.w3.org/2000/svg}"
    assert len(parsed(html).findall(f".//{svg}polygon")) >= 3


def test_a_long_lattice_is_cut() -> None:
    lattice, _ = load_example("rings/psb").psb()
    assert "and 136 more" in text(lattice._repr_html_())


def test_a_ring_of_ten_thousand_elements_is_small(cell: pj.Lattice) -> None:
    long = pj.Lattice([*cell.elements] * 2001)
    html = long._repr_html_()
    assert len(html) < 150_000
    svg = "{http://www.w3.org/2000/svg}"
    (strokes,) = parsed(html).findall(f".//{svg}path")  # quadrupoles, all over the width
    places = {int(place) for place in re.findall(r"M(\d+) ", strokes.get("d", ""))}
    assert places == set(range(801))
    assert "and 9905 more" in text(html)


def test_a_beam(make_beam) -> None:
    beam = make_beam(500)
    said = text(beam._repr_html_())
    assert "500 macroparticles, 0 lost; proton" in said
    assert f"{float(pj.moments.sizes(beam)[0]):.6g}" in said
    assert "none is alive" in text(beam.replace(alive=~beam.alive)._repr_html_())
    batch = beam.replace(coordinates=beam.coordinates.expand(2, 500, 6), alive=None)
    assert "batch of shape (2,)" in text(batch._repr_html_())


def test_a_table() -> None:
    lattice, proton = load_example("rings/psb").psb()
    table = pj.twiss_table(lattice, proton)
    said = text(table._repr_html_())
    assert "237 places, 157.08 m; tunes 4.4, 4.46372" in said
    assert "137 places between are left out" in said
    rows = parsed(table._repr_html_()).findall(".//tr")
    assert len(rows) == 101
    last = ["".join(cell.itertext()) for cell in rows[-1]]
    assert last[0] == "end"
    assert float(last[3]) == pytest.approx(table.beta_x[-1], rel=1e-5)
    assert not re.search(r"tensor|array", said)
