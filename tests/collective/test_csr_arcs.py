"""Arcs of coherent synchrotron radiation: one however written, and where each ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from csr_cases import RADIUS, bend, losses, quiet

import pyjutrack as pj
from pyjutrack.collective import CSR, Place
from pyjutrack.collective.csr.arcs import arc_at

SPLIT: dict[str, tuple[list[pj.Element], list[pj.Element]]] = {
    "halves": ([bend(0.4)], [bend(0.2), bend(0.2)]),
    "a marker between": ([bend(0.4)], [bend(0.1), pj.Marker(), pj.DipoleEdge(), bend(0.3)]),
    "the other side": ([bend(0.4)], [pj.SBend(0.4, -0.4 / RADIUS)]),
    "turned over": ([bend(0.4)], [bend(0.2), pj.SBend(0.2, -0.2 / RADIUS, tilt=math.pi)]),
    "an error of roll": ([bend(0.4)], [bend(0.2), bend(0.2, tilt=1e-3)]),
    "a drift before it": ([bend(0.4)], [pj.Drift(0.3), bend(0.4)]),
    "an end": ([bend(0.4), pj.Drift(0.3)], [bend(0.4), pj.Drift(0.1), pj.Marker(), pj.Drift(0.2)]),
    "a drift of no length": ([bend(0.4)], [bend(0.2), pj.Drift(0.0), bend(0.2)]),
}


@pytest.mark.parametrize("case", SPLIT)
def test_arcs_are_one_however_they_are_written(case: str) -> None:
    one, other = (losses(quiet(20_000), line, max_step=0.1) for line in SPLIT[case])
    assert np.abs(other - one).max() < 1e-9 * np.abs(one).max()


def test_an_arc_ends_at_another_plane_or_side() -> None:
    turned = bend(0.4, tilt=math.pi / 2)
    for second in (turned, pj.SBend(0.4, -0.4 / RADIUS), bend(0.4)):
        effect = CSR()
        line = pj.Lattice([bend(0.4), second])
        upstream = tuple(effect.upstream(line.elements, 1))
        arc = arc_at(Place(second, 1, 0.6, 0.4, 1.0, 0, upstream=upstream))
        assert arc is not None
        assert arc.angle == pytest.approx(0.06 if second == bend(0.4) else 0.02)
        assert arc.radius == pytest.approx(RADIUS)


@pytest.mark.parametrize("step", [0.1, -0.1])
def test_a_patch_along_s_is_on_the_way_from_an_arc(step: float) -> None:
    """As a drift of its length is, and between bends it ends the arc."""
    end, arcs = pj.Drift(0.2), []
    for between in (pj.Drift(step), pj.Patch(dz=step)):
        line = pj.Lattice([bend(0.4), pj.Drift(0.2), between, end])
        upstream = tuple(CSR().upstream(line.elements, 3))
        arcs.append(arc_at(Place(end, 3, 0.7, 0.2, 1.0, 0, upstream=upstream)))
        joined = pj.Lattice([bend(0.3), between, bend(0.1), end])
        upstream = tuple(CSR().upstream(joined.elements, 3))
        arcs.append(arc_at(Place(end, 3, 0.5, 0.2, 1.0, 0, upstream=upstream)))
    assert arcs[2:] == arcs[:2]
    assert arcs[0] is not None
    assert arcs[0].distance == pytest.approx(0.3 + step, rel=1e-12)
    assert arcs[1] is not None
    assert arcs[1].length == 0.1


def test_a_drift_by_itself_has_no_field() -> None:
    """So that asking for its wake is an error, and not zeros."""
    assert CSR(max_step=0.1).slices(bend(0.4)) == 4
    assert CSR().slices(pj.Drift(1.0)) == 0


def test_a_drift_that_steps_back_into_the_arc() -> None:
    """What is done there on the way back is undone on the way on."""
    beam = quiet(20_000)
    straight, back = (
        losses(beam, [bend(0.4), *drifts, pj.Drift(0.4)], max_step=0.1)
        for drifts in ((), (pj.Drift(-0.1), pj.Drift(0.1)))
    )
    assert np.abs(back - straight).max() < 1e-9 * np.abs(straight).max()
