"""Gradients of beams by every knob of every kind of element, against rebuilt values."""

from __future__ import annotations

from functools import cache
from typing import Any

import battery_cases as cases
import numpy as np
import pytest
import torch
from battery_figures import FEW, FIGURES, user
from battery_oracle import SINGLE, STEP, Slopes, check, differences, in_single
from battery_setup import Setup, drawn, labels, picked
from battery_tensors import leaves_of, of_tensors, slopes_of

import pyjutrack as pj

#: lines lose particles on the way: the same ones at every step of a difference
pytestmark = pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")

LINES = [(g, level, "default") for g in cases.GROUPS for level in ("zero", "small", "usual")]
LINES += [(g, "even", "other") for g in cases.GROUPS]
ALL = [(g, level, "other") for g in cases.GROUPS for level in ("zero", "odd", "usual")]
ALL += [(g, level, "default") for g in cases.GROUPS for level in ("even", "odd")]
EVERY = [*LINES, *(pytest.param(*line, marks=pytest.mark.slow) for line in ALL)]
lines = pytest.mark.parametrize(("group", "level", "which"), EVERY)
CHEAP = [c for c in LINES if c[1] != "small" and c[2] == "default"]
SLOW = [*(c for c in LINES if c not in CHEAP), *ALL]
once = pytest.mark.parametrize(
    ("group", "level", "which"), [*CHEAP, *(pytest.param(*c, marks=pytest.mark.slow) for c in SLOW)]
)
#: of differences, where rounding in a long line moves an emittance by 1e-10 of itself: over the
#: usual step that alone is 1.12 times the ceiling, and what a longer step adds is a thousandth
STEPS = {("straight", "odd", "other"): 2 * STEP}
#: one line of every group, in one way of two, for modes that share their kernels with the others
OTHERS = [("zero", 1), ("usual", 0)]
PAIRS = [("zero", 0), ("usual", 1), *(pytest.param(*p, marks=pytest.mark.slow) for p in OTHERS)]
some = pytest.mark.parametrize(("level", "way"), PAIRS)
groups = pytest.mark.parametrize("group", list(cases.GROUPS))


def lossy() -> np.ndarray:
    """Particles of which some are far outside of every aperture."""
    coordinates = drawn()
    coordinates[[3, 11], 0] = (0.06, -0.07)
    return coordinates


@cache
def setup_of(group: str, level: str, which: str) -> Setup:
    line = cases.line_of(group, level, which)
    if group == "straight":  # where particles are lost on the way
        stop = cases.Part("Aperture", "", {}, cases.NEEDED["Aperture"])
        return Setup((*line[:3], stop, *line[3:]), lossy())
    return Setup(line)


@cache
def expected(group: str, level: str, which: str) -> Slopes:
    setup = setup_of(group, level, which)
    size = STEPS.get((group, level, which), STEP)
    return differences({n: FIGURES[n][1] for n in FEW}, setup, wrt_of(setup), size)


def wrt_of(setup: Setup) -> list[str]:
    """Every knob; where a kind stands in several options, its place is asked of the first."""
    parts = [p for p in setup.line if p.name.startswith("e")]
    first = {p.kind: p.name for p in reversed(parts)}.values()
    here = (a.partition(".") for a in cases.knobs(setup.line))
    return [f"{n}.{a}" for n, _, a in here if a not in cases.PLACEMENT or n in first]


@lines
def test_reverse(group: str, level: str, which: str) -> None:
    setup = setup_of(group, level, which)
    lattice, beam, wrt = setup.lattice(), setup.beam(), wrt_of(setup)
    for name in FEW if level == "usual" else ("user", "growth_x"):
        found = pj.gradient(FIGURES[name][0], lattice, beam, wrt=wrt)
        check(picked(setup, wrt, found), expected(group, level, which), name, labels(setup, wrt))


@once
def test_forward(group: str, level: str, which: str) -> None:
    setup = setup_of(group, level, which)
    wrt = wrt_of(setup)
    found = pj.gradient(user, setup.lattice(), setup.beam(), wrt=wrt, mode="forward")
    check(picked(setup, wrt, found), expected(group, level, which), "user", labels(setup, wrt))


@some
@groups
def test_adjoints(group: str, level: str, way: int) -> None:
    setup, adjoint = setup_of(group, level, "default"), ("checkpoint", "reversible")[way]
    wrt = wrt_of(setup)
    found = pj.gradient(user, setup.lattice(), setup.beam(), wrt=wrt, adjoint=adjoint)
    check(picked(setup, wrt, found), expected(group, level, "default"), "user", labels(setup, wrt))


@some
@groups
def test_autograd(group: str, level: str, way: int) -> None:
    """Tensors in the constructors of the elements, one beam and a batch of two."""
    setup = setup_of(group, level, "default")
    wrt = wrt_of(setup)
    leaves = leaves_of(setup, wrt)
    value = of_tensors(setup, dict(zip(wrt, leaves, strict=True)), batched=bool(way))
    found = slopes_of(value, leaves)
    check(picked(setup, wrt, found), expected(group, level, "default"), "user", labels(setup, wrt))


@pytest.mark.parametrize("transform", [torch.func.jacrev, torch.func.jacfwd])
@pytest.mark.parametrize("group", ["places", "cavities"])
def test_transforms(group: str, transform: Any) -> None:
    setup = setup_of(group, "zero", "default")
    wrt = wrt_of(setup)
    leaves = leaves_of(setup, wrt)
    sizes = [leaf.numel() for leaf in leaves]

    def figure(vector: torch.Tensor) -> torch.Tensor:
        parts = zip(vector.split(sizes), leaves, strict=True)
        return of_tensors(
            setup, dict(zip(wrt, (p.reshape(u.shape) for p, u in parts), strict=True))
        )

    vector = torch.cat([leaf.detach().reshape(-1) for leaf in leaves])
    found = transform(figure)(vector)
    check(picked(setup, wrt, found), expected(group, "zero", "default"), "user", labels(setup, wrt))


@pytest.mark.parametrize("mode", ["reverse", pytest.param("forward", marks=pytest.mark.slow)])
@pytest.mark.parametrize("group", list(cases.GROUPS))
def test_single_precision(group: str, mode: str) -> None:
    setup = setup_of(group, "usual", "default")
    wrt, right = wrt_of(setup), expected(group, "usual", "default")
    beam = setup.beam().to(torch.float32)
    found = pj.gradient(user, setup.lattice(), beam, wrt=wrt, mode=mode)
    check(
        picked(setup, wrt, found),
        right,
        "user",
        labels(setup, wrt),
        in_single(right, "user", setup),
        SINGLE,
    )


@pytest.mark.parametrize("kind", ["SBend", "RBend"])
def test_bends_of_no_length(kind: str) -> None:
    """Straight ones: by all but the angle, which is refused."""
    made = cases.part(kind, "b", "usual", {})
    made = made._replace(values={**made.values, "length": 0.0, "angle": 0.0})
    setup = Setup(
        (
            cases.Part("Drift", "in", {"length": 0.1}, {}),
            made,
            cases.Part("Drift", "out", {"length": 0.2}, {}),
        )
    )
    wrt = [a for a in wrt_of(setup) if a != "b.angle"]
    right = differences({"user": FIGURES["user"][1]}, setup, wrt)
    for mode in ("reverse", "forward"):
        found = pj.gradient(user, setup.lattice(), setup.beam(), wrt=wrt, mode=mode)
        check(picked(setup, wrt, found), right, "user", labels(setup, wrt))
        with pytest.raises(pj.errors.InvalidValueError, match="no slope by its angle"):
            pj.gradient(user, setup.lattice(), setup.beam(), wrt=["b.angle"], mode=mode)
