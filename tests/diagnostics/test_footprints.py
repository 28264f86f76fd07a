"""Tunes of tracked particles against optics, perturbation theory and other ways of finding them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg

PROTON = pj.Reference.from_kinetic("proton", 1e9)


def _ring(k3: float = 0.0, k2: float = 0.0) -> pj.Lattice:
    return pj.Lattice(
        [
            pj.Quadrupole(0.3, 1.5, name="qf"),
            pj.Drift(1.0),
            pj.Multipole(knl=(0.0, 0.0, k2, k3), name="o"),
            pj.Quadrupole(0.3, -1.7, name="qd"),
            pj.Drift(1.3),
        ]
    )


def _beam(jx: np.ndarray, jy: np.ndarray, delta: float = 0.0) -> pj.Beam:
    """Particles at the largest x and y of their actions."""
    optics = pj.twiss(_ring(), PROTON)
    rows = np.zeros((len(jx), 6))
    for column, j, plane in ((0, jx, "x"), (2, jy, "y")):
        beta, alpha = (float(getattr(optics, f"{name}_{plane}")) for name in ("beta", "alpha"))
        rows[:, column] = np.sqrt(2 * j * beta)
        rows[:, column + 1] = -alpha * rows[:, column] / beta
    rows[:, 5] = delta
    return pj.Beam.from_array(PROTON, rows)


def _linear_tunes() -> np.ndarray:
    return pj.tunes(pj.optics.one_turn_matrix(_ring(), PROTON))


@pytest.mark.parametrize("at", [None, "o"])
def test_tunes_at_small_amplitude_are_those_of_optics(at: str | None) -> None:
    small = np.array([1e-14, 1e-13])
    found = dg.footprint(_ring(), _beam(small, small), turns=1000, at=at)
    np.testing.assert_allclose(found.tunes, [_linear_tunes()] * 2, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found.actions, np.stack([small] * 2, 1), rtol=1e-4)
    assert np.abs(found.changes).max() < 1e-11
    # the functions of the place give the same tune, and the action exactly
    table = pj.twiss_table(_ring(), PROTON)
    here = table[0 if at is None else 2]
    given = dg.footprint(_ring(), _beam(small, small), turns=1000, at=at, twiss=here)
    np.testing.assert_allclose(given.tunes, found.tunes, rtol=0, atol=1e-12)
    np.testing.assert_allclose(given.actions, np.stack([small] * 2, 1), rtol=1e-8)


def test_detuning_of_an_octupole_is_its_anharmonicity() -> None:
    """dQx/dJx = k3L bx^2/(16 pi), dQx/dJy = dQy/dJx = -k3L bx by/(8 pi), to first order."""
    k3 = 200.0
    table = pj.twiss_table(_ring(), PROTON)
    bx, by = table.beta_x[2], table.beta_y[2]
    j, small = np.linspace(1e-9, 4e-8, 5), np.full(5, 1e-14)
    for jx, jy, expected in (
        (j, small, (k3 * bx * bx / (16 * np.pi), -k3 * bx * by / (8 * np.pi))),
        (small, j, (-k3 * bx * by / (8 * np.pi), k3 * by * by / (16 * np.pi))),
    ):
        beam = _beam(jx, jy)
        found = dg.footprint(_ring(k3), beam, turns=1000)
        # the chromatic part of drifts and magnets is detuning too, without the octupole
        without = dg.footprint(_ring(), beam, turns=1000)
        slopes = (found.tunes - without.tunes) / j[:, None]
        np.testing.assert_allclose(slopes, [expected] * 5, rtol=1e-3)


def test_tunes_of_a_momentum_are_those_of_chromatic_optics() -> None:
    small = np.array([1e-14])
    found = dg.footprint(_ring(), _beam(small, small, delta=1e-3), turns=1000)
    matrix = pj.optics.one_turn_matrix(_ring(), PROTON, delta=1e-3)
    np.testing.assert_allclose(found.tunes[0], pj.tunes(matrix), rtol=0, atol=1e-10)


def test_a_tune_above_one_half_is_not_its_mirror() -> None:
    """Two of three cells more: the phase advance of nine of them."""
    ring = pj.Lattice(list(_ring()) * 9)
    expected = pj.tunes(pj.optics.one_turn_matrix(ring, PROTON))
    assert expected.max() > 0.5
    small = np.array([1e-14])
    found = dg.footprint(ring, _beam(small, small), turns=600)
    np.testing.assert_allclose(found.tunes[0], expected, rtol=0, atol=1e-10)


def test_synchrotron_tunes() -> None:
    cells = [pj.SBend(1.0, np.pi / 8, k1=k, name=f"b{n}") for n, k in enumerate([0.4, -0.4] * 8)]
    line = [e for bend in cells for e in (bend, pj.Drift(0.5))]
    bent = pj.Lattice(line)
    length = sum(float(e.length) for e in bent)
    frequency = 4 * float(PROTON.beta) * 299_792_458.0 / length
    ring = pj.Lattice([*line, pj.RFCavity(0.0, 1e5, frequency=frequency, phase=0.0)])
    try:
        expected = pj.optics.synchrobetatron_tunes(
            pj.optics.one_turn_matrix(ring, PROTON, dimensions=6)
        )
    except pj.errors.UnstableError:
        cavity = dataclasses.replace(ring[-1], phase=np.pi)
        ring = pj.Lattice([*line, cavity])
        expected = pj.optics.synchrobetatron_tunes(
            pj.optics.one_turn_matrix(ring, PROTON, dimensions=6)
        )
    rows = np.zeros((1, 6))
    rows[0, [0, 2, 4]] = 1e-8, 1e-8, 1e-6
    beam = pj.Beam.from_array(PROTON, rows)
    turns = int(max(2000, 20 / min(expected[2], 1 - expected[2])))
    found = dg.footprint(ring, beam, turns=turns, planes=["x", "y", "z"])
    np.testing.assert_allclose(found.tunes[0], expected, rtol=0, atol=1e-8)


def test_lost_particles_have_no_tunes() -> None:
    j = np.array([1e-8, 1e-6, 1e-8])
    slit = pj.Aperture(half_width=2e-3, name="slit")
    ring = pj.Lattice([*_ring(500.0), slit])
    found = dg.footprint(ring, _beam(j, np.full(3, 1e-9)), turns=64)
    assert found.beam.alive.tolist() == [True, False, True]
    assert np.isnan(found.tunes[1]).all()
    assert np.isnan(found.actions[1]).all()
    assert np.isnan(found.diffusion[1])
    assert np.isfinite(found.tunes[[0, 2]]).all()
    assert repr(found) == "Footprint(x, y: 2 of 3 particles have tunes)"


def test_a_particle_that_does_not_move_in_a_plane_has_no_tune_there() -> None:
    found = dg.footprint(_ring(), _beam(np.array([1e-9, 0.0]), np.array([0.0, 0.0])), turns=64)
    assert np.isfinite(found.tunes).tolist() == [[True, False], [False, False]]


def test_diffusion_is_large_where_motion_is_chaotic() -> None:
    """The map of Henon: regular near the axis, chaotic at the edge of stability."""
    matrix = np.eye(6)
    for column, tune in ((0, 0.211), (2, 0.3237)):
        c, s = np.cos(2 * np.pi * tune), np.sin(2 * np.pi * tune)
        matrix[column : column + 2, column : column + 2] = [[c, s], [-s, c]]
    ring = pj.Lattice([pj.TaylorMap(matrix=matrix), pj.Multipole(knl=(0.0, 0.0, -2.0))])
    rows = np.zeros((60, 6))
    rows[:, 0] = np.linspace(0.01, 0.6, 60)
    rows[:, 2] = 1e-4
    found = dg.footprint(ring, pj.Beam.from_array(PROTON, rows), turns=2000)
    diffusion = found.diffusion
    alive = np.isfinite(diffusion)
    assert alive[:28].all()
    assert diffusion[:28].max() < -10
    assert diffusion[alive].max() > -4
    # the islands of the fifth order resonance go round with it
    np.testing.assert_allclose(found.tunes[[53, 54], 0], 0.2, rtol=0, atol=1e-7)


def test_tunes_of_given_turns() -> None:
    beam = _beam(np.array([1e-9, 3e-9]), np.array([1e-9, 2e-9]))
    read = {"all": dg.live_coordinates}
    history = dg.track_turns(_ring(300.0), beam, read, turns=512, at="o")
    expected = dg.footprint(_ring(300.0), beam, turns=512, at="o")
    for given in (history["all"], history["all"].numpy()):
        np.testing.assert_array_equal(dg.tunes_by_turns(given), expected.tunes)
    only = dg.tunes_by_turns(history["all"], ["y"])
    np.testing.assert_array_equal(only[:, 0], expected.tunes[:, 1])
    batch = torch.stack([history["all"]] * 2, 1)
    np.testing.assert_array_equal(dg.tunes_by_turns(batch), np.stack([expected.tunes] * 2))


def test_what_cannot_be_meant_is_refused() -> None:
    beam = _beam(np.array([1e-9]), np.array([1e-9]))
    with pytest.raises(pj.errors.InvalidValueError, match="32 or more"):
        dg.footprint(_ring(), beam, turns=31)
    with pytest.raises(pj.errors.InvalidValueError, match="memory"):
        dg.footprint(_ring(), beam, turns=1000, memory=1000)
    with pytest.raises(pj.errors.UnknownNameError, match="plane"):
        dg.footprint(_ring(), beam, planes=["w"])
    with pytest.raises(pj.errors.InvalidValueError, match=r"turns, \.\.\., 6"):
        dg.tunes_by_turns(np.zeros((100, 5)))
    with pytest.raises(pj.errors.InvalidValueError, match="a Twiss"):
        dg.tunes_by_turns(np.zeros((100, 6)), twiss=1.0)
