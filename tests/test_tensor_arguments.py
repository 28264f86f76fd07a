"""Tensors where floats are accepted: what they carry arrives, or the call says that it does not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import pyjutrack as pj
from pyjutrack.lattice.knobs import current, overlay
from pyjutrack.tracking.task import task_of

PROTON = pj.Reference.from_kinetic("proton", 1e9)
TWISS = {"beta_x": 1.1, "alpha_x": -0.3, "beta_y": 2.2, "alpha_y": 0.4}
TWISS |= {"dispersion_x": 0.5, "dispersion_px": 0.1, "dispersion_y": -0.2, "dispersion_py": 0.05}
REST = {"emittance_x": 1e-6, "emittance_y": 2e-6, "sigma_z": 0.02, "sigma_delta": 1e-3}
REST |= {"current": 3.0, "p0c": PROTON.p0c}
VALUES = TWISS | REST
KINDS = ("gaussian", "kv", "waterbag", "uniform")


def drawn(kind: str, normalized: bool, values: dict[str, Any]) -> pj.Beam:
    sizes = {"normalized_emittance" if normalized else "emittance": None}
    sizes = dict.fromkeys(sizes, (values["emittance_x"], values["emittance_y"]))
    return getattr(pj.distributions, kind)(
        pj.Reference.from_p0c("proton", values["p0c"]),
        40,
        twiss=pj.optics.Twiss(**{n: values[n] for n in TWISS}),
        **sizes,
        **{n: values[n] for n in ("sigma_z", "sigma_delta", "current")},
    )


def numbers(beam: pj.Beam) -> Tensor:
    of_beam = (beam.current, beam.reference.p0c)
    own = [torch.as_tensor(v, dtype=torch.float64).reshape(1) for v in of_beam]
    return torch.cat([beam.coordinates.flatten(), *own])


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_distributions(kind: str, normalized: bool) -> None:
    at = torch.tensor(list(VALUES.values()), dtype=torch.float64)

    def of(vector: Tensor) -> Tensor:
        return numbers(drawn(kind, normalized, dict(zip(VALUES, vector.unbind(0), strict=True))))

    # twice as in floats, to the bit
    assert torch.equal(of(at), numbers(drawn(kind, normalized, VALUES)))
    found = torch.autograd.functional.jacobian(of, at)
    for transform in (torch.func.jacrev, torch.func.jacfwd):
        torch.testing.assert_close(transform(of)(at), found, rtol=1e-12, atol=1e-18)
    for column, name in enumerate(VALUES):
        step = 1e-4 * abs(VALUES[name])
        ends = [
            numbers(drawn(kind, normalized, {**VALUES, name: VALUES[name] + k * step}))
            for k in (-1, 1)
        ]
        right = (ends[1] - ends[0]) / (2 * step)
        assert float(right.abs().max()) > 0
        bound = 1e-11 * float(ends[0].abs().max()) / step  # rounding
        torch.testing.assert_close(found[:, column], right, rtol=1e-7, atol=bound)


def test_sizes_of_zero() -> None:
    """A spread of zero has a slope; the root of an emittance of zero has none, and says so."""
    leaf = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    beam = drawn("gaussian", True, {**VALUES, "sigma_z": leaf})
    (slope,) = torch.autograd.grad(beam.coordinates[0, 4], leaf)
    other = drawn("gaussian", True, {**VALUES, "sigma_z": 2.0})
    assert float(slope) == pytest.approx(float(other.coordinates[0, 4]) / 2, rel=1e-15)
    with pytest.raises(pj.errors.InvalidValueError, match="an emittance of zero has no slope"):
        drawn("gaussian", True, {**VALUES, "emittance_x": leaf})


@pytest.mark.parametrize("wrong", [1e-6, (1e-6,), (1e-6, "x"), (1e-6, -1.0), torch.ones(2, 2)])
def test_emittances_that_are_none(wrong: Any) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="two finite, non-negative numbers"):
        pj.distributions.gaussian(
            PROTON, 10, twiss=pj.optics.Twiss(1.0, 0.0, 1.0, 0.0), emittance=wrong
        )


def test_optics_that_feed_a_beam() -> None:
    """A row of a table of tensors is a Twiss of tensors: from a magnet to the size of a beam."""
    leaf = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)

    def size(k1: Any) -> Any:
        half = [pj.Drift(0.4), pj.Quadrupole(0.2, k1=-3.1), pj.Drift(0.4)]
        cell = pj.Lattice([pj.Quadrupole(0.2, k1=k1), *half])
        matched = pj.optics.linear_optics(cell, PROTON)[1]
        beam = pj.distributions.gaussian(PROTON, 50, twiss=matched, emittance=(1e-6, 1e-6))
        return pj.moments.sizes(beam)[0]

    (slope,) = torch.autograd.grad(size(leaf), leaf)
    ends = [float(size(k1).detach()) for k1 in (2.9999, 3.0001)]
    assert float(slope) == pytest.approx((ends[1] - ends[0]) / 2e-4, rel=1e-6)
    plain = pj.twiss_table(
        pj.Lattice([pj.Drift(1.0)]), PROTON, initial=pj.optics.Twiss(1.0, 0.0, 1.0, 0.0)
    )
    assert isinstance(plain[0].beta_x, float)


def test_knobs_of_a_beam_that_carries_derivatives() -> None:
    """Another beta keeps the emittance that the beam had: its slope stays."""
    leaf = torch.tensor(1e-6, dtype=torch.float64, requires_grad=True)

    def size(emittance: Any) -> Tensor:
        values = {**VALUES, "emittance_x": emittance, "sigma_delta": 0.0}
        task = task_of(pj.Lattice([pj.Drift(1.0)]), drawn("gaussian", False, values), (), 1)
        beta = torch.as_tensor(current(task, "beam.beta_x")) * 2
        return pj.moments.sizes(overlay(task, ["beam.beta_x"], [beta]).beam)[0]

    found = size(leaf)
    (slope,) = torch.autograd.grad(found, leaf)
    assert float(slope) == pytest.approx(float(found.detach()) / 2e-6, rel=1e-9)  # as its root


@pytest.mark.parametrize(
    ("beta", "said"),
    [
        (0.0, "initial beta must be positive"),
        (-1.0, "initial beta must be positive"),
        (float("nan"), "beta_x of a Twiss must be a finite number"),
    ],
)
def test_initial_functions_that_are_none(beta: float, said: str) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=said):
        pj.twiss_table(
            pj.Lattice([pj.Drift(1.0)]), PROTON, initial=pj.optics.Twiss(beta, 0.0, 1.0, 0.0)
        )


def test_a_tensor_at_its_default_is_shown() -> None:
    leaf = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    assert "dx=" in repr(pj.Patch(dx=leaf))
    assert "dx=" not in repr(pj.Patch(dx=0.0))
