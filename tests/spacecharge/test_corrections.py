"""Every learned correction of a solver: zero first, symplectic, differentiable."""

import dataclasses

import numpy as np
import pytest
import torch
from correction_cases import DOUBLE, KINDS, kick, noise, random, solver, start

import pyjutrack as pj
from pyjutrack.autodiff import Pushed, value_of
from pyjutrack.collective import density
from pyjutrack.engines.julia import effects

ALL = pytest.mark.parametrize("kind", KINDS)
#: without kinks, which differences may step over
SMOOTH = pytest.mark.parametrize("kind", KINDS[:2])
SYMPLECTIC = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])


@pytest.fixture(scope="module")
def beam(make_beam):
    """Off the axis, so that no weight is without effect."""
    matched = make_beam(1500)
    shift = torch.tensor([8e-4, 0, -5e-4, 0, 0, 0], dtype=DOUBLE)
    return matched.replace(coordinates=matched.coordinates + shift)


def figure(end):
    """Something that every coordinate counts in."""
    c = end.coordinates
    return (
        pj.moments.emittance(end, "x") * 1e6
        + (c[:, 2] * c[:, 3]).mean() * 1e6
        + c[:, 0].mean() * 1e3
    )


@ALL
def test_zero_at_the_start(kind, cell, beam):
    plain = pj.track(cell, beam, effects=[pj.SpaceCharge(solver(), max_step=0.1)])
    corrected = pj.track(cell, beam, effects=[kick(start(kind))])
    assert torch.equal(corrected.coordinates, plain.coordinates)
    other = pj.track(cell, beam, effects=[kick(random(kind))])
    assert float((other.coordinates - plain.coordinates).abs().max()) > 1e-6


def symplectic_error(cell, beam, correction):
    at = (1.1e-3, 2e-4, -7e-4, 1e-4, 0.0, 0.0)
    m = pj.jacobian(cell, beam, effects=[kick(correction)], at=at)
    return np.abs(m.T @ SYMPLECTIC @ m - SYMPLECTIC).max()


@ALL
def test_symplectic_before_during_and_after_training(kind, cell, beam):
    assert symplectic_error(cell, beam, start(kind)) < 1e-12
    correction = random(kind)
    assert symplectic_error(cell, beam, correction) < 1e-12
    aim = figure(pj.track(cell, beam, effects=[pj.SpaceCharge(solver(), max_step=0.1)]))
    weights = correction.weights.clone().requires_grad_()
    optimiser, losses = torch.optim.Adam([weights], lr=1e-3), []
    for _ in range(3):
        optimiser.zero_grad()
        loss = (figure(pj.track(cell, beam, effects=[kick(correction, weights)])) - aim) ** 2
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        trained = dataclasses.replace(correction, weights=weights.detach().clone())
        assert symplectic_error(cell, beam, trained) < 1e-12
    assert losses[-1] < losses[0]


def gradient(kind, cell, beam, adjoint, correction, **options):
    weights = correction.weights.clone().requires_grad_()
    current = torch.tensor(150.0, dtype=DOUBLE, requires_grad=True)
    source = beam.replace(current=current)
    effects = [kick(correction, weights, **options)]
    end = pj.track(cell, source, effects=effects, turns=2, adjoint=adjoint)
    return torch.autograd.grad(figure(end), [weights, current])


@ALL
@pytest.mark.parametrize("stacked", [False, True])
def test_adjoints_agree(kind, stacked, cell, beam):
    """By all weights and by the current, also where one correction stands on another."""
    correction = random(kind, under=random("images", seed=5) if stacked else None)
    expected = gradient(kind, cell, beam, "store", correction)
    assert int((expected[0] != 0).sum()) > 0.8 * len(correction.weights)
    for adjoint in ("checkpoint", "reversible"):
        for ours, theirs in zip(
            gradient(kind, cell, beam, adjoint, correction), expected, strict=True
        ):
            tolerance = 1e-9 * float(theirs.abs().max())
            torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)


@SMOOTH
def test_gradients_are_those_of_differences(kind, cell, beam):
    correction = random(kind)
    slopes, _ = gradient(kind, cell, beam, "reversible", correction)
    source = beam.replace(current=150.0)

    def at(weights):
        effects = [kick(correction, weights)]
        return float(figure(pj.track(cell, source, effects=effects, turns=2)))

    for seed in range(3):
        way, step = noise(correction, seed), 1e-5
        ends = [at(correction.weights + sign * step * way) for sign in (1, -1)]
        expected = (ends[0] - ends[1]) / (2 * step)
        assert float(slopes @ way) == pytest.approx(expected, rel=1e-6, abs=1e-7)


@ALL
def test_forward_modes_agree_with_reverse(kind, cell, beam):
    """jvp, vmap over it, and pushed weights, in some directions; jacfwd where there are few."""
    correction = random(kind)
    line = pj.Lattice([pj.Drift(0.3), pj.Quadrupole(0.1, k1=10.0)])

    def of(weights):
        return figure(pj.track(line, beam, effects=[kick(correction, weights)]))

    leaf = correction.weights.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(of(leaf), leaf)
    ways = torch.stack([noise(correction, seed) for seed in range(3)])
    expected = ways @ slopes
    at = correction.weights
    one = torch.func.jvp(of, (at,), (ways[0],))[1]
    torch.testing.assert_close(one, expected[0], rtol=1e-9, atol=0)
    many = torch.func.vmap(lambda way: torch.func.jvp(of, (at,), (way,))[1])(ways)
    torch.testing.assert_close(many, expected, rtol=1e-9, atol=0)
    pushed = of(Pushed.make(at, ways, (0, 1, 2)))
    torch.testing.assert_close(pushed.tangent, expected, rtol=1e-9, atol=0)
    if kind == "images":
        torch.testing.assert_close(
            torch.func.jacfwd(of)(at), slopes, rtol=1e-8, atol=1e-9 * float(slopes.abs().max())
        )


@ALL
def test_pushed_knobs_go_through(kind, cell, beam):
    """Densities with tangents, with plain weights and with pushed ones beside them."""
    correction = random(kind)
    wrt = ["q1.k1", "d2.length", "beam.current"]
    growth = pj.observables.emittance_growth("x")
    found = {
        mode: pj.gradient(growth, cell, beam, effects=[kick(correction)], wrt=wrt, mode=mode)
        for mode in ("forward", "reverse")
    }
    assert found["forward"] == pytest.approx(found["reverse"], rel=1e-9)
    way = noise(correction, 2)

    def both(k1, weights):
        line = cell.with_values({"q1.k1": k1})
        return figure(pj.track(line, beam, effects=[kick(correction, weights)]))

    k1, at = torch.tensor(29.6, dtype=DOUBLE), correction.weights
    one = torch.ones(1, dtype=DOUBLE)
    pushed = both(Pushed.make(k1, one, (0,)), Pushed.make(at, way.unsqueeze(0), (1,)))
    expected = [
        torch.func.jvp(both, (k1, at), ways)[1]
        for ways in ((one[0], torch.zeros_like(at)), (0 * one[0], way))
    ]
    assert pushed.directions == (0, 1)
    torch.testing.assert_close(pushed.tangent, torch.stack(expected), rtol=1e-9, atol=0)
    assert float(value_of(pushed)) == pytest.approx(float(both(k1, at)), rel=1e-12)


@ALL
def test_single_precision(kind, cell, beam):
    double = pj.track(cell, beam, effects=[kick(random(kind))])
    single = pj.track(cell, beam.to(torch.float32), effects=[kick(random(kind))])
    assert single.coordinates.dtype == torch.float32
    torch.testing.assert_close(single.coordinates.double(), double.coordinates, rtol=0, atol=1e-6)


@ALL
def test_batches_of_beams(kind, cell, beam):
    beams = [beam, beam.replace(coordinates=beam.coordinates * 1.2)]
    batch = beam.replace(coordinates=torch.stack([b.coordinates for b in beams]), alive=None)
    effects = [kick(random(kind))]
    together = pj.track(cell, batch, effects=effects)
    for ours, alone in zip(together.coordinates, beams, strict=True):
        expected = pj.track(cell, alone, effects=effects).coordinates
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-13)


@ALL
def test_many_sets_of_weights_at_once(kind, beam):
    correction, c = random(kind), beam.coordinates
    shares = density(correction.mesh, c[:, 0], c[:, 2])
    sets = torch.stack([correction.weights + 0.01 * noise(correction, s) for s in range(2)])
    together = torch.func.vmap(lambda w: dataclasses.replace(correction, weights=w).solve(shares))
    for found, weights in zip(together(sets), sets, strict=True):
        expected = dataclasses.replace(correction, weights=weights).solve(shares)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@ALL
def test_the_term_is_proportional_to_the_current(kind, beam):
    correction, c = random(kind), beam.coordinates
    shares = density(correction.mesh, c[:, 0], c[:, 2])
    some = correction.term(0.7 * shares, correction.weights)
    torch.testing.assert_close(some, 0.7 * correction.term(shares, correction.weights))
    assert bool((correction.term(0 * shares, correction.weights) == 0).all())


@ALL
def test_a_correction_checks_beams_as_its_solver(kind, cell, beam, make_surrogate):
    under = make_surrogate("linear", outside="raise")
    narrow = beam.replace(coordinates=beam.coordinates * 0.05)
    with (
        pytest.warns(pj.errors.ResolutionWarning),
        pytest.raises(pj.errors.DomainError, match="unlike those"),
    ):
        pj.track(cell, narrow, effects=[kick(start(kind, under))])


@ALL
def test_weights_that_cannot_be(kind):
    correction = start(kind)
    count, name = len(correction.weights), type(correction).__name__
    bad = correction.weights.clone()
    bad[5] = float("nan")
    for weights, message in (
        (torch.zeros(count + 1), rf"shape \({count},\), got \({count + 1},\)"),
        (np.zeros(count), "got array"),
        (torch.zeros(count, dtype=torch.int64), "floating-point: torch.int64"),
        (bad, r"1 are not, the first number 5; go back"),
    ):
        with pytest.raises(pj.errors.InvalidValueError, match=message) as caught:
            dataclasses.replace(correction, weights=weights)
        assert name in str(caught.value)


@ALL
def test_julia_refuses(kind):
    with pytest.raises(
        pj.errors.InvalidValueError, match=f"no potential {type(start(kind)).__name__}"
    ):
        effects.potential(None, start(kind))
