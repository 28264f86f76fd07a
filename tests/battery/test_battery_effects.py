"""Gradients by knobs of the beam and of every effect, at zero, at small and at usual values."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import battery_cases as cases
import numpy as np
import pytest
import torch
from battery_effects import SCALE, Recorded, effects, setup_of
from battery_figures import FEW, FIGURES, user
from battery_oracle import (
    FINE,
    SINGLE,
    STEP,
    Slopes,
    by_differences,
    check,
    differences,
    in_single,
    noise,
)
from battery_setup import BEAM_UNITS, EFFECT, Setup, labels, picked
from battery_tensors import leaves_of, of_tensors, slopes_of

import pyjutrack as pj

#: one particle is lost on the way: the same one at every step of a difference
pytestmark = pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")

WAYS: dict[str, dict[str, Any]] = {a: {"adjoint": a} for a in ("store", "checkpoint", "reversible")}
WAYS["forward"] = {"mode": "forward"}
LEVELS = ("zero", "small", "usual")
NAMES = [name for name in effects() if name != "stiff"]


def pairs() -> list[Any]:
    """Each effect in each way at some level, and at each level in some way; the rest is slow.

    Effects without weights differ from the first in nothing that a level of the beam tells.
    """
    found = []
    for k, name in enumerate(NAMES):
        fixed = name != "spectral" and set(effects()[name].usual) == {SCALE}
        for n, level in enumerate(LEVELS):
            for m, way in enumerate(WAYS, k):
                fast = n % 3 == m % 3 and not (fixed and level != "usual")
                marks = [] if fast else [pytest.mark.slow]
                found.append(pytest.param(name, level, way, marks=marks))
    return found


def in_turn(*choices: Any) -> list[Any]:
    """Each effect with one of some choices; the rest is slow."""
    return [
        pytest.param(name, choice, marks=[] if n % len(choices) == k else [pytest.mark.slow])
        for n, name in enumerate(NAMES)
        for k, choice in enumerate(choices)
    ]


#: where the kick is that of a solver as for another effect, some knobs tell
FEWER = ("in.length", "q.k1", "beam.current", "beam.x", "beam.emittance_x", "beam.alpha_y")


def wrt_of(setup: Setup, name: str) -> list[str]:
    line = [a for a in cases.knobs(setup.line) if a in ("in.length", "q.length", "q.k1", "q.dx")]
    every = [*line, *BEAM_UNITS]
    few = every if name == "spectral" else FEWER
    return [*few, *(EFFECT + a for a in setup.effects)]


@cache
def expected(name: str, level: str) -> Slopes:
    setup = setup_of(name, level)
    step = STEP if name in ("guest", "nested") else FINE
    return differences({n: FIGURES[n][1] for n in FEW}, setup, wrt_of(setup, name), step)


def gradient(
    name: str, setup: Setup, observable: Any, beam: pj.Beam | None = None, **options: Any
) -> Any:
    wrt, effects = wrt_of(setup, name), setup.made_kicks()
    beam = beam or setup.beam()
    found = pj.gradient(observable, setup.lattice(), beam, wrt=wrt, effects=effects, **options)
    return picked(setup, wrt, found)


@pytest.mark.parametrize(("name", "level", "way"), pairs())
def test_ways(name: str, level: str, way: str) -> None:
    setup = setup_of(name, level)
    if way == "reversible" and not effects()[name].reversible:
        way = "checkpoint"
    for figure in ("user", "growth_x"):
        found = gradient(name, setup, FIGURES[figure][0], **WAYS[way])
        check(found, expected(name, level), figure, labels(setup, wrt_of(setup, name)))


@pytest.mark.parametrize(("name", "batched"), in_turn(False, True))
def test_autograd(name: str, batched: bool) -> None:
    """Tensors in the constructors of elements and effects, and as the current."""
    setup = setup_of(name)
    wrt = [a for a in wrt_of(setup, name) if not a.startswith("beam.") or a == "beam.current"]
    leaves = leaves_of(setup, wrt)
    value = of_tensors(setup, dict(zip(wrt, leaves, strict=True)), batched)
    names = labels(setup, wrt_of(setup, name))
    keep = [names.index(label) for label in labels(setup, wrt)]
    found = np.full(len(names), np.nan)
    found[keep] = picked(setup, wrt, slopes_of(value, leaves))
    right = expected(name, "usual")
    found = np.where(np.isnan(found), right.slopes["user"], found)
    check(found, right, "user", names)


@pytest.mark.parametrize(("name", "mode"), in_turn("reverse", "forward"))
def test_single_precision(name: str, mode: str) -> None:
    setup, right = setup_of(name), expected(name, "usual")
    found = gradient(name, setup, user, setup.beam().to(torch.float32), mode=mode)
    extra = in_single(right, "user", setup)
    check(found, right, "user", labels(setup, wrt_of(setup, name)), extra, SINGLE)


@pytest.mark.parametrize("way", list(WAYS))
def test_without_response(way: str) -> None:
    """The field of the beam as it was: densities of a first tracking, whatever the knobs are."""
    name = "stiff"
    setup = setup_of(name)
    (kick,) = setup.made_kicks()
    first = Recorded(kick.potential, (), [])

    def track(of: Setup, potential: Recorded) -> tuple[pj.Beam, pj.Beam]:
        scale, beam = of.effects[SCALE], of.beam()
        held = [replace(kick, potential=potential, perveance_scale=scale)]
        return pj.track(of.lattice(), beam, effects=held), beam

    track(setup, first)
    plain = {"user": FIGURES["user"][1]}

    def at(of: Setup, _: str) -> dict[str, Any]:
        return {"user": plain["user"](*track(of, Recorded(kick.potential, tuple(first.seen), [])))}

    wrt = wrt_of(setup, name)
    right = by_differences(at, setup, wrt, noise(plain, setup), FINE)
    check(gradient(name, setup, user, **WAYS[way]), right, "user", labels(setup, wrt))


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("name", ["max_step", "potential.radius", "potential.solver.damping"])
def test_settings_are_no_knobs(name: str, mode: str) -> None:
    """Numbers of an effect that carry no derivative are refused, and have no slope of zero."""
    setup, wrt = setup_of("images"), [EFFECT + name]
    with pytest.raises(pj.errors.InvalidValueError, match=name.rpartition(".")[2]):
        pj.gradient(
            user, setup.lattice(), setup.beam(), wrt=wrt, effects=setup.made_kicks(), mode=mode
        )
