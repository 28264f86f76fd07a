"""Single elements beside pyAT, whose particles travel at the speed of light."""

from __future__ import annotations

import numpy as np
import peer_cases as cases
import pytest
from claims import claim, off
from examples_loader import load_example

import pyjutrack as pj

pytest.importorskip("at")
peer = load_example("rings/peer_at")
REFERENCE = peer.fast(cases.ELECTRON)

SAME: dict[str, pj.Element] = {
    **cases.labelled("places", cases.THIN),
    **{
        key: element
        for model in ("exact", "paraxial")
        for group in (cases.straight, cases.thick)
        for key, element in cases.labelled(model, group(model=model, steps=3)).items()
    },
    **cases.labelled("exact bend", cases.bends("exact")),
    **cases.labelled("paraxial bend", cases.bends("paraxial")),
    "paraxial bend: gradient": pj.RBend(
        1.4, 0.15, k1=0.5, k2=3.0, **cases.HIGHER, model="paraxial", steps=4
    ),
    **cases.labelled("rf", cases.CAVITIES),
}


def theirs_behind(element, start, reference=REFERENCE):
    return peer.track(peer.to_lattice([element], reference), start)


@pytest.mark.parametrize("name", SAME)
def test_the_same_element_moves_particles_alike(name):
    start = cases.particles()
    theirs = theirs_behind(SAME[name], start)
    mine = cases.ours(SAME[name], start, REFERENCE)
    kind = type(SAME[name]).__name__
    claim("Single elements", f"{kind}: coordinates [m, 1]", "pyAT", off(mine, theirs), 1e-12)


def test_at_has_no_velocity():
    """Protons slip by L (1 - beta0^2) delta and more, which AT leaves out; all else agrees."""
    start, drift = cases.particles(), pj.Drift(1.3)
    theirs = theirs_behind(drift, start, cases.PROTON)
    mine = cases.ours(drift, start, cases.PROTON)
    total = 1 + start[:, 5]
    beta = total / np.hypot(total, 1 / cases.PROTON.beta_gamma)
    difference = mine - theirs
    slip = 1.3 * (1 - cases.PROTON.beta / beta)
    # z = -beta c t: the slip counts with the particle's own velocity
    np.testing.assert_allclose(difference[:, 4], slip * beta / cases.PROTON.beta, atol=1e-12)
    assert np.abs(np.delete(difference, 4, axis=1)).max() < 1e-15


def test_the_gap_of_ats_linear_edge_depends_on_momentum():
    """AT divides the correction of the angle by 1 + delta, without the term in ct it asks for."""
    bend = pj.SBend(1.4, 0.15, **cases.FACES, **cases.GAP, model="paraxial")
    start = cases.particles()
    off = np.abs(cases.ours(bend, start, REFERENCE) - theirs_behind(bend, start))
    assert 1e-9 < off.max() < 1e-6
    start[:, 5] = 0.0
    edge = pj.SBend(1e-9, 0.15e-9 / 1.4, **cases.FACES, **cases.GAP, model="paraxial")
    off = np.abs(cases.ours(edge, start, REFERENCE) - theirs_behind(edge, start))
    assert off.max() < 1e-12


@pytest.mark.parametrize(
    "element",
    [
        pj.Quadrupole(0.4, k1=1.0),
        pj.Sextupole(0.4, k2=1.0, order=6),
        pj.SBend(1.0, 0.1, k1=0.3),
        pj.SBend(1.0, 0.1, dk0=1e-3),
        pj.SBend(1.0, 0.1, e1=0.05, edges="linear"),
        pj.SBend(1.0, 0.1, e1=0.05, model="paraxial", edges="exact"),
        pj.SBend(1.0, 0.1, e1=0.05, model="paraxial", edges="none"),
        pj.Sextupole(0.4, k2=1.0, dx=1e-3),
        pj.Solenoid(1.0, 0.3),
    ],
)
def test_what_at_has_not_is_refused(element):
    with pytest.raises(NotImplementedError, match="pyAT"):
        peer.to_at(element, REFERENCE)
