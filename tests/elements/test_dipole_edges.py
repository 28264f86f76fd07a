"""Edges of dipoles by themselves, beside bends that have them, MAD-X and a lumped effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from element_cases import PROTON, points
from madx_program import madx

import pyjutrack as pj
from pyjutrack.collective import Place
from pyjutrack.maps.state import State

ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
H, E1, E2, FINT, HGAP = 0.3, 0.12, -0.05, 0.5, 0.03
FACES = {"fint": FINT, "hgap": HGAP}
#: the bend as one, and as a body between two edges
WHOLE = [pj.SBend(1.0, H, e1=E1, e2=E2, **FACES, fintx=FINT, model="linear")]
APART = [
    pj.DipoleEdge(H, E1, **FACES, name="e"),
    pj.SBend(1.0, H, model="linear"),
    pj.DipoleEdge(H, E2, **FACES),
]
QUADRUPOLES = pj.Quadrupole(0.5, 1.2), pj.Quadrupole(0.5, -1.2)


def ring(bend: list[pj.Element]) -> pj.Lattice:
    qf, qd = QUADRUPOLES
    return pj.Lattice([qf, pj.Drift(0.5), *bend, pj.Drift(0.5), qd, pj.Drift(2.0)])


def test_two_edges_and_a_body_are_a_bend() -> None:
    beam = pj.Beam(PROTON, points(20))
    found, expected = (pj.track(pj.Lattice(e), beam).coordinates for e in (APART, WHOLE))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-16)


def test_radiation_integrals_have_their_faces() -> None:
    found, expected = (pj.optics.radiation_integrals(ring(e), ELECTRON) for e in (APART, WHOLE))
    without = pj.optics.radiation_integrals(ring(APART[1:2]), ELECTRON)
    assert abs(without.i4[0] / expected.i4[0] - 1) > 1e-2
    for name in ("i1", "i2", "i3", "i4", "i5"):
        a, b = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15, err_msg=name)


def test_edges_alone_bend_nothing() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="no bend"):
        pj.optics.radiation_integrals(ring([APART[0]]), ELECTRON)


@pytest.mark.parametrize("tilt", [0.0, 0.4])
def test_its_matrix_is_that_of_madx(tilt: float) -> None:
    text = f"""
        beam, particle=proton, pc={PROTON.p0c / 1e9!r};
        e: dipedge, h={H}, e1={E1}, fint={FINT}, hgap={HGAP}, tilt={tilt};
        d: drift, l=0;
        all: line=(e, d); use, sequence=all;
        select, flag=twiss, full;"""
    with madx(text) as mad:
        table = mad.twiss(betx=1, bety=1, rmatrix=True)
        expected = [[float(table[f"re{i}{j}"][-1]) for j in (1, 2, 3, 4)] for i in (1, 2, 3, 4)]
    edge = pj.DipoleEdge(H, E1, **FACES, tilt=tilt)
    found = pj.jacobian(pj.Lattice([edge]), PROTON)[:4, :4]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@dataclass(frozen=True)
class Nothing(pj.CollectiveEffect):
    """An effect that does nothing, in the middle of the edge."""

    lumped = reversible = True

    def slices(self, element: pj.Element) -> int:
        return int(element.name == "e")

    def field(self, beam: pj.Beam, state: State, place: Place, memory: Any) -> Any:
        return None

    def apply(self, state: State, field: Any, place: Place) -> State:
        return state


def test_halves_about_a_lumped_effect_are_the_whole() -> None:
    beam = pj.Beam(PROTON, points(20))
    found, expected = (
        pj.track(pj.Lattice(APART), beam, effects=e).coordinates for e in ([Nothing()], [])
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-16)
