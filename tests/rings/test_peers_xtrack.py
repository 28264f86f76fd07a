"""Single elements beside xtrack: the same particles through both, to rounding."""

from __future__ import annotations

import dataclasses

import numpy as np
import peer_cases as cases
import pytest
from claims import claim, off
from examples_loader import load_example

import pyjutrack as pj

pytest.importorskip("xtrack")
pytest.importorskip("xsuite", reason="xtrack's compiled kernels are in the package xsuite")
peer = load_example("rings/peer_xtrack")

SAME: dict[str, pj.Element] = {
    **cases.labelled("places", cases.THIN),
    **{
        key: element
        for model in ("linear", "exact", "paraxial")
        for order in (2, 4, 6)
        for key, element in cases.labelled(
            f"{model} {order}", cases.straight(model=model, order=order, steps=2)
        ).items()
    },
    **cases.labelled("exact", cases.thick(model="exact", steps=2)),
    **cases.labelled("paraxial", cases.thick(model="paraxial", steps=2)),
    **{
        key: element
        for model in ("linear", "exact", "paraxial")
        for edges in ("auto", "none")
        for key, element in cases.labelled(
            f"{model} bend, edges {edges}", cases.bends(model, edges=edges)
        ).items()
    },
    **cases.labelled("exact bend, linear edges", cases.bends("exact", edges="linear", **cases.GAP)),
    # xtrack kicks by all of the gradient: alike where both have converged
    "exact bend: gradient": pj.SBend(
        1.4, 0.15, k1=0.5, k2=3.0, order=6, steps=48, **cases.FACES, **cases.HIGHER_ODD
    ),
    "linear bend: gap": pj.SBend(1.4, 0.15, **cases.FACES, **cases.GAP, model="linear"),
    "exact bend: field error": pj.SBend(1.4, 0.15, dk0=2e-3, **cases.FACES),
    "linear bend: field error": pj.SBend(1.4, 0.15, dk0=2e-3, model="linear"),
    "bend without angle": pj.SBend(1.4, 0.0, dk0=2e-3),
    **cases.labelled("maps", cases.maps()),
    **cases.labelled("parts of dipoles", cases.PARTS_OF_DIPOLES),
    **cases.labelled("rf", cases.CAVITIES),
    **cases.labelled("rf", cases.CRABS),
    **cases.labelled("field", cases.SOLENOIDS),
}
PLACED: dict[str, pj.Element] = {
    "quadrupole": pj.Quadrupole(0.4, k1=1.3),
    "thin multipole": pj.Multipole(**cases.EXTRA),
    "bend": pj.SBend(1.4, 0.15, **cases.FACES),
    "strong bend": pj.RBend(1.0, 0.8),
    "solenoid": pj.Solenoid(0.8, 0.6),
    "cavity": pj.RFCavity(0.5, 4e6, frequency=cases.FREQUENCY, phase=0.3),
}
MOVES = {
    "shifted": {"dx": 1e-3, "dy": -2e-3, "dz": 3e-3},
    **{name: {name: 4e-3} for name in ("x_rot", "y_rot", "z_rot")},
    "tilted": {"tilt": 0.3},
    "all": {**cases.MOVED, "tilt": 0.3},
}
ALL = {
    **SAME,
    **{
        f"{name}, {how}": dataclasses.replace(element, **move)
        for name, element in PLACED.items()
        for how, move in MOVES.items()
    },
}


@pytest.fixture(scope="module", params=["protons", "electrons"])
def reference(request):
    return {"protons": cases.PROTON, "electrons": cases.ELECTRON}[request.param]


@pytest.fixture(scope="module")
def line(reference):
    return peer.to_line(list(ALL.values()), reference)


@pytest.mark.parametrize("name", ALL)
def test_the_same_element_moves_particles_alike(name, line, reference):
    place = list(ALL).index(name)
    start = cases.particles()
    theirs = peer.track(line, start, reference, ele_start=place, ele_stop=place + 1)
    mine = cases.ours(ALL[name], start, reference)
    kind = type(ALL[name]).__name__
    claim("Single elements", f"{kind}: coordinates [m, 1]", "xtrack", off(mine, theirs), 1e-12)


#: a bend so short that what xtrack adds to it is one kick
LENGTH, CURVATURE, GRADIENT = 1e-4, 0.1, 0.8


def short(**options):
    return pj.SBend(LENGTH, LENGTH * CURVATURE, **options)


def test_xtrack_adds_the_curvature_of_a_gradient_to_its_linear_bend():
    """h k1 (x^3 / 3 - x y^2 / 2), which is beyond the paraxial Hamiltonian of second order."""
    off, (x, _, y, _, _, _) = difference(short(k1=GRADIENT, model="linear"))
    strength = CURVATURE * GRADIENT * LENGTH
    np.testing.assert_allclose(off[1], strength * (x**2 - y**2 / 2), atol=1e-12)
    np.testing.assert_allclose(off[3], -strength * x * y, atol=1e-12)


def test_xtrack_turns_integrated_multipoles_with_the_frame():
    """Its dipole kicks by 1 + h x and its quadrupole has the curvature's term."""
    dipole, quadrupole = 1e-3, 0.2
    off, (x, _, y, _, _, _) = difference(short(knl=(dipole, quadrupole), edges="none"))
    expected = CURVATURE * (dipole * x + quadrupole * (x**2 - y**2 / 2))
    np.testing.assert_allclose(off[1], expected, atol=1e-9)
    np.testing.assert_allclose(off[3], -CURVATURE * quadrupole * x * y, atol=1e-9)


def test_xtrack_adds_an_octupole_to_a_fringe_with_a_gap():
    """py falls by k0^2 y^3 / (18 fint hgap (1 + delta)) at each face, without bound at no gap."""
    off, (_, _, y, _, _, delta) = difference(short(**cases.GAP))
    octupole = CURVATURE**2 / (18 * cases.GAP["fint"] * cases.GAP["hgap"])
    np.testing.assert_allclose(off[3], 2 * octupole * y**3 / (1 + delta), rtol=1e-2, atol=1e-12)
    assert np.abs(off[:3]).max() < 1e-8


def difference(element):
    """Our coordinates less xtrack's, and the start, as six rows of particles."""
    start = cases.particles()
    theirs = peer.track(peer.to_line([element], cases.ELECTRON), start, cases.ELECTRON)
    return (cases.ours(element, start, cases.ELECTRON) - theirs).T, start.T


SIZES = {"half_width": 5e-3, "half_height": 3e-3}
CORNERS = {"corner_x": 2e-3, "corner_y": 1e-3}
SHAPES = {
    "rectangle": SIZES,
    "ellipse": SIZES,
    "racetrack": SIZES | CORNERS,
    "octagon": SIZES | CORNERS,
    "rectellipse": SIZES | {"radius_x": 5.5e-3, "radius_y": 4e-3},
    # a star, a notch, and one that was drawn clockwise
    "polygon": {"vertices": [(5e-3, 0), (1e-3, 1e-3), (0, 6e-3), (-5e-3, -4e-3), (2e-3, -2e-3)]},
    "polygon with a notch": {
        "vertices": [(-5e-3, -4e-3), (-5e-3, 4e-3), (0, 1e-3), (6e-3, 4e-3), (5e-3, -4e-3)]
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_apertures_lose_the_same_particles(shape):
    opening = pj.Aperture(shape=shape.partition(" ")[0], **SHAPES[shape])
    start = cases.particles(2000)
    them = peer.particles(start, cases.PROTON)
    peer.to_line([opening], cases.PROTON).track(them)
    theirs = them.state[np.argsort(them.particle_id)] > 0
    mine = cases.survivors(opening, start, cases.PROTON)
    assert 200 < mine.sum() < 1900
    wrong = int((mine != theirs).sum())
    claim("Single elements", "Aperture: particles lost in one code only", "xtrack", wrong, 1)


@pytest.mark.parametrize(
    "element",
    [pj.Patch(dx=1e-3), pj.RFCavity(voltage=1.0, frequency=cases.FREQUENCY, accelerate=True)],
)
def test_what_xtrack_has_not_is_refused(element):
    with pytest.raises(NotImplementedError, match="xtrack"):
        peer.to_xtrack(element)
