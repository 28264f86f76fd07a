"""Objectives of `gradient`: functions of the final beam, or of both beams by their names."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import pyjutrack as pj

CELL = pj.Lattice(
    [pj.Quadrupole(0.1, k1=20.0, name="q1"), pj.Drift(0.4), pj.Quadrupole(0.1, k1=-20.0)]
)
PROTON = pj.Reference.from_kinetic("proton", 1e9)
BEAM = pj.distributions.gaussian(
    PROTON,
    500,
    twiss=pj.optics.Twiss(beta_x=1.0, alpha_x=-1.2, beta_y=1.0, alpha_y=1.2),
    emittance=(2e-6, 1e-6),
    current=10.0,
    seed=4,
)
WRT = ["q1.k1", "beam.beta_x"]


def ratio(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
    return pj.moments.sizes(final)[0] / pj.moments.sizes(initial)[0]


def swapped(initial: pj.Beam, final: pj.Beam) -> torch.Tensor:
    return ratio(final, initial)


def keywords(*, initial: pj.Beam, final: pj.Beam) -> torch.Tensor:
    return ratio(final, initial)


def mixed(beam: pj.Beam, scale: float = 1.0, *, initial: pj.Beam) -> torch.Tensor:
    return scale * ratio(beam, initial)


class Ratio:
    def __call__(self, initial: pj.Beam, final: pj.Beam) -> torch.Tensor:
        return ratio(final, initial)


#: which give the same as `ratio`
SAME = [ratio, swapped, keywords, mixed, Ratio(), functools.partial(mixed, scale=1.0)]


def rebuilt(objective: Callable[..., Any], k1: float, beta: float) -> float:
    """The value where lattice and beam are made anew, without knobs."""
    first, *rest = CELL.elements
    lattice = pj.Lattice([pj.Quadrupole(first.length, k1=k1, name="q1"), *rest])
    drawn = BEAM.coordinates.clone()
    x, px = drawn[:, 0], drawn[:, 1]
    covariance = pj.moments.covariance(BEAM)
    emittance = float(pj.moments.emittance(BEAM))
    old, alpha = float(covariance[0, 0]) / emittance, -float(covariance[0, 1]) / emittance
    # to Courant-Snyder coordinates of the sample, and back with the new beta
    mean_x, mean_p = x.mean(), px.mean()
    u = (x - mean_x) / np.sqrt(old)
    v = (px - mean_p) * np.sqrt(old) + alpha * u
    drawn[:, 0] = mean_x + np.sqrt(beta) * u
    drawn[:, 1] = mean_p + (v - alpha * u) / np.sqrt(beta)
    beam = BEAM.replace(coordinates=drawn)
    return float(objective(final=pj.track(lattice, beam), initial=beam))


@pytest.mark.parametrize("mode", ["reverse", "forward", "fd"])
def test_beams_are_given_by_name(mode: Any) -> None:
    """In whatever order; slopes are those of a lattice and a beam made anew."""
    value, slopes = pj.value_and_gradient(ratio, CELL, BEAM, wrt=WRT, mode=mode)
    at = [
        CELL.value("q1.k1"),
        float(pj.moments.covariance(BEAM)[0, 0] / pj.moments.emittance(BEAM)),
    ]
    assert value == pytest.approx(rebuilt(ratio, *at), rel=1e-12)
    for i, size in enumerate((1e-3, 1e-4)):
        up, down = (rebuilt(ratio, *(np.array(at) + s * size * np.eye(2)[i])) for s in (1, -1))
        assert slopes[i] == pytest.approx((up - down) / (2 * size), rel=1e-6)
    for objective in SAME[1:]:
        again = pj.value_and_gradient(objective, CELL, BEAM, wrt=WRT, mode=mode)
        assert again[0] == value
        np.testing.assert_array_equal(again[1], slopes)


@pytest.mark.parametrize("mode", ["reverse", "forward", "fd"])
def test_a_single_beam_is_the_final_one(mode: Any) -> None:
    expected = pj.gradient(pj.observables.size("x"), CELL, BEAM, wrt=WRT, mode=mode)
    for objective in (
        lambda final: pj.moments.sizes(final)[0],
        lambda end: pj.moments.sizes(end)[0],
        lambda end, /: pj.moments.sizes(end)[0],
    ):
        np.testing.assert_array_equal(
            pj.gradient(objective, CELL, BEAM, wrt=WRT, mode=mode), expected
        )
    moment = pj.gradient(pj.moments.emittance, CELL, BEAM, wrt=WRT, mode=mode)
    ready = pj.gradient(pj.observables.emittance("x"), CELL, BEAM, wrt=WRT, mode=mode)
    np.testing.assert_array_equal(moment, ready)


def test_the_initial_beam_alone() -> None:
    """Its knobs move it, and those of the lattice do not."""
    slopes = pj.gradient(lambda initial: pj.moments.sizes(initial)[0], CELL, BEAM, wrt=WRT)
    assert slopes[0] == 0
    assert slopes[1] > 0


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (lambda after, before: ratio(after, before), r"takes \(after, before\): rename"),
        (lambda final, other: ratio(final, other), r"takes \(final, other\): rename"),
        (lambda final, initial, /: ratio(final, initial), "by these names"),
        (lambda *, end: pj.moments.sizes(end)[0], r"takes \(end\): rename"),
        (lambda *beams: ratio(*beams), "takes no beam"),
        (lambda: torch.tensor(1.0), "takes no beam"),
        (pj.observables.size, r"call it first: size\(\.\.\.\)"),
        (pj.moments.sizes, "0-d tensor"),
        (torch.tensor(1.0), "a function of the final beam"),
        (pj.Beam, "a function of the final beam"),
    ],
)
def test_what_does_not_say_which_beam_it_takes(objective: Any, message: str) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        pj.gradient(objective, CELL, BEAM, wrt=WRT)


def test_observables_called_in_the_wrong_way() -> None:
    for make in (
        pj.observables.emittance,
        pj.observables.emittance_growth,
        pj.observables.size,
        pj.observables.centroid,
    ):
        with pytest.raises(pj.errors.InvalidValueError, match=r"pj\.moments"):
            make(BEAM)  # type: ignore[arg-type]
    with pytest.raises(pj.errors.InvalidValueError, match="beam must be a Beam"):
        pj.moments.emittance("x")  # type: ignore[arg-type]
    with pytest.raises(TypeError):  # which is final would be a guess
        pj.observables.emittance_growth("x")(BEAM, BEAM)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("plane", ["x", "y"])
def test_an_emittance_means_one_thing(plane: str, normalized: bool) -> None:
    for options in ({}, {"normalized": normalized}):
        of_beam = pj.moments.emittance(BEAM, plane, **options)
        assert pj.observables.emittance(plane, **options)(BEAM) == of_beam


OBSERVABLES = [
    (pj.observables.emittance("y", normalized=True), "Emittance(plane='y', normalized=True)"),
    (pj.observables.emittance_growth("x"), "EmittanceGrowth(plane='x')"),
    (pj.observables.size("px"), "Size(coordinate='px')"),
    (pj.observables.centroid("y"), "Centroid(coordinate='y')"),
]


@pytest.mark.parametrize(("observable", "text"), OBSERVABLES, ids=lambda entry: str(entry))
def test_observables_are_data(observable: Callable[..., Any], text: str) -> None:
    """They go to other processes, and say what they are."""
    assert repr(observable) == text
    again = pickle.loads(pickle.dumps(observable))
    assert again == observable
    np.testing.assert_array_equal(
        pj.gradient(again, CELL, BEAM, wrt=WRT), pj.gradient(observable, CELL, BEAM, wrt=WRT)
    )


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        (
            lambda b: torch.as_tensor(b.coordinate("x").numpy().std()),
            "leaves PyTorch, for NumPy; keep",
        ),
        (lambda b: b.coordinate("x").std().item(), r"got \d.*; keep to operations of torch"),
        (lambda b: b.coordinate("x"), r"must return a 0-d tensor.*got tensor\(.*\)$"),
    ],
)
def test_an_objective_that_leaves_torch_is_told_how_to_stay(objective: Any, said: str) -> None:
    proton = pj.Reference.from_kinetic("proton", 1e9)
    beam = pj.Beam(proton, np.random.default_rng(0).normal(0, 1e-3, (5, 6)))
    line = pj.Lattice([pj.Quadrupole(0.1, 1.0, name="q")])
    with pytest.raises(pj.errors.InvalidValueError, match="(?s)" + said):
        pj.gradient(objective, line, beam, wrt=["q.k1"])
