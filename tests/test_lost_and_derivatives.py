"""Derivatives of what survives, where a map has no value for others: as of a beam without these."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import grad, hessian, jacrev, jvp, vmap

import pyjutrack as pj

PROTON = pj.Reference.from_kinetic("proton", 1e6)
ROWS = 1e-3 * torch.randn(8, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
#: each loses some, and most of them one on the axis too
ROWS[:, 4] = torch.linspace(-2.0, 2.0, 8, dtype=torch.float64)
WIDE = ROWS.clone()
WIDE[0, 1], WIDE[1, 5], WIDE[2, 0], WIDE[3, 1] = 0.9, -0.8, 10.0, 1.5


def cavity(voltage: Any, **given: Any) -> pj.Element:
    return pj.RFCavity(0.1, voltage, frequency=3e6, phase=-math.pi / 2, name="e", **given)


CASES: dict[str, tuple[Callable[[Any], pj.Element], float, Tensor]] = {
    "cavity": (cavity, 3e6, ROWS),
    "cavity with a gap": (lambda v: cavity(v, focusing="gap"), 3e6, ROWS),
    "cavity with a wave": (lambda v: cavity(v, focusing="standing-wave"), 3e6, ROWS),
    "rolled cavity": (lambda v: cavity(v, tilt=0.1, dx=1e-3), 3e6, ROWS),
    "exact drift": (lambda v: pj.Drift(v, model="exact", name="e"), 1.0, WIDE),
    "exact bend": (lambda v: pj.SBend(v, 0.3, model="exact", name="e"), 1.0, WIDE),
    "solenoid": (lambda v: pj.Solenoid(0.3, v, name="e"), 1.0, WIDE),
    "exact quadrupole": (lambda v: pj.Quadrupole(0.3, v, model="exact", name="e"), 1.0, WIDE),
}
#: numbers of steps are chosen by their values
LOOKED_AT = {"cavity with a wave", "exact quadrupole"}


def line(case: str, value: Any) -> pj.Lattice:
    return pj.Lattice([pj.Drift(0.05), CASES[case][0](value), pj.Drift(0.05)])


def figure(end: pj.Beam) -> Tensor:
    alive = end.alive[..., None]
    rates = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], dtype=torch.float64)
    moved = torch.where(alive, end.coordinates, 0.0)
    return (moved * rates + moved.square()).sum((-2, -1))


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def alive_of(case: str) -> Tensor:
    _, value, rows = CASES[case]
    return pj.track(line(case, value), pj.Beam(PROTON, rows)).alive


def of(case: str, rows: Tensor, **given: Any) -> Callable[[Tensor], Tensor]:
    return lambda value: figure(pj.track(line(case, value), pj.Beam(PROTON, rows), **given))


def backward(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    leaf = at.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(leaf).sum(), leaf)
    return slope


pytestmark = pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")


@pytest.mark.parametrize("case", CASES)
def test_slopes_are_those_of_a_beam_without_the_lost(case: str) -> None:
    _, value, rows = CASES[case]
    alive = alive_of(case)
    assert 0 < int(alive.sum()) < len(alive)
    alone, at = rows[alive], number(value)
    wanted = backward(of(case, alone), at)
    step = 1e-4 * value
    ends = [of(case, alone)(at + sign * step) for sign in (1, -1)]
    assert float(wanted) == pytest.approx(float((ends[0] - ends[1]) / (2 * step)), rel=1e-4)
    function = of(case, rows)
    found = {
        **{a: backward(of(case, rows, adjoint=a), at) for a in ("store", "checkpoint")},
        "reversible": backward(of(case, rows, adjoint="reversible"), at),
        "many": backward(function, at.repeat(2))[1],
        "many, from checkpoints": backward(of(case, rows, adjoint="checkpoint"), at.repeat(2))[0],
        "jacrev": jacrev(function)(at),
        "jvp": jvp(function, (at,), (number(1.0),))[1],
    }
    if case not in LOOKED_AT:
        found["vmap"] = vmap(grad(function))(at.repeat(2))[0]
    for name, slope in found.items():
        assert float(slope) == pytest.approx(float(wanted), rel=1e-10), name


@pytest.mark.parametrize("case", CASES)
def test_by_the_start_and_twice(case: str) -> None:
    _, value, rows = CASES[case]
    alive = alive_of(case)

    def by_rows(start: Tensor) -> Tensor:
        return figure(pj.track(line(case, number(value)), pj.Beam(PROTON, start)))

    slopes = backward(by_rows, rows)
    assert not slopes[~alive].any()
    torch.testing.assert_close(slopes[alive], backward(by_rows, rows[alive]), rtol=1e-11, atol=0)
    curved = [hessian(of(case, some))(number(value)) for some in (rows, rows[alive])]
    torch.testing.assert_close(*curved, rtol=1e-9, atol=0)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("case", CASES)
def test_gradients(case: str, mode: Any) -> None:
    make, value, rows = CASES[case]
    names = line(case, value)["e"].knobs
    (knob,) = [k for k in names if getattr(make(0.7 * value), k) == 0.7 * value]
    found, wanted = (
        pj.gradient(figure, line(case, value), pj.Beam(PROTON, some), wrt=[f"e.{knob}"], mode=mode)
        for some in (rows, rows[alive_of(case)])
    )
    assert found == pytest.approx(wanted, rel=1e-10)


def test_a_setting_without_survivors_takes_nothing_from_others() -> None:
    values = torch.tensor([3e6, 40e6], dtype=torch.float64)
    rows = ROWS[ROWS[:, 4].abs() < 1.0]
    ends = [pj.track(line("cavity", float(v)), pj.Beam(PROTON, rows)).alive for v in values]
    assert not ends[1].any()
    slopes = backward(of("cavity", ROWS), values)
    assert torch.isfinite(slopes).all()
    assert float(slopes[0]) == pytest.approx(
        float(backward(of("cavity", ROWS), values[0])), rel=1e-12
    )


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_nor_among_settings_of_more_dimensions(shape: tuple[int, ...]) -> None:
    values, rows = torch.tensor([3e6, 40e6], dtype=torch.float64), ROWS[ROWS[:, 4].abs() < 1.0]
    lengths = torch.tensor([0.05, 0.1, 0.2], dtype=torch.float64)

    def by(voltage: Any, length: Any) -> Tensor:
        return figure(
            pj.track(pj.Lattice([pj.Drift(length), cavity(voltage)]), pj.Beam(PROTON, rows))
        )

    others = lengths if len(shape) > 1 else lengths[:, None]
    slopes = backward(lambda v: by(v, others), values.reshape(shape)).flatten()
    alone = sum(backward(lambda v, s=s: by(v, float(s)), values[0]) for s in lengths)
    assert float(slopes[0]) == pytest.approx(float(alone), rel=1e-12)
    assert float(slopes[1]) == 0.0
