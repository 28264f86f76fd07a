"""Gradients of many settings: by one backward pass, and equal to those of each."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
import torch
from live_cases import small

import pyjutrack as pj
from pyjutrack.cli.paper import fodo
from pyjutrack.engines import many_gradients

FACTORS = torch.tensor([1.0, 1.02, 0.97], dtype=torch.float64)
CELL, BEAM = fodo.cell(), fodo.beam(500, seed=1)
KICK = fodo.space_charge(fodo.solver())
SETTINGS = CELL.with_values({"q1.k1": 29.6 * FACTORS})
GROWTH = pj.observables.emittance_growth("x")


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of settings of each pass that is made."""
    made: list[int] = []
    for mode, inner in many_gradients._PASSES.items():

        def note(objective: Any, task: Any, wrt: Any, inner: Any = inner) -> Any:
            found = inner(objective, task, wrt)
            made.append(task.batch.numel())
            return found

        monkeypatch.setitem(many_gradients._PASSES, mode, note)
    return made


def each(objective: Any, beam: pj.Beam, effects: Any, **given: Any) -> list[Any]:
    """One after another, all by the call of one."""
    return [
        pj.gradient(
            objective,
            CELL.with_values({"q1.k1": float(29.6 * f)}),
            beam.replace(current=float(torch.as_tensor(beam.current).expand(3)[n])),
            effects=effects(float(f)),
            **given,
        )
        for n, f in enumerate(FACTORS)
    ]


def ratio(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
    """An objective of both beams that adds up nothing much larger than itself."""
    assert final.coordinates.shape == initial.coordinates.shape == (500, 6)
    after, before = (b.coordinate("x").square().mean() for b in (final, initial))
    return after / before + final.coordinate("x").mean()


def assert_alike(found: Any, ones: Any) -> None:
    """To 1e-13 of the largest; test_settings_rounding says where no slope has so many digits."""
    scale = np.abs(np.stack(ones)).max(0)
    np.testing.assert_allclose(found / scale, np.stack(ones) / scale, rtol=0, atol=1e-13)


WAYS: list[dict[str, Any]] = [
    {},
    {"mode": "forward"},
    {"adjoint": "checkpoint"},
    {"adjoint": pj.adjoints.Reversible(snapshots=2)},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("kicked", [True, False])
@pytest.mark.parametrize("turns", [1, 2])
def test_by_one_pass(way: dict[str, Any], kicked: bool, turns: int, passes: list[int]) -> None:
    """By the knob that differs, by another, and an objective of both beams."""
    effects, wrt = [KICK] * kicked, ["q1.k1", "q2.k1", "q2.dx"]
    given = {"wrt": wrt, "turns": turns, **way}
    found = pj.gradient(ratio, SETTINGS, BEAM, effects=effects, **given)
    assert passes == [3] * ("mode" not in way or not kicked)
    assert_alike(found, each(ratio, BEAM, lambda f: effects, **given))


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_by_current_and_factor(way: dict[str, Any], passes: list[int]) -> None:
    wrt = ["beam.current", "effects[0].perveance_scale", "q2.k1"]
    beam = BEAM.replace(current=100 * FACTORS)
    kick = dataclasses.replace(KICK, perveance_scale=FACTORS)
    found = pj.gradient(ratio, SETTINGS, beam, wrt=wrt, effects=[kick], **way)
    assert passes == [3] * ("mode" not in way)
    own = lambda f: [dataclasses.replace(KICK, perveance_scale=f)]  # noqa: E731
    assert_alike(found, each(ratio, beam, own, wrt=wrt, **way))


@pytest.mark.parametrize("way", WAYS[:3], ids=str)
def test_soft_apertures(way: dict[str, Any], passes: list[int]) -> None:
    soft = pj.Aperture(half_width=3e-3, half_height=3e-3, smoothing=1e-3)
    line = pj.Lattice([CELL, soft, CELL])
    many = line.with_values({"q1.k1": 29.6 * FACTORS})
    size = lambda final: pj.moments.sizes(final)[0]  # noqa: E731
    found = pj.gradient(size, many, BEAM, wrt=["q1.k1", "q2.k1"], **way)
    assert passes == [3]
    ones = [
        pj.gradient(size, line.with_values({"q1.k1": f}), BEAM, wrt=["q1.k1", "q2.k1"])
        for f in (29.6 * FACTORS).tolist()
    ]
    assert_alike(found, ones)


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_where_derivatives_are_switched_off(mode: Any, off: Any) -> None:
    """They are those that are asked for, of one setting and of many."""
    for lattice in (CELL, SETTINGS):
        wanted = pj.gradient(ratio, lattice, BEAM, wrt=["q2.k1"], mode=mode)
        with off():
            found = pj.gradient(ratio, lattice, BEAM, wrt=["q2.k1"], mode=mode)
        assert np.abs(wanted).min() > 0
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("wrt", [[], ["q1.k1", "q1.k1"], ["no.k1"]])
def test_knobs_that_cannot_be(wrt: list[str]) -> None:
    """As of one setting."""
    refused = pj.errors.InvalidValueError, pj.errors.UnknownNameError
    with pytest.raises(refused) as of_one:
        pj.gradient(GROWTH, CELL, BEAM, wrt=wrt)
    with pytest.raises(refused, match=re.escape(str(of_one.value))):
        pj.gradient(GROWTH, SETTINGS, BEAM, wrt=wrt)


def test_values_and_memory(monkeypatch: pytest.MonkeyPatch, passes: list[int]) -> None:
    """Some settings at a time, of more dimensions than one, where all would store too much."""
    monkeypatch.setattr(many_gradients, "_HELD", 1.0)
    lattice = CELL.with_values({"q1.k1": 29.6 * FACTORS[:2, None], "q2.k1": -29.6 * FACTORS})
    value, slope = pj.value_and_gradient(GROWTH, lattice, BEAM, wrt=["q2.k1"], effects=[KICK])
    assert passes == [1] * 6
    assert (np.shape(value), slope.shape) == ((2, 3), (2, 3, 1))
    one = CELL.with_values({"q1.k1": float(29.6 * FACTORS[1]), "q2.k1": float(-29.6 * FACTORS[2])})
    own, gradient = pj.value_and_gradient(GROWTH, one, BEAM, wrt=["q2.k1"], effects=[KICK])
    assert np.asarray(value)[1, 2] == pytest.approx(own, rel=1e-13)
    np.testing.assert_allclose(slope[1, 2], gradient, rtol=1e-11)


@pytest.mark.parametrize(
    "given",
    [
        {"wrt": ["d2.length"]},  # along which kicks act
        {"wrt": ["beam.beta_x"]},
        {"wrt": ["q2.k1"], "mode": "fd"},
    ],
)
def test_what_goes_one_after_another(given: dict[str, Any], passes: list[int]) -> None:
    found = pj.gradient(GROWTH, SETTINGS, BEAM, effects=[KICK], **given)
    assert not passes
    np.testing.assert_allclose(found, each(GROWTH, BEAM, lambda f: [KICK], **given), rtol=1e-12)


def test_vectors_go_one_after_another(passes: list[int]) -> None:
    machine = small(unknowns=())
    lattice = machine.lattice.with_values({"q1.k1": 20 * FACTORS})
    found = pj.gradient(GROWTH, lattice, machine.beam, wrt=["field.weights"])
    assert not passes
    one = machine.lattice.with_values({"q1.k1": float(20 * FACTORS[1])})
    own = pj.gradient(GROWTH, one, machine.beam, wrt=["field.weights"])
    np.testing.assert_allclose(found[1], own, rtol=1e-12, atol=1e-18)


def test_losses_are_told() -> None:
    line = pj.Lattice([CELL, pj.Aperture(half_width=1e-3, half_height=1e-2)])
    with pytest.warns(pj.errors.LossWarning, match="of 500 particles are lost"):
        pj.gradient(GROWTH, line.with_values({"q1.k1": 29.6 * FACTORS}), BEAM, wrt=["q2.k1"])
