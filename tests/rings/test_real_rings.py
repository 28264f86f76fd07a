"""Real rings: one turn and the optics beside xtrack and pyAT, and what was published of them."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
import peer_cases as cases
import pytest
import ring_cases as rings
import torch
from claims import claim, off, share
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack.elements import Bend
from pyjutrack.io import read_lattice
from pyjutrack.optics import (
    chromaticities,
    closed_orbit,
    one_turn_matrix,
    radiation_integrals,
    twiss_table,
)

RINGS = ("psb", "lep")
#: of light sources that pyAT ships; the other files are incomplete or use elements of its own
LIGHT_SOURCES = ("hmba.mat", "esrf.m", "soleil.m", "thomx.m")
#: whose bends have edges of pyAT's methods 2 and 3: their field integral depends on delta, and the
#: map is not symplectic, so that the vertical chromaticity is another
CHROMATIC_EDGES = ("soleil.m", "thomx.m")


def xtrack_line(lattice, reference):
    pytest.importorskip("xtrack")
    pytest.importorskip("xsuite", reason="xtrack's compiled kernels are in the package xsuite")
    return load_example("rings/peer_xtrack").to_line(list(lattice), reference)


def xtrack_turn(line, reference, first=0):
    """A turn from an element on."""
    track = load_example("rings/peer_xtrack").track

    def turn(start):
        end = track(line, start, reference, ele_start=first)
        return track(line, end, reference, ele_stop=first) if first else end

    return turn


@cache
def kicked(name):
    """A ring with correctors on and cavities off, its reference, and its line in xtrack."""
    lattice, reference = rings.ring(name)
    lattice = rings.coasting(lattice.with_values(rings.KICKS[name]))
    return lattice, reference, xtrack_line(lattice, reference)


def at_turn(lattice, reference):
    pytest.importorskip("at")
    peer = load_example("rings/peer_at")
    theirs = peer.to_lattice(list(lattice), reference)
    return lambda start: peer.track(theirs, start)


def small(count=10):
    """Particles that stay inside of every ring for a turn."""
    return cases.particles(count) * np.array([0.05, 0.02, 0.05, 0.02, 1.0, 0.1])


def our_turn(lattice, reference, start):
    beam = pj.Beam(reference, torch.tensor(start))
    return pj.track(lattice, beam).coordinates.numpy()


def hold_against(turn, lattice, reference, name, oracle):
    """Orbit, tunes, betas and chromaticities at the start of a ring."""
    found = rings.optics(turn)
    table = twiss_table(lattice, reference)
    tunes = np.array([table.tune_x, table.tune_y]) % 1
    betas = [table.beta_x[0], table.beta_y[0]]
    claim("Rings", f"{name}: tunes", f"turns of {oracle}", off(tunes, found.tunes), 1e-8)
    claim("Rings", f"{name}: betas, of each", f"turns of {oracle}", share(betas, found.beta), 1e-7)
    np.testing.assert_allclose(
        [table.alpha_x[0], table.alpha_y[0]], found.alpha, rtol=1e-7, atol=1e-7
    )
    np.testing.assert_allclose(table.orbit[0][:4], found.orbit, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", RINGS)
def test_one_turn_beside_xtrack(name):
    lattice, reference = rings.ring(name)
    start = small()
    theirs = xtrack_turn(xtrack_line(lattice, reference), reference)(start)
    ours = our_turn(lattice, reference, start)
    claim("Rings", f"{name}: coordinates after a turn [m, 1]", "xtrack", off(ours, theirs), 1e-10)


@cache
def chromatic(name):
    """Optics of a ring with chromaticities."""
    return twiss_table(*rings.ring(name), chromatic=True)


def for_at(name):
    """A ring in models that pyAT has."""
    lattice, reference = rings.ring(name)
    if name == "lep":
        lattice = rings.coasting(rings.modelled(lattice, "paraxial"))
    return lattice, load_example("rings/peer_at").fast(reference)


@pytest.mark.parametrize("name", ["lep", "spear3"])
def test_one_turn_beside_at(name):
    lattice, reference = for_at(name)
    start = small()
    theirs = at_turn(lattice, reference)(start)
    ours = our_turn(lattice, reference, start)
    claim("Rings", f"{name}: coordinates after a turn [m, 1]", "pyAT", off(ours, theirs), 1e-10)


@pytest.mark.parametrize("name", RINGS)
@pytest.mark.parametrize("place", [0.0, 0.28, 0.71])
def test_optics_beside_xtrack(name, place):
    """At several places, with correctors on."""
    lattice, reference, line = kicked(name)
    turn = xtrack_turn(line, reference, int(place * len(lattice)))
    hold_against(turn, rings.started_at(lattice, place), reference, name, "xtrack")


@pytest.mark.parametrize("name", RINGS)
@pytest.mark.filterwarnings("ignore")  # xtrack's own
def test_tables_beside_xtrack(name):
    """xtrack's own Twiss, which takes differences, at every element, with correctors on."""
    lattice, reference, line = kicked(name)
    theirs = line.twiss(method="4d")
    ours = twiss_table(lattice, reference)
    tunes = off([ours.tune_x, ours.tune_y], [theirs.qx, theirs.qy])
    claim("Rings", f"{name}: tunes", "xtrack", tunes, 1e-8)
    betas = max(share(ours.beta_x, theirs.betx), share(ours.beta_y, theirs.bety))
    claim("Rings", f"{name}: betas at every element, of each", "xtrack", betas, 1e-7)
    dispersion = off(ours.dispersion_x, theirs.dx)
    claim("Rings", f"{name}: dispersion at every element [m]", "xtrack", dispersion, 1e-6)
    for mine, other, tolerance in (
        (ours.beta_x, theirs.betx, {"rtol": 1e-7}),
        (ours.beta_y, theirs.bety, {"rtol": 1e-7}),
        (ours.phase_x, theirs.mux, {"atol": 1e-8}),
        (ours.phase_y, theirs.muy, {"atol": 1e-8}),
        (ours.dispersion_x, theirs.dx, {"atol": 1e-6}),
        (ours.dispersion_y, theirs.dy, {"atol": 1e-6}),
        (ours.orbit[:, 0], theirs.x, {"atol": 1e-12}),
        (ours.orbit[:, 2], theirs.y, {"atol": 1e-12}),
    ):
        np.testing.assert_allclose(mine, other, **{"rtol": 0, **tolerance})


@pytest.mark.parametrize("name", ["lep", "spear3"])
def test_optics_beside_at(name):
    lattice, reference = for_at(name)
    hold_against(at_turn(lattice, reference), lattice, reference, name, "pyAT")


@pytest.mark.parametrize("name", RINGS)
def test_chromaticities_beside_xtrack(name):
    lattice, reference = rings.ring(name)
    line = xtrack_line(rings.coasting(lattice), reference)
    theirs = rings.chromaticities(xtrack_turn(line, reference))
    ours = [chromatic(name).chromaticity_x, chromatic(name).chromaticity_y]
    claim("Rings", f"{name}: chromaticities", "turns of xtrack", off(ours, theirs), 1e-6)


@pytest.mark.parametrize("name", LIGHT_SOURCES)
@pytest.mark.filterwarnings("ignore")  # what the files hold beside, and pyAT's own
def test_light_sources_beside_at(name):
    """pyAT's own optics of the files that it ships, at every element."""
    at = pytest.importorskip("at")
    import machine_data

    path = Path(machine_data.__file__).with_name(name)
    found = read_lattice(path)
    # pyAT tracks at the speed of light
    reference = load_example("rings/peer_at").fast(found.reference)
    ours = twiss_table(found.lattice, reference, chromatic=True)
    theirs = at.load_lattice(path)
    theirs.disable_6d(copy=False)
    _, ring, places = theirs.get_optics(range(len(theirs) + 1), get_chrom=True)
    tunes = off(np.array([ours.tune_x, ours.tune_y]) % 1, ring.tune[:2])
    claim("Rings", f"{name}: tunes", "pyAT", tunes, 1e-8)
    betas = share(ours.beta_x, places.beta[:, 0])
    claim("Rings", f"{name}: betas at every element, of each", "pyAT", betas, 1e-7)
    for mine, other, tolerance in (
        (ours.beta_x, places.beta[:, 0], {"rtol": 1e-7}),
        (ours.beta_y, places.beta[:, 1], {"rtol": 1e-7}),
        (ours.alpha_x, places.alpha[:, 0], {"rtol": 1e-7, "atol": 1e-7}),
        (ours.dispersion_x, places.dispersion[:, 0], {"atol": 1e-8}),
        (ours.orbit[:, 0], places.closed_orbit[:, 0], {"atol": 1e-10}),
    ):
        np.testing.assert_allclose(mine, other, **{"rtol": 0, **tolerance})
    chromatic = np.array([ours.chromaticity_x, ours.chromaticity_y]) - ring.chromaticity[:2]
    claim("Rings", f"{name}: horizontal chromaticity", "pyAT", abs(chromatic[0]), 1e-6)
    if name in CHROMATIC_EDGES:
        assert abs(chromatic[1]) > 1e-3
    else:
        assert abs(chromatic[1]) < 1e-6


@pytest.mark.parametrize("name", [*RINGS, "spear3"])
def test_a_ring_closes_on_itself(name):
    lattice, _ = rings.ring(name)
    bent = sum(e.angle for e in lattice if isinstance(e, Bend))
    assert bent == pytest.approx(2 * math.pi, abs=1e-7)
    length = {"psb": 50 * math.pi, "lep": 26658.872, "spear3": 234.144}[name]
    assert float(lattice.length) == pytest.approx(length, abs=1e-3)


def test_lep_is_what_was_matched():
    """To chromaticities of 1 and betas of 69 m and 36 m in the odd points, its optics file says."""
    table = chromatic("lep")
    assert [table.chromaticity_x, table.chromaticity_y] == pytest.approx([1.0, 1.0], abs=0.01)
    assert sorted([table.beta_x[0], table.beta_y[0]]) == pytest.approx([36.0, 69.0], abs=0.01)


def test_the_booster_is_what_was_matched():
    """To a horizontal tune of 4.4."""
    assert chromatic("psb").tune_x == pytest.approx(4.40, abs=1e-6)


def test_spear3_is_what_was_designed():
    """Tunes of 14.19 and 5.23, an emittance of 18 nm, chromaticities corrected to above zero."""
    lattice, reference = rings.ring("spear3")
    table = twiss_table(lattice, reference)
    assert [table.tune_x, table.tune_y] == pytest.approx([14.19, 5.23], abs=1e-3)
    assert radiation_integrals(lattice, reference).emittances[0] == pytest.approx(18e-9, rel=0.01)
    chromatic = chromaticities(lattice, reference)
    assert ((chromatic > 0) & (chromatic < 3)).all()


def test_the_jacobian_of_a_turn_is_that_of_the_optics():
    """Compiled programs, and the product of all elements' matrices about the closed orbit."""
    lattice, reference = rings.ring("spear3")
    at = closed_orbit(lattice, reference, delta=0.01)[0]
    matrix = pj.jacobian(lattice, reference, at=at)
    expected = one_turn_matrix(lattice, reference, delta=0.01)
    np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-10)
    form = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])
    assert np.abs(matrix.T @ form @ matrix - form).max() < 1e-11
