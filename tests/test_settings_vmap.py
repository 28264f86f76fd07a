"""Tracking under `torch.func.vmap`: as the batch, over knobs, beams, currents, and among others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import grad, jacfwd, jacrev, vmap

import pyjutrack as pj
from pyjutrack.cli.paper import fodo
from pyjutrack.engines import vmapped

CELL, BEAM = fodo.cell(), fodo.beam(300, seed=1)
KICK = fodo.space_charge(fodo.solver())
FACTORS = torch.tensor([1.0, 1.02, 0.97], dtype=torch.float64)
STRENGTHS = 29.6 * FACTORS
ROWS = BEAM.coordinates * FACTORS[:, None, None]
LINE = pj.Lattice([CELL, pj.Aperture(half_width=1.5e-3, half_height=1.5e-3), CELL])


def by_knob(k1: Tensor) -> Tensor:
    return pj.track(CELL.with_values({"q1.k1": k1}), BEAM, effects=[KICK]).coordinates


def by_beam(rows: Tensor) -> Tensor:
    return pj.track(CELL, BEAM.replace(coordinates=rows), effects=[KICK]).coordinates


def by_both(k1: Tensor, rows: Tensor) -> Tensor:
    lattice, beam = CELL.with_values({"q1.k1": k1}), BEAM.replace(coordinates=rows)
    return pj.track(lattice, beam, effects=[KICK]).coordinates


def by_current(factor: Tensor) -> Tensor:
    return pj.track(CELL, BEAM.replace(current=200 * factor), effects=[KICK]).coordinates


def by_weights(factor: Tensor) -> Tensor:
    weights = torch.ones(300, dtype=torch.float64) * factor
    return pj.track(CELL, BEAM.replace(weights=weights), effects=[KICK]).coordinates


def by_length(factor: Tensor) -> Tensor:
    return pj.track(CELL.with_values({"d2.length": 0.4 * factor}), BEAM).coordinates


def among_others(k1: Tensor) -> Tensor:
    values = {"q1.k1": k1, "q2.k1": -STRENGTHS[:2]}
    return pj.track(CELL.with_values(values), BEAM, effects=[KICK]).coordinates


def losses(k1: Tensor) -> Tensor:
    end = pj.track(LINE.with_values({"q1.k1": k1}), BEAM)
    return pj.moments.centroid(end) + (~end.alive).sum()


CASES: dict[str, tuple[Callable[..., Tensor], Tensor]] = {
    "knob": (by_knob, STRENGTHS),
    "beam": (by_beam, ROWS),
    "current": (by_current, FACTORS),
    "weights": (by_weights, FACTORS),
    "length": (by_length, FACTORS),
    "among others": (among_others, STRENGTHS),
    "losses": (losses, STRENGTHS),
}


@pytest.fixture
def spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tracking fail where it would go through PyTorch's transform."""
    monkeypatch.setattr(vmapped, "_THROUGH", ())


@pytest.mark.parametrize("name", CASES)
def test_each_call(name: str, spread: None) -> None:
    function, values = CASES[name]
    wanted = torch.stack([function(value) for value in values])
    torch.testing.assert_close(vmap(function)(values), wanted, rtol=1e-13, atol=1e-15)


def test_other_dimensions_and_nests(spread: None) -> None:
    wanted = torch.stack([torch.stack([by_both(k, r) for r in ROWS]) for k in STRENGTHS])
    inner = vmap(by_both, in_dims=(None, 1))
    found = vmap(inner, in_dims=(0, None))(STRENGTHS, ROWS.movedim(0, 1))
    torch.testing.assert_close(found, wanted, rtol=1e-13, atol=1e-15)
    pairs = vmap(by_both)(STRENGTHS, ROWS)
    torch.testing.assert_close(pairs, wanted.diagonal().movedim(-1, 0), rtol=1e-13, atol=1e-15)


def size(k1: Tensor) -> Tensor:
    return pj.moments.sizes(
        pj.track(CELL.with_values({"q1.k1": k1}), BEAM, effects=[KICK], adjoint="store")
    )[0]


def test_derivatives_around_and_within() -> None:
    leaves = [k.clone().requires_grad_() for k in STRENGTHS]
    wanted = torch.stack([torch.autograd.grad(size(leaf), leaf)[0] for leaf in leaves])
    leaf = STRENGTHS.clone().requires_grad_()
    found = {
        "grad(vmap)": grad(lambda k: vmap(size)(k).sum())(STRENGTHS),
        "vmap(grad)": vmap(grad(size))(STRENGTHS),
        "jacrev(vmap)": jacrev(vmap(size))(STRENGTHS).sum(0),
        "jacfwd(vmap)": jacfwd(vmap(size))(STRENGTHS).sum(0),
        "backward": torch.autograd.grad(vmap(size)(leaf).sum(), leaf)[0],
    }
    for slopes in found.values():
        torch.testing.assert_close(slopes, wanted, rtol=1e-12, atol=0)


def test_the_beam_that_comes_back() -> None:
    """It has what it had of each call, and the numbers of each."""

    def end(k1: Tensor, current: Tensor) -> tuple[Tensor, ...]:
        beam = pj.track(LINE.with_values({"q1.k1": k1}), BEAM.replace(current=current))
        assert beam.coordinates.shape == (300, 6)
        return torch.as_tensor(beam.current), beam.alive

    current, alive = vmap(end)(STRENGTHS, FACTORS)
    torch.testing.assert_close(current, FACTORS, rtol=0, atol=0)
    ones = [pj.track(LINE.with_values({"q1.k1": float(k)}), BEAM) for k in STRENGTHS]
    assert torch.equal(alive, torch.stack([one.alive for one in ones]))
    assert not alive.all()


def test_weights_of_a_learned_potential() -> None:
    """A vector cannot be many settings: it goes through PyTorch's transform."""
    form = pj.elements.potentials.Spline()
    weights = form.start() + torch.linspace(0, 1, len(form.start()), dtype=torch.float64) / 30

    def learned(factor: Tensor) -> Tensor:
        kick = pj.HamiltonianKick(form, factor * weights, name="field")
        return pj.track(
            pj.Lattice([kick, CELL.with_values({"q1.k1": 29.6 * factor})]), BEAM
        ).coordinates

    wanted = torch.stack([learned(factor) for factor in FACTORS])
    assert not torch.equal(wanted[0], wanted[1])
    torch.testing.assert_close(vmap(learned)(FACTORS), wanted, rtol=1e-12, atol=1e-15)
