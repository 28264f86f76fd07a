"""Many currents, charges and factors of effects at once: as one after another, or refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from effect_cases import EFFECTS, LATTICE, bunch
from settings_of_calls import check_public_calls
from torch import Tensor

import pyjutrack as pj
from pyjutrack.cli.paper import fodo

FACTORS = torch.tensor([1.0, 1.3, 0.5], dtype=torch.float64)
CELL, BEAM = fodo.cell(), fodo.beam(2000, seed=1)
KICK = fodo.space_charge(fodo.solver())
CURRENTS = float(BEAM.current) * FACTORS
STRENGTHS = 29.6 * (1 + 0.01 * FACTORS)
#: what says that it takes one beam alone
REFUSED = {"loss_map", "plotting.plot_density", "slice_moments", "write_beam"}
#: holds the beam that it is given, or has turns before settings
ELSEWHERE = {"Twin", "track_turns"}


def scaled(factor: float | Tensor) -> pj.SpaceCharge:
    return dataclasses.replace(KICK, perveance_scale=factor)


def assert_alike(many: pj.Beam, ones: Sequence[pj.Beam]) -> None:
    assert many.coordinates.shape[0] == len(ones)
    for n, one in enumerate(ones):
        assert torch.equal(many.alive[n], one.alive)
        torch.testing.assert_close(many.coordinates[n], one.coordinates, rtol=1e-13, atol=1e-15)
    assert not torch.allclose(many.coordinates[0], many.coordinates[1], rtol=1e-9, atol=0)


@pytest.mark.parametrize("weighted", [False, True])
def test_currents(weighted: bool) -> None:
    beam = BEAM
    if weighted:
        beam = beam.replace(weights=torch.linspace(0.5, 1.5, len(beam), dtype=torch.float64))
    many = pj.track(CELL, beam.replace(current=CURRENTS), effects=[KICK])
    given = (beam.replace(current=float(c)) for c in CURRENTS)
    assert_alike(many, [pj.track(CELL, one, effects=[KICK]) for one in given])
    assert torch.equal(torch.as_tensor(many.current), CURRENTS)
    assert "current 100 to 260 A" in repr(many)


def test_factors_over_turns() -> None:
    many = pj.track(CELL, BEAM, effects=[scaled(FACTORS)], turns=2)
    each = [scaled(float(f)) for f in FACTORS]
    assert_alike(many, [pj.track(CELL, BEAM, effects=[one], turns=2) for one in each])


def test_lattice_beam_and_effects_broadcast() -> None:
    """Strengths (3,), currents (3, 1): nine, with the table of three strengths for each current."""
    lattice = CELL.with_values({"q1.k1": STRENGTHS})
    many = pj.track(
        lattice, BEAM.replace(current=CURRENTS[:, None]), effects=[scaled(FACTORS[:2, None, None])]
    )
    assert many.coordinates.shape == (2, 3, 3, 2000, 6)
    one = pj.track(
        CELL.with_values({"q1.k1": float(STRENGTHS[1])}),
        BEAM.replace(current=float(CURRENTS[2])),
        effects=[scaled(float(FACTORS[1]))],
    )
    torch.testing.assert_close(many.coordinates[1, 2, 1], one.coordinates, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("effects", [[], [KICK]])
def test_beams_beside_strengths(effects: list[pj.SpaceCharge]) -> None:
    """Two beams (2, 1, N, 6) and three strengths: the table is read for each beam."""
    seeds = torch.stack([fodo.beam(2000, seed=k).coordinates for k in (1, 2)])[:, None]
    beams = BEAM.replace(coordinates=seeds, alive=torch.ones(2, 1, 2000, dtype=torch.bool))
    many = pj.track(CELL.with_values({"q1.k1": STRENGTHS}), beams, effects=effects)
    lattice = CELL.with_values({"q1.k1": float(STRENGTHS[2])})
    one = pj.track(lattice, fodo.beam(2000, seed=2), effects=effects)
    torch.testing.assert_close(many.coordinates[1, 2], one.coordinates, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", list(EFFECTS))
@pytest.mark.parametrize("of_beam", [True, False])
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.AccuracyWarning")
def test_every_effect(name: str, of_beam: bool) -> None:
    """With many charges of a bunch, and with one in many settings of the lattice."""
    effects, beam = [EFFECTS[name]], bunch(400)
    make: Callable[[Any], tuple[pj.Lattice, pj.Beam]]
    if of_beam:
        charge = float(beam.charge)

        def make(factor: Any) -> tuple[pj.Lattice, pj.Beam]:
            return LATTICE, beam.replace(charge=charge * factor)
    else:

        def make(factor: Any) -> tuple[pj.Lattice, pj.Beam]:
            return LATTICE.with_values({"qf.k1": 6.0 * factor}), beam

    many = pj.track(*make(FACTORS), effects=effects, turns=2)
    ones = [pj.track(*make(float(f)), effects=effects, turns=2) for f in FACTORS]
    for n, one in enumerate(ones):
        alike = many.coordinates[n] if many.coordinates.dim() > 2 else many.coordinates
        torch.testing.assert_close(alike, one.coordinates, rtol=1e-13, atol=1e-15)


def test_backward() -> None:
    def slopes(current: Tensor) -> Tensor:
        end = pj.track(CELL, BEAM.replace(current=current), effects=[KICK]).coordinates
        return torch.autograd.grad(end.square().sum(), current)[0]

    each = [slopes(c.clone().requires_grad_()) for c in CURRENTS]
    found = slopes(CURRENTS.clone().requires_grad_())
    torch.testing.assert_close(found, torch.stack(each), rtol=1e-11, atol=0)


class Guest(pj.CollectiveEffect):
    """By the current, of which it takes one."""

    max_step = 0.1

    def field(self, beam: pj.Beam, state: Any, place: Any, memory: Any) -> Any:
        return beam.current

    def apply(self, state: Any, field: Any, place: Any) -> Any:
        return state


def test_an_effect_that_takes_one_is_refused() -> None:
    many = BEAM.replace(current=CURRENTS)
    with pytest.raises(pj.errors.InvalidValueError, match=r"Guest takes one current .*\(3,\)"):
        pj.track(CELL, many, effects=[Guest()])
    for bad in (torch.tensor([1.0, -1.0]), torch.tensor([1.0, torch.nan]), torch.zeros(0)):
        with pytest.raises(pj.errors.InvalidValueError, match="current must be"):
            pj.track(CELL, BEAM.replace(current=bad), effects=[KICK])
        with pytest.raises(pj.errors.InvalidValueError, match="perveance_scale must be"):
            scaled(bad)


def vary(beam: pj.Beam) -> tuple[pj.Beam, list[pj.Beam]]:
    kind = "charge" if float(beam.charge) else "current"
    amounts = (float(getattr(beam, kind)) or 1e-9) * FACTORS
    each = [beam.replace(**{kind: float(amount)}) for amount in amounts]
    return beam.replace(**{kind: amounts}), each


@pytest.mark.filterwarnings("ignore")
def test_every_public_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_public_calls(tmp_path, pj.Beam, vary, REFUSED, ELSEWHERE) > 15
