"""Every derivative of a beam in single precision, with space charge, beside the same in double.

Both may differ by what the seven digits of single precision leave of a result: see `rounding`.
"""

from __future__ import annotations

from unittest import mock

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
def effects():
    return [pj.SpaceCharge(pj.SpectralPoisson(size=(0.012, 0.012), shape=(40, 40)), max_step=0.1)]


def assert_seven_digits(result, cell, beams, effects, turns=1):
    """A result of a beam and kicks is in single precision what rounding makes of it in double."""
    single, double = beams
    bound = steps(cell, effects, turns) * spread(result, double, effects, torch.float32)
    assert_as_rounded(result(single, effects), result(double, effects), bound)


CALLS = {
    "jacobian": lambda cell, beam, effects: pj.jacobian(cell, beam, effects=effects),
    "off axis": lambda cell, beam, effects: pj.jacobian(
        cell, beam, effects=effects, at=[1e-3, 0, -5e-4, 1e-4, 0, 1e-3]
    ),
    "differences": lambda cell, beam, effects: pj.jacobian(
        cell, beam, effects=effects, method="fd"
    ),
    "derivatives and tune slopes": lambda cell, beam, effects: slopes(cell, beam, effects),
    "tunes": lambda cell, beam, effects: pj.tunes(
        pj.jacobian(cell, beam, effects=effects, turns=2)
    ),
}


def slopes(cell, beam, effects):
    """The derivatives of the Jacobian that slopes of tunes are made of, and these."""
    derivatives = []

    def noted(*args, **options):
        matrix, found = pj.jacobian_derivatives(*args, **options)
        derivatives.append(found)
        return matrix, found

    with mock.patch("pyjutrack.optics.tunes.jacobian_derivatives", noted):
        by_knobs = pj.optics.tune_slopes(cell, beam, KNOBS, effects=effects)[1]
    (found,) = derivatives
    return np.concatenate([found.ravel(), by_knobs.ravel()])


@pytest.mark.parametrize("call", CALLS)
def test_the_response_of_a_test_particle(call, cell, beams, effects):
    def result(beam, effects):
        return CALLS[call](cell, beam, effects)

    assert_seven_digits(result, cell, beams, effects, turns=2 if call == "tunes" else 1)


def test_a_network_in_the_solvers_place(cell, make_beam):
    beam = make_beam(2000)  # as many as it was trained on
    effects = [pj.SpaceCharge(pj.Surrogate.load("linear"), max_step=0.1)]
    assert_seven_digits(
        lambda beam, effects: pj.jacobian(cell, beam, effects=effects),
        cell,
        (beam.to(torch.float32), beam),
        effects,
    )


@pytest.fixture(scope="module")
def rounding_of_gradients(cell, beams, effects):
    def slopes(beam, effects):
        return pj.gradient(
            pj.observables.emittance_growth("x"), cell, beam, wrt=KNOBS, effects=effects
        )

    return steps(cell, effects) * spread(slopes, beams[1], effects, torch.float32)


@pytest.mark.parametrize("adjoint", ["auto", "store", "checkpoint", "reversible", "forward"])
def test_gradients(adjoint, cell, beams, effects, rounding_of_gradients):
    mode = {"mode": "forward"} if adjoint == "forward" else {"adjoint": adjoint}
    single, double = (
        pj.gradient(
            pj.observables.emittance_growth("x"), cell, beam, wrt=KNOBS, effects=effects, **mode
        )
        for beam in beams
    )
    assert_as_rounded(single, double, rounding_of_gradients)


@pytest.mark.parametrize("adjoint", ["store", "checkpoint", "reversible"])
def test_autograd_to_a_beam_in_single_precision(adjoint, cell, beams, effects):
    def slopes(beam, effects):
        start = beam.coordinates.clone().requires_grad_()
        how = adjoint if beam is beams[0] else "store"
        end = pj.track(cell, beam.replace(coordinates=start), effects=effects, adjoint=how)
        end.coordinates[:, 0].square().sum().backward()
        return start.grad.double()

    assert_seven_digits(slopes, cell, beams, effects)


def test_the_jacobian_is_the_difference_of_tracked_particles(cell, beams, effects):
    """Particles of no weight beside the beam, which feel its field and make none."""

    def quotient(beam, effects, step=5e-5):
        extra = torch.zeros(2, 6, dtype=beam.coordinates.dtype)
        extra[0, 0], extra[1, 0] = step, -step
        weights = torch.cat([torch.ones(len(beam.coordinates)), torch.zeros(2)])
        both = beam.replace(
            coordinates=torch.cat([beam.coordinates, extra]),
            current=beam.current / float(weights.mean()),
            alive=None,
            weights=weights.to(beam.coordinates.dtype),
        )
        ends = pj.track(cell, both, effects=effects).coordinates[-2:].double()
        return ((ends[0] - ends[1]) / (2 * step)).numpy()

    def column(beam, effects):
        return pj.jacobian(cell, beam, effects=effects)[:, 0]

    single, double = beams
    rounding = sum(spread(f, double, effects, torch.float32) for f in (quotient, column))
    # central differences are off by a third of what they differ by from those of twice the step
    shape = np.abs(quotient(double, effects) - quotient(double, effects, 1e-4))
    bound = steps(cell, effects) * rounding + shape
    # which tells the field from none
    assert (bound < 0.1 * np.abs(column(double, effects) - column(double, [])))[:4].all()
    assert_as_rounded(column(single, effects), quotient(single, effects), bound)


MANY = pj.Lattice(
    [
        pj.Kicker(name="h"),
        pj.Quadrupole(0.3, 1.0, name="q"),
        pj.Drift(0.4, name="d"),
        pj.Sextupole(0.1, 20.0, name="s"),
        pj.SBend(0.3, 0.1, name="b"),
        pj.RFCavity(0.2, 1e5, frequency=1e8, name="c"),
        pj.Multipole(knl=(0.0, 0.1, 3.0), name="m"),
    ]
)


@pytest.mark.parametrize(
    "address", ["h.hkick", "q.k1", "q.dx", "q.tilt", "d.length", "s.k2", "b.angle", "c.voltage"]
)
def test_slopes_of_many_settings(beams, address):
    """Settings in double precision leave the particles in single, as numbers do."""
    values = 0.1 * torch.tensor([0.01, 0.02], dtype=torch.float64)
    slopes = []
    for beam in beams:
        leaf = values.clone().requires_grad_()
        end = pj.track(MANY.with_values({address: leaf}), beam)
        assert end.coordinates.dtype == beam.coordinates.dtype
        slopes += torch.autograd.grad(end.coordinates[..., 1].square().sum(), leaf)
    torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-5 * float(slopes[1].abs().max()))
