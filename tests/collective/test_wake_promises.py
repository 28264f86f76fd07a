"""Wakes as effects: their promises and slopes of every order."""

from __future__ import annotations

import pytest
import torch
from wake_cases import LINE, MODE, Decay, bunch

import pyjutrack as pj
from pyjutrack.collective import Resonator, Wake
from pyjutrack.collective.wakes.components import COMPONENTS
from pyjutrack.testing import check_effect
from pyjutrack.testing.comparison import differences

KNOBS = ["function.frequency", "function.shunt", "function.quality", "scale"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_keeps_the_promises_of_effects(component: str) -> None:
    effect = Wake(MODE, "gap", component, cells=60)
    check_effect(effect, bunch(200), LINE, knobs=KNOBS)


@pytest.mark.parametrize(
    "effect",
    [
        Wake(Decay(1e15), component="quadrupole y", max_step=0.1, cells=60),
        Wake(MODE, "gap", "dipole y", window=0.08, cells=60, period=1.2e-10),
        Wake(Decay(1e17), "gap", "dipole x", window=0.08, cells=60, period=1.2e-10, turns=2),
        Wake(MODE, "gap", "dipole yx", cells=60, period=1.2e-10),
        Wake(Decay(1e17), "gap", "quadrupole xy", cells=60, period=1.2e-10, turns=2),
    ],
    ids=["along", "ringing", "lines", "ringing follows", "lines follow"],
)
def test_other_ways_keep_the_promises_of_effects(effect: Wake) -> None:
    knobs = ["scale", "function.shunt" if effect.function.rings else "function.strength"]
    check_effect(effect, bunch(200), LINE, knobs=knobs)


@pytest.mark.parametrize("adjoint", ["store", "checkpoint", "reversible"])
def test_the_slope_by_a_length_over_which_it_acts(adjoint: str) -> None:
    """The kick grows with the length of the pipe, which moves the particles too."""
    effect = Wake(Decay(1e17), max_step=0.1, cells=60)

    def spread_of_energy(final: pj.Beam) -> torch.Tensor:
        return (final.coordinate("delta") ** 2).sum()

    wanted = {"wrt": ["d.length"], "effects": [effect]}
    (found,) = pj.gradient(spread_of_energy, LINE, bunch(200), adjoint=adjoint, **wanted)

    def value(length: float) -> float:
        line = LINE.with_values({"d.length": length})
        return float(spread_of_energy(pj.track(line, bunch(200), effects=[effect])))

    expected, _ = differences(value, float(LINE.value("d.length")), 1e-5)
    assert found == pytest.approx(expected, rel=1e-7)


def test_second_derivatives() -> None:
    """Of a figure by the shunt and the frequency, against differences of gradients."""
    beam = bunch(100)

    def figure(numbers: torch.Tensor) -> torch.Tensor:
        mode = Resonator(5e9 * numbers[0], 1e8 * numbers[1], 1.4 * numbers[2])
        end = pj.track(LINE * 2, beam, effects=[Wake(mode, "gap", "dipole x", cells=60)])
        return (end.coordinates[:, :2] ** 2).sum() * 1e6

    at = torch.ones(3, dtype=torch.float64)
    found = torch.autograd.functional.hessian(figure, at)
    for k in range(3):
        shift = 1e-5 * torch.eye(3, dtype=torch.float64)[k]
        gradients = [
            torch.autograd.functional.jacobian(figure, at + s * shift) for s in (1.0, -1.0)
        ]
        slope = (gradients[0] - gradients[1]) / 2e-5
        torch.testing.assert_close(found[k], slope, rtol=1e-6, atol=1e-6 * float(found.abs().max()))
