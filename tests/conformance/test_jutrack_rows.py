"""Lattices there and back: kinds that are several of JuTrack's, or have what no field holds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from kind_cases import EXACT, ORDERS, PROTON, beam, placement

import pyjutrack as pj
from pyjutrack.optics import jutrack

MADE = {**EXACT, **{name: make for name, (_, make) in ORDERS.items()}}
ROWS = {
    "fringes of errors": lambda r: pj.Quadrupole(0.3, 2.0, knl=(0.0, 0.0, 1.0), fringe="hard-edge"),
    "paraxial fringes": lambda r: pj.Quadrupole(0.3, 2.0, model="paraxial", fringe="hard-edge"),
    "gaps of two kinds": lambda r: pj.SBend(1.0, 0.1, e1=0.02, fint=0.5, fintx=0.3, hgap=0.02),
    "exact edges of a linear body": lambda r: pj.SBend(
        1.0, 0.1, model="linear", edges="exact", k2=2.0, fint=0.5, hgap=0.02
    ),
    "displaced aperture": lambda r: pj.Aperture(half_width=1e-2, half_height=1e-2, dx=1e-3),
    "patch": lambda r: pj.Patch(dx=1e-3, dy=2e-3, dz=1e-2, x_rot=1e-3, y_rot=1e-3, tilt=0.1),
}


def there_and_back(element):
    lattice = pj.Lattice([pj.Drift(0.1, name="d"), element, pj.Marker(name="m")])
    return lattice, jutrack.to_jutrack(lattice, PROTON)


@pytest.mark.parametrize("placed", [False, True])
@pytest.mark.parametrize("name", [*MADE, *ROWS])
def test_every_kind_comes_back_as_it_was(julia, name, placed):
    rng = np.random.default_rng(3)
    element = dataclasses.replace({**MADE, **ROWS}[name](rng), name="e")
    if placed and not element.is_frame_change:
        element = dataclasses.replace(element, **placement(rng))
    lattice, line = there_and_back(element)
    for reference in (PROTON, None):
        assert list(jutrack.from_jutrack(line, reference)) == list(lattice)


def test_what_was_changed_comes_back_changed(julia):
    """By its kind: a strength, a magnet that was taken away, a copy; another reference."""
    main = julia.session.main
    _, line = there_and_back(pj.Sextupole(0.2, k2=3.0, name="e"))
    main.seval("line -> (line[2].k2 = 7.0)")(line)
    found = jutrack.from_jutrack(line, PROTON)
    assert found.value("e.k2") == 7.0
    _, line = there_and_back(pj.Quadrupole(0.2, k1=3.0, fringe="hard-edge", name="e"))
    assert len(line) == 5
    main.seval("line -> deleteat!(line, [2, 4])")(line)
    found = jutrack.from_jutrack(line, PROTON)
    assert [type(e).__name__ for e in found] == ["Drift", "Quadrupole", "Marker"]
    assert found["e"].fringe == "none"
    cavity = pj.RFCavity(0.0, 1e6, frequency=1e8, name="e")
    _, line = there_and_back(cavity)
    other = pj.Reference.from_kinetic("proton", 3e9)
    found = jutrack.from_jutrack(line, other)
    assert found["e"] != cavity
    start = beam(np.random.default_rng(1), other)
    again = pj.track(jutrack.from_jutrack(main.deepcopy(line), other), start)
    np.testing.assert_array_equal(pj.track(found, start).numpy(), again.numpy())
