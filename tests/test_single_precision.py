"""Every derivative of a beam in single precision, with space charge, beside the same in double.

Both may differ by what the seven digits of single precision leave of a result: see `rounding`.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rounding import assert_as_rounded, spread, steps

import pyjutrack as pj

KNOBS = ["q1.k1", "beam.current", "d1.length"]


@pytest.fixture(scope="module")
def beams(make_beam):
    beam = make_beam(500)
    return beam.to(torch.float32), beam


@pytest.fixture(scope="module")
def kicks():
    return [pj.SpaceCharge(pj.SpectralPoisson(size=(0.012, 0.012), shape=(40, 40)), max_step=0.1)]


def assert_seven_digits(result, cell, beams, kicks, turns=1):
    """A result of a beam and kicks is in single precision what rounding makes of it in double."""
    single, double = beams
    bound = steps(cell, kicks, turns) * spread(result, double, kicks, torch.float32)
    assert_as_rounded(result(single, kicks), result(double, kicks), bound)


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
    def result(beam, kicks):
        return CALLS[call](cell, beam, kicks)

    assert_seven_digits(result, cell, beams, kicks, turns=2 if call == "tunes" else 1)


def test_a_network_in_the_solvers_place(cell, make_beam):
    beam = make_beam(2000)  # as many as it was trained on
    kicks = [pj.SpaceCharge(pj.Surrogate.load("linear"), max_step=0.1)]
    assert_seven_digits(
        lambda beam, kicks: pj.jacobian(cell, beam, kicks=kicks),
        cell,
        (beam.to(torch.float32), beam),
        kicks,
    )


@pytest.fixture(scope="module")
def rounding_of_gradients(cell, beams, kicks):
    def slopes(beam, kicks):
        return pj.gradient(pj.emittance_growth("x"), cell, beam, wrt=KNOBS, kicks=kicks)

    return steps(cell, kicks) * spread(slopes, beams[1], kicks, torch.float32)


@pytest.mark.parametrize("adjoint", ["auto", "store", "checkpoint", "reversible", "forward"])
def test_gradients(adjoint, cell, beams, kicks, rounding_of_gradients):
    mode = {"mode": "forward"} if adjoint == "forward" else {"adjoint": adjoint}
    single, double = (
        pj.gradient(pj.emittance_growth("x"), cell, beam, wrt=KNOBS, kicks=kicks, **mode)
        for beam in beams
    )
    assert_as_rounded(single, double, rounding_of_gradients)


@pytest.mark.parametrize("adjoint", ["store", "checkpoint", "reversible"])
def test_autograd_to_a_beam_in_single_precision(adjoint, cell, beams, kicks):
    def slopes(beam, kicks):
        start = beam.coordinates.clone().requires_grad_()
        how = adjoint if beam is beams[0] else "store"
        end = pj.track(cell, beam.replace(coordinates=start), kicks=kicks, adjoint=how)
        end.coordinates[:, 0].square().sum().backward()
        return start.grad.double()

    assert_seven_digits(slopes, cell, beams, kicks)


def test_the_jacobian_is_the_difference_of_tracked_particles(cell, beams, kicks):
    """Particles of no weight beside the beam, which feel its field and make none."""

    def quotient(beam, kicks, step=5e-5):
        extra = torch.zeros(2, 6, dtype=beam.coordinates.dtype)
        extra[0, 0], extra[1, 0] = step, -step
        weights = torch.cat([torch.ones(len(beam.coordinates)), torch.zeros(2)])
        both = beam.replace(
            coordinates=torch.cat([beam.coordinates, extra]),
            current=beam.current / float(weights.mean()),
            alive=None,
            weights=weights.to(beam.coordinates.dtype),
        )
        ends = pj.track(cell, both, kicks=kicks).coordinates[-2:].double()
        return ((ends[0] - ends[1]) / (2 * step)).numpy()

    def column(beam, kicks):
        return pj.jacobian(cell, beam, kicks=kicks)[:, 0]

    single, double = beams
    rounding = sum(spread(f, double, kicks, torch.float32) for f in (quotient, column))
    # central differences are off by a third of what they differ by from those of twice the step
    shape = np.abs(quotient(double, kicks) - quotient(double, kicks, 1e-4))
    bound = steps(cell, kicks) * rounding + shape
    # which tells the field from none
    assert (bound < 0.1 * np.abs(column(double, kicks) - column(double, [])))[:4].all()
    assert_as_rounded(column(single, kicks), quotient(single, kicks), bound)
