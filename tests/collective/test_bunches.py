"""What effects on bunches share: ranks, memory of a backward pass, single precision, files."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from rebuilt import jacobian
from thread_ranks import worlds

import pyjutrack as pj
from pyjutrack.collective import Place, SpaceCharge2p5D, SpaceCharge3D
from pyjutrack.distributed import Communicator
from pyjutrack.maps.state import State

PROTON = pj.Reference.from_kinetic("proton", 3e8)
LINE = pj.Lattice([pj.Drift(0.3, name="d"), pj.Quadrupole(0.2, 2.0, name="q")])
EFFECTS = {
    "3d": SpaceCharge3D((18, 16, 20), 0.1),
    "2.5d": SpaceCharge2p5D(pj.SpectralPoisson((0.01, 0.01), (24, 24)), 20, 0.1),
}
each = pytest.mark.parametrize("effect", EFFECTS.values(), ids=EFFECTS.keys())


def bunch(count: int) -> pj.Beam:
    draw = np.random.default_rng(3).uniform(-1.7, 1.7, (count, 6))
    return pj.Beam(PROTON, draw * [1e-3, 1e-4, 2e-3, 1e-4, 3e-3, 1e-4], charge=1e-9)


@each
def test_ranks_that_share_a_bunch_find_what_one_does(effect: pj.CollectiveEffect) -> None:
    whole = bunch(1001)
    expected = pj.track(LINE, whole, effects=[effect]).coordinates

    def track(world: Communicator) -> tuple[torch.Tensor, np.ndarray]:
        rows = whole.coordinates[world.rows(len(whole))]
        part = pj.Beam(PROTON, rows, charge=1e-9, world=world)
        slope = pj.gradient(
            pj.observables.emittance_growth("x"), LINE, part, wrt=["beam.charge"], effects=[effect]
        )
        return pj.track(LINE, part, effects=[effect]).coordinates, slope

    with ThreadPoolExecutor(2) as pool:
        ends, slopes = zip(*pool.map(track, worlds(2, len(whole))), strict=True)
    torch.testing.assert_close(torch.cat(ends), expected, rtol=1e-11, atol=1e-18)
    alone = pj.gradient(
        pj.observables.emittance_growth("x"), LINE, whole, wrt=["beam.charge"], effects=[effect]
    )
    for slope in slopes:
        np.testing.assert_allclose(slope, alone, rtol=1e-9)


@each
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("column", [0, 4])
def test_places_that_are_no_numbers_are_lost(
    effect: pj.CollectiveEffect, value: float, column: int
) -> None:
    """They would have no node to write to; the others feel the rest."""
    beam = bunch(400)
    rows = beam.coordinates.clone()
    rows[3, column] = value
    state = effect.admit(State(rows.unbind(-1), beam.alive))
    assert (~state.alive).nonzero().tolist() == [[3]]
    place = Place(LINE[0], 0, 0.0, 0.1, 1.0, 0)
    end = effect.apply(state, effect.field(beam, state, place, None), place)
    assert all(bool(c[state.alive].isfinite().all()) for c in end.coordinates)


@each
def test_jacobians_are_those_of_every_method(effect: pj.CollectiveEffect) -> None:
    beam = bunch(500)
    at = beam.coordinates[7].numpy()
    exact = pj.jacobian(LINE, beam, effects=[effect], at=at)
    own = pj.jacobian(LINE, beam, effects=[effect], at=at, method="fd")
    for differences in (own, jacobian(LINE, beam, at, 3e-8, effects=[effect])):
        np.testing.assert_allclose(exact, differences, rtol=1e-6, atol=1e-6)


@each
def test_second_derivatives(effect: pj.CollectiveEffect) -> None:
    beam = bunch(200)
    line = pj.Lattice([pj.Drift(0.1, name="d"), pj.Quadrupole(0.1, 2.0, name="q")])

    def figure(k1: torch.Tensor) -> torch.Tensor:
        end = pj.track(line.with_values({"q.k1": k1}), beam, effects=[effect])
        return 1e6 * (end.coordinate("x") ** 2).mean()

    def slope(k1: float) -> float:
        at = torch.tensor(k1, dtype=torch.float64, requires_grad=True)
        return float(torch.autograd.grad(figure(at), at)[0])

    at = torch.tensor(2.0, dtype=torch.float64)
    second = float(torch.func.hessian(figure)(at))
    difference = (slope(2.01) - slope(1.99)) / 0.02
    assert second == pytest.approx(difference, rel=1e-5)
