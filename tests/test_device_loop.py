"""Nothing in the loop looks at numbers or makes tensors elsewhere than where the beam is.

A device that has shapes and no numbers ("meta") shows it without an accelerator: what would wait
for one, or copy to it, fails here.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from correction_cases import KINDS, start
from element_battery import FUSED
from element_cases import PROTON, Case
from running import task
from torch.utils._python_dispatch import TorchDispatchMode

import pyjutrack as pj
from pyjutrack.elements import Magnet
from pyjutrack.elements.part import WHOLE
from pyjutrack.elements.placement import advance
from pyjutrack.maps.state import State
from pyjutrack.tracking.loop import run

#: makes no work on a device
FREE = {"scalar_tensor", "view", "_unsafe_view", "slice", "select", "expand", "t", "transpose"}
FREE |= {"permute", "unsqueeze", "squeeze", "detach", "alias", "unbind", "lift_fresh", "empty"}


class Count(TorchDispatchMode):
    """Counts operations that a device has to be asked for, one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.found = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found += func._schema.name.split("::")[1] not in FREE
        return func(*args, **(kwargs or {}))


class Away(TorchDispatchMode):
    """Refuses every operation whose result is not on the device of the beam."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(tensor, torch.Tensor):
                assert tensor.device.type == "meta", f"{func} gave a tensor on the host"
            else:
                assert not isinstance(out, (bool, int, float)), f"{func} brought a number back"
        return out


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Away:
    def looked(self: torch.Tensor, *_: Any) -> Any:
        raise AssertionError("a number was looked at")

    for name in ("__bool__", "item", "tolist", "numpy", "cpu", "__float__"):
        monkeypatch.setattr(torch.Tensor, name, looked)
    return Away()


#: weights of a potential are looked at, where they are given
PLAIN = [case for case in FUSED if case.kind is not pj.HamiltonianKick]


@pytest.mark.parametrize("case", PLAIN, ids=lambda c: c.label)
def test_every_element(case: Case, request) -> None:
    columns = tuple(torch.empty(9, dtype=torch.float64, device="meta") for _ in range(6))
    alive = torch.ones(9, dtype=torch.bool, device="meta")
    element = case.element()
    if isinstance(element, Magnet):  # further steps are as the second
        element = dataclasses.replace(element, steps=2)
    advance(element, State(columns, alive), PROTON, WHOLE)  # brings coefficients there, once
    with request.getfixturevalue("away"):
        out = advance(element, State(columns, alive), PROTON, WHOLE)
    assert all(c.device.type == "meta" and c.shape == (9,) for c in out.coordinates)


@pytest.mark.parametrize("derivative", [False, True])
def test_a_cell_with_space_charge(cell, kick, derivative: bool, request) -> None:
    beam = pj.Beam(PROTON, torch.empty(50, 6, dtype=torch.float64, device="meta"), 200.0)
    kick = dataclasses.replace(kick, max_step=0.2)  # several in a drift are as good as many
    line = pj.Lattice([cell, pj.SBend(0.04, 0.01), pj.Aperture(half_width=0.01)])
    run(task(line, beam, [kick]))  # brings the solver's operators to the device, once
    strength = torch.empty((), dtype=torch.float64, device="meta", requires_grad=derivative)
    line = line.with_values({"q1.k1": strength}) if derivative else line
    away = request.getfixturevalue("away")
    with away:
        end = run(task(line, beam, [kick], 2))
        if derivative:
            torch.autograd.grad(end.state.coordinates[0].sum(), strength)
    assert end.state.coordinates[0].shape == (50,)


@pytest.mark.parametrize("kind", KINDS[:2])
def test_learned_corrections(cell, kind: str, request) -> None:
    correction = start(kind)
    weights = correction.weights.to("meta").requires_grad_()
    used = dataclasses.replace(correction, weights=weights)
    beam = pj.Beam(PROTON, torch.empty(50, 6, dtype=torch.float64, device="meta"), 200.0)
    effects = [pj.SpaceCharge(used, max_step=0.1)]
    run(task(cell, beam, effects))  # brings the operators to the device, once
    away = request.getfixturevalue("away")
    with away:
        end = run(task(cell, beam, effects, 2))
        torch.autograd.grad(end.state.coordinates[0].sum(), weights)
    assert end.state.coordinates[0].shape == (50,)


@pytest.mark.parametrize(("kind", "most"), [(pj.Drift, 77), (pj.Quadrupole, 150)])
def test_few_launches_a_slice(kind: Any, most: int, kick) -> None:
    """A launch costs a device some microseconds, however few the particles."""
    beam = pj.Beam(PROTON, torch.empty(50, 6, dtype=torch.float64, device="meta"), 200.0)
    found = []
    for slices in (2, 2, 4):  # the first brings the operators
        effects = [dataclasses.replace(kick, max_step=0.05)]
        line = pj.Lattice([kind(0.05 * slices, name="e")])
        line = line if kind is pj.Drift else line.with_values({"e.k1": 3.0})
        with Count() as count:
            run(task(line, beam, effects))
        found.append(count.found)
    assert 0 < (found[2] - found[1]) / 2 <= most
