"""Loss maps: counted by NumPy, and the same with and without kicks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pyjutrack as pj


@pytest.fixture
def channel() -> pj.Lattice:
    return pj.Lattice(
        [
            pj.Drift(1.0, name="d1"),
            pj.Aperture(half_width=4e-3, name="jaw"),
            pj.Drift(1.0, name="d2"),
            pj.Aperture(half_height=3e-3, name="gap"),
        ]
    )


def test_losses_of_straight_flights(channel: pj.Lattice, proton: pj.Reference) -> None:
    rng = np.random.default_rng(5)
    c = np.zeros((2000, 6))
    c[:, :4] = rng.normal(size=(2000, 4)) * [2e-3, 3e-4, 1e-3, 3e-4]
    found = pj.loss_map(channel, pj.Beam(proton, torch.tensor(c)), turns=3)
    along = np.sqrt(1 - c[:, 1] ** 2 - c[:, 3] ** 2)
    element = np.full(2000, -1)
    turn = np.full(2000, -1)
    for n in range(3):
        for i, axis, reach, limit in ((1, 0, 1, 4e-3), (3, 2, 2, 3e-3)):
            place = c[:, axis] + (2 * n + reach) * c[:, axis + 1] / along
            hit = (element < 0) & (np.abs(place) > limit)
            element[hit], turn[hit] = i, n
    np.testing.assert_array_equal(found.element, element)
    np.testing.assert_array_equal(found.turn, turn)
    np.testing.assert_array_equal(found.counts, [np.sum(element == i) for i in range(4)])
    np.testing.assert_array_equal(found.s, [0, 1, 1, 2, 2])
    assert found.names == ("d1", "jaw", "d2", "gap")
    assert found.beam.lost == np.sum(element >= 0) > 100


def test_with_kicks_of_a_beam_without_charge(
    channel: pj.Lattice, make_beam, kick: pj.SpaceCharge
) -> None:
    beam = make_beam(800, current=0.0, normalized_emittance=(3e-6, 3e-6))
    plain = pj.loss_map(channel, beam, turns=2)
    kicked = pj.loss_map(channel, beam, effects=[kick], turns=2)
    assert plain.counts.sum() > 20
    inside = plain.element != kicked.element  # those that the box of the kick stopped before
    assert set(kicked.element[inside]) <= {0, 2}
    np.testing.assert_array_equal(plain.turn[~inside], kicked.turn[~inside])


def test_a_batch_has_no_map(channel: pj.Lattice, proton: pj.Reference) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="batch"):
        pj.loss_map(channel, pj.Beam(proton, torch.zeros(2, 3, 6)))


def test_a_loss_in_the_first_element_counts_and_one_turn_is_the_default(
    proton: pj.Reference,
) -> None:
    slit = pj.Lattice([pj.Aperture(half_width=1e-3, half_height=1.0), pj.Drift(1.0)])
    coordinates = torch.zeros(3, 6, dtype=torch.float64)
    coordinates[0, 0] = 2e-3  # at once
    coordinates[1, 1] = 2e-3  # in the second turn
    found = pj.loss_map(slit, pj.Beam(proton, coordinates))
    np.testing.assert_array_equal(found.counts, [1, 0])
    np.testing.assert_array_equal(found.element, [0, -1, -1])
    np.testing.assert_array_equal(
        pj.loss_map(slit, pj.Beam(proton, coordinates), turns=2).turn, [0, 1, -1]
    )
