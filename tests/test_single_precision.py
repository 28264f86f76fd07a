"""Every derivative of a beam in single precision, with space charge, beside the same in double."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pyjutrack as pj

#: eight digits of single precision, lost to sums over the beam and a few dozen maps
CLOSE = {"rtol": 2e-4, "atol": 2e-5}
KNOBS = ["q1.k1", "beam.current", "d1.length"]


@pytest.fixture(scope="module")
def beams(make_beam):
    beam = make_beam(2000)
    return beam.to(torch.float32), beam


@pytest.fixture(scope="module")
def kicks():
    return [pj.SpaceCharge(pj.SpectralPoisson(size=(0.02, 0.02), shape=(64, 64)), max_step=0.1)]


CALLS = {
    "jacobian": lambda cell, beam, kicks: pj.jacobian(cell, beam, kicks=kicks),
    "off axis": lambda cell, beam, kicks: pj.jacobian(
        cell, beam, kicks=kicks, at=[1e-3, 0, -5e-4, 1e-4, 0, 1e-3]
    ),
    "differences": lambda cell, beam, kicks: pj.jacobian(cell, beam, kicks=kicks, method="fd"),
    "derivatives": lambda cell, beam, kicks: pj.jacobian_derivatives(
        cell, beam, KNOBS, kicks=kicks
    )[1],
    "tunes": lambda cell, beam, kicks: pj.tunes(pj.jacobian(cell, beam, kicks=kicks, turns=2)),
    "tune slopes": lambda cell, beam, kicks: pj.tune_slopes(cell, beam, KNOBS, kicks=kicks)[1],
}


@pytest.mark.parametrize("call", CALLS)
def test_the_response_of_a_test_particle(call, cell, beams, kicks):
    single, double = (CALLS[call](cell, beam, kicks) for beam in beams)
    np.testing.assert_allclose(single, double, **CLOSE)


def test_a_network_in_the_solvers_place(cell, beams):
    kicks = [pj.SpaceCharge(pj.Surrogate.load("linear"), max_step=0.1)]
    single, double = (pj.jacobian(cell, beam, kicks=kicks) for beam in beams)
    np.testing.assert_allclose(single, double, **CLOSE)


@pytest.mark.parametrize("adjoint", ["auto", "store", "checkpoint", "reversible", "forward"])
def test_gradients(adjoint, cell, beams, kicks):
    mode = {"mode": "forward"} if adjoint == "forward" else {"adjoint": adjoint}
    single, double = (
        pj.gradient(pj.emittance_growth("x"), cell, beam, wrt=KNOBS, kicks=kicks, **mode)
        for beam in beams
    )
    np.testing.assert_allclose(single, double, **CLOSE)


@pytest.mark.parametrize("adjoint", ["store", "checkpoint", "reversible"])
def test_autograd_to_a_beam_in_single_precision(adjoint, cell, beams, kicks):
    slopes = []
    for beam in beams:
        start = beam.coordinates.clone().requires_grad_()
        end = pj.track(cell, beam.replace(coordinates=start), kicks=kicks, adjoint=adjoint)
        end.coordinates[:, 0].square().sum().backward()
        slopes.append(start.grad.double())
    assert float((slopes[0] - slopes[1]).norm() / slopes[1].norm()) < 1e-4


def test_the_jacobian_is_the_difference_of_two_tracked_particles(cell, beams, kicks):
    """Two particles without weight beside the beam: its lost ones do not move, so add two."""
    beam = beams[0]
    matrix = pj.jacobian(cell, beam, kicks=kicks)
    step, tracked = 2e-4, []
    for sign in (1, -1):
        heavy = 20  # as many copies of the beam, so that one particle more makes no field
        extra = torch.zeros(1, 6)
        extra[0, 0] = sign * step
        both = beam.replace(
            coordinates=torch.cat([beam.coordinates.repeat(heavy, 1), extra]), alive=None
        )
        tracked.append(pj.track(cell, both, kicks=kicks).coordinates[-1].double())
    slope = (tracked[0] - tracked[1]).numpy() / (2 * step)
    np.testing.assert_allclose(matrix[:4, 0], slope[:4], atol=0.01)
