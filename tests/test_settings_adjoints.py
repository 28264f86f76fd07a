"""Backward passes through many settings that keep few beams: as of each, in flat memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from element_cases import PROTON
from torch import Tensor

import pyjutrack as pj
from pyjutrack.cli.paper import fodo
from pyjutrack.tracking.adjoint.choose import held_bytes, stored_bytes
from pyjutrack.tracking.task import task_of

FACTORS = torch.tensor([1.0, 1.02, 0.97], dtype=torch.float64)
CELL, BEAM = fodo.cell(), fodo.beam(300, seed=1)
KICK = fodo.space_charge(fodo.solver())
EDGE = pj.Aperture(half_width=4e-3, half_height=4e-3, name="edge")
SOFT = pj.Aperture(half_width=4e-3, half_height=4e-3, smoothing=1e-3, name="soft")
LINES = {
    "maps": (CELL, []),
    "kicks": (CELL, [KICK]),
    "losses": (pj.Lattice([CELL, EDGE, CELL]), [KICK]),
    "weights": (pj.Lattice([CELL, SOFT, CELL]), []),
}
ADJOINTS = ["checkpoint", "reversible", pj.adjoints.Checkpoint(every=3)]
pytestmark = pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")


def leaf(value: Any) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64).clone().requires_grad_()


def figure(end: pj.Beam) -> Tensor:
    """Of each setting, (...)."""
    weights = 1.0 if end.weights is None else end.weights
    return (end.alive * weights * end.coordinates[..., :4].square().sum(-1)).mean(-1)


def slopes_of(
    line: pj.Lattice, effects: Sequence[Any], k1: Any, current: Any, factor: Any, **given: Any
) -> list[Tensor]:
    """The figure, and its slopes by strength, current, factor and coordinates."""
    leaves = [leaf(v) for v in (k1, current)]
    start = BEAM.coordinates.clone().requires_grad_()
    if effects:
        leaves.append(leaf(factor))
        effects = [dataclasses.replace(KICK, perveance_scale=leaves[2])]
    beam = BEAM.replace(coordinates=start, current=leaves[1])
    end = pj.track(line.with_values({"q1.k1": leaves[0]}), beam, effects=effects, **given)
    found = figure(end)
    wanted = [*leaves, start] if effects else [leaves[0], start]
    return [found.detach(), *torch.autograd.grad(found.sum(), wanted)]


@pytest.mark.parametrize("adjoint", ADJOINTS, ids=str)
@pytest.mark.parametrize("name", LINES)
def test_slopes_are_those_of_each(name: str, adjoint: Any) -> None:
    line, effects = LINES[name]
    values = 29.6 * FACTORS, 200 * FACTORS.flip(0), FACTORS
    found = slopes_of(line, effects, *values, turns=2, adjoint=adjoint)
    ones = [
        slopes_of(line, effects, *map(float, one), turns=2, adjoint="store")
        for one in zip(*values, strict=True)
    ]
    for n, many in enumerate(found[:-1]):
        each = torch.stack([one[n] for one in ones])
        scale = float(each.abs().max())
        torch.testing.assert_close(many, each, rtol=0, atol=1e-12 * scale)
    by_start = torch.stack([one[-1] for one in ones]).sum(0)
    torch.testing.assert_close(
        found[-1], by_start, rtol=0, atol=1e-12 * float(by_start.abs().max())
    )


@pytest.mark.parametrize("adjoint", ["checkpoint", "reversible"])
def test_a_beam_of_each_setting(adjoint: str) -> None:
    """Two dimensions of settings, and particles of their own along one of them."""
    rows = BEAM.coordinates * torch.tensor([[[[1.0]]], [[[1.1]]]], dtype=torch.float64)
    beam, strengths = pj.Beam(BEAM.reference, rows, BEAM.current), leaf(29.6 * FACTORS)
    lattice = CELL.with_values({"q1.k1": strengths})
    found = figure(pj.track(lattice, beam, effects=[KICK], adjoint=adjoint))
    assert found.shape == (2, 3)
    (slopes,) = torch.autograd.grad(found[1].sum(), strengths)
    for n, factor in enumerate(FACTORS):
        own = leaf(29.6 * float(factor))
        one = CELL.with_values({"q1.k1": own})
        end = pj.track(one, BEAM.replace(coordinates=rows[1, 0]), effects=[KICK], adjoint="store")
        (slope,) = torch.autograd.grad(figure(end), own)
        assert float(slopes[n]) == pytest.approx(float(slope), rel=1e-12)


@pytest.mark.parametrize(("adjoint", "most"), [("checkpoint", 0.4), ("reversible", 0.2)])
def test_less_is_kept(adjoint: str, most: float) -> None:
    """Of what "store" keeps between the two passes, at 40 turns."""
    line = pj.Lattice([pj.Drift(0.3), pj.Quadrupole(0.1, 1.0, name="q"), pj.Sextupole(0.1, 2.0)])
    beam = pj.Beam(PROTON, BEAM.coordinates)

    def kept(how: str) -> int:
        sizes: dict[int, int] = {}

        def note(t: Tensor) -> Tensor:
            sizes[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
            return t

        with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
            end = pj.track(line.with_values({"q.k1": leaf(FACTORS)}), beam, turns=40, adjoint=how)
        tape = getattr(end.coordinates.grad_fn.next_functions[0][0], "tape", None)  # type: ignore[union-attr]
        del end
        saved = () if tape is None else tape.record.saved.values()
        return sum(sizes.values()) + sum(c.nbytes for columns in saved for c in columns)

    assert kept(adjoint) < most * kept("store")


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_tracking_without_derivatives_takes_none_from_later_ones(mode: Any) -> None:
    strengths = leaf(29.6 * FACTORS)
    lattice = CELL.with_values({"q1.k1": strengths})
    with mode():
        pj.track(lattice, BEAM)
    (slopes,) = torch.autograd.grad(figure(pj.track(lattice, BEAM)).sum(), strengths)
    again = leaf(29.6 * FACTORS)
    fresh = figure(pj.track(CELL.with_values({"q1.k1": again}), BEAM)).sum()
    torch.testing.assert_close(slopes, *torch.autograd.grad(fresh, again), rtol=0, atol=0)


def test_memory_and_derivatives_that_need_it_stored() -> None:
    strengths = leaf(29.6 * FACTORS)
    lattice = CELL.with_values({"q1.k1": strengths})
    end = pj.track(lattice, BEAM, adjoint=pj.adjoints.Auto(memory=0))
    with pytest.raises(pj.errors.InvalidValueError, match="first derivatives"):
        torch.autograd.grad(figure(end).sum(), strengths, create_graph=True)


def test_a_long_stretch_between_checkpoints_holds_what_it_stores() -> None:
    tasks = {
        every: task_of(CELL, BEAM, [KICK], 9, pj.adjoints.Checkpoint(every=every))
        for every in (None, 1, 10**6)
    }
    stored = stored_bytes(tasks[None])
    assert held_bytes(tasks[10**6]) >= stored
    assert held_bytes(tasks[1]) >= stored
    assert held_bytes(tasks[None]) < stored / 2
