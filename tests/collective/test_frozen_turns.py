"""What FrozenGaussian keeps from turn to turn, and what a grid reads at particles."""

from __future__ import annotations

import pickle
import time

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.collective import FrozenGaussian, Mesh
from pyjutrack.mesh.particle_mesh import read
from pyjutrack.mesh.plain import plain_interpolate

PROTON = pj.Reference.from_kinetic("proton", 1.4e9)
BOX = pj.SpectralPoisson((0.03, 0.02), (48, 48))
LINE = pj.Lattice([pj.Drift(1.0)])


class Learned(torch.nn.Module):
    """The solver, times a factor to be learned."""

    def __init__(self) -> None:
        super().__init__()
        self.mesh: Mesh = BOX.mesh
        self.factor = torch.nn.Parameter(torch.ones((), dtype=torch.float64))

    def solve(self, fractions: torch.Tensor) -> torch.Tensor:
        return self.factor * BOX.solve(fractions)


def kick(effect: FrozenGaussian) -> float:
    beam = pj.Beam(PROTON, [[1e-3, 0.0, 0.0, 0.0, 0.0, 0.0]], charge=1e-8)
    with torch.no_grad():
        return float(pj.track(LINE, beam, effects=[effect]).coordinates[0, 1])


def test_weights_that_change_are_seen() -> None:
    network = Learned()
    effect = FrozenGaussian((2e-3, 1e-3), 0.5, network, max_step=1.0)
    before = kick(effect)
    with torch.no_grad():
        network.factor.mul_(2.0)
    np.testing.assert_allclose(kick(effect), 2 * before, rtol=1e-12)


def test_what_a_solver_found_is_not_solved_again() -> None:
    effect = FrozenGaussian((2e-3, 1e-3), 0.5, BOX, max_step=1.0)
    first = kick(effect)
    assert len(effect._kept) == 1
    assert kick(effect) == first
    copied = pickle.loads(pickle.dumps(effect))
    assert "_kept" not in vars(copied)
    assert kick(copied) == first


def test_derivatives_after_a_pass_without_any() -> None:
    effect = FrozenGaussian((2e-3, 1e-3), 0.5, BOX, max_step=1.0)
    beam = pj.Beam(PROTON, [[1e-3, 0.0, 0.0, 0.0, 0.1, 0.0]], charge=1e-8)
    with torch.inference_mode():
        pj.track(LINE, beam, effects=[effect])
    fresh = FrozenGaussian((2e-3, 1e-3), 0.5, BOX, max_step=1.0)
    for adjoint in ("reversible", "store"):
        found, expected = (
            pj.gradient(pj.observables.centroid("px"), LINE, beam, effects=[e], wrt=["beam.charge"],
                        adjoint=adjoint)
            for e in (effect, fresh)
        )  # fmt: skip
        np.testing.assert_array_equal(found, expected)


def test_a_derived_class_kicks_by_its_own_way() -> None:
    class Still(FrozenGaussian):
        def apply(self, state, field, place):
            return state

    assert kick(FrozenGaussian((2e-3, 1e-3), 0.5, BOX, max_step=1.0)) != 0
    assert kick(Still((2e-3, 1e-3), 0.5, BOX, max_step=1.0)) == 0


def test_turns_do_not_pay_for_the_grid() -> None:
    fine = FrozenGaussian((2e-3, 1e-3), 0.5, pj.SpectralPoisson((0.03, 0.02), (512, 512)), 0.02)
    beam = pj.Beam(PROTON, [[1e-3, 0.0, 0.0, 0.0, 0.0, 0.0]], charge=1e-8)
    pj.track(LINE, beam, effects=[fine])
    begin = time.process_time()
    fine.potential.solve(torch.zeros(516, 516, dtype=torch.float64))
    solving = time.process_time() - begin
    begin = time.process_time()
    pj.track(LINE, beam, effects=[fine], turns=4)
    assert time.process_time() - begin < 0.5 * 200 * solving


def test_reading_a_grid_is_its_plain_twin() -> None:
    draw = torch.Generator().manual_seed(1)
    x, y = 0.009 * (2 * torch.rand(2, 20, generator=draw, dtype=torch.float64) - 1)
    values = torch.randn(*BOX.mesh.grid.padded_shape, generator=draw, dtype=torch.float64)
    active = torch.arange(20) != 3

    def compiled(*at: torch.Tensor) -> torch.Tensor:
        return read(BOX.mesh, at[0], at[1], active, at[2])

    def plain(*at: torch.Tensor) -> torch.Tensor:
        return plain_interpolate(BOX.mesh, at[0], at[1], active, at[2])[0]

    given = (x, y, values)
    weights = torch.randn(20, generator=draw, dtype=torch.float64)
    torch.testing.assert_close(compiled(*given), plain(*given), rtol=1e-12, atol=1e-14)
    results = []
    for function in (compiled, plain):
        leaves = [g.clone().requires_grad_() for g in given]
        results.append(torch.autograd.grad(function(*leaves) @ weights, leaves))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-13)
    tangents = tuple(torch.randn(g.shape, generator=draw, dtype=torch.float64) for g in given)
    pushed = [torch.func.jvp(function, given, tangents)[1] for function in (compiled, plain)]
    torch.testing.assert_close(*pushed, rtol=1e-11, atol=1e-13)
    one_only = [
        torch.func.jvp(lambda a, f=function: f(a, y, values), (x,), tangents[:1])[1]
        for function in (compiled, plain)
    ]
    torch.testing.assert_close(*one_only, rtol=1e-11, atol=1e-13)
