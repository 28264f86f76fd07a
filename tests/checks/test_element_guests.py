"""Elements that break a promise are told so, each in words that say what to do."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import pytest
import torch

import pyjutrack as pj
from pyjutrack.core.scalars import to_float
from pyjutrack.maps.base import map
from pyjutrack.testing import CheckFailedError, check_element


@map(inverse=lambda k, a: (-k, a), kick=True)
def radial_kick(x, px, y, py, z, delta, k, a):
    return x, px - k * (x / a) ** 3, y, py, z, delta


@map(inverse=lambda k, a: (k, a), kick=True)
def badly_undone_kick(x, px, y, py, z, delta, k, a):
    return x, px - k * x**3, y, py, z, delta


@map(kick=True)
def torch_kick(x, px, y, py, z, delta, k, a):
    return x, px - k * torch.sin(x), y, py, z, delta


@map(kick=True)
def tanh_kick(x, px, y, py, z, delta, k, a):
    return x, px - k * x.tanh(), y, py, z, delta


@map(kick=True)
def math_kick(x, px, y, py, z, delta, k, a):
    return x, px - k * math.sin(x), y, py, z, delta


@map(kick=True)
def branching_kick(x, px, y, py, z, delta, k, a):
    return (x, px - k * x, y, py, z, delta) if x > 0 else (x, px, y, py, z, delta)


@map(kick=True)
def short_kick(x, px, y, py, z, delta, k, a):
    return x, px - k * x, y, py, z


@map(kick=True)
def moving_kick(x, px, y, py, z, delta, k, a):
    return x + k * px, px, y, py, z, delta


@map(kick=True)
def damping_kick(x, px, y, py, z, delta, k, a):
    return x, px - k * px, y, py, z, delta


@dataclass(frozen=True, repr=False)
class Radial(pj.Element):
    """A cubic kick of k at the radius a [m], which cannot be zero."""

    k: float = 1e-4
    a: float = 5e-3
    knobs = ("k", "a")
    abstract = True

    kick = radial_kick

    def transport(self, state, reference, part):
        return state.apply(type(self).kick, self.k, self.a)


class Refusing(Radial):
    """Says at once that a cannot be zero."""

    def __post_init__(self):
        super().__post_init__()
        if to_float(self.a) == 0:
            raise ValueError("a must not be zero")


class MeanDependent(Radial):
    def transport(self, state, reference, part):
        def kick(x, px, y, py, z, delta):
            return x, px - self.k * (x - x.mean(-1, keepdim=True)), y, py, z, delta

        return state.apply(kick)


class InPlace(Radial):
    def transport(self, state, reference, part):
        def kick(x, px, y, py, z, delta):
            px -= self.k * (x / self.a) ** 3
            return x, px, y, py, z, delta

        return state.apply(kick)


class MovesLost(Radial):
    def transport(self, state, reference, part):
        x, px, *others = state.coordinates
        return state._replace(coordinates=(x, px - self.k * x, *others))


class NoReturn(Radial):
    def transport(self, state, reference, part):
        state.apply(radial_kick, self.k, self.a)


class Five(Radial):
    def transport(self, state, reference, part):
        return state.apply(lambda x, px, y, py, z, delta: (x, px, y, py, z))


class Detached(Radial):
    def transport(self, state, reference, part):
        k = self.k.detach() if isinstance(self.k, torch.Tensor) else self.k
        return state.apply(radial_kick, k, self.a)


class SteepAtZero(Radial):
    """Has values where a is zero, and no slope by it."""

    def transport(self, state, reference, part):
        def kick(x, px, y, py, z, delta):
            return x, px - self.k * torch.tanh(x / self.a), y, py, z, delta

        return state.apply(kick)


class LosesAll(Radial):
    def transport(self, state, reference, part):
        return state._replace(alive=torch.zeros_like(state.alive))


def with_map(kind: object) -> pj.Element:
    return type("Guest", (Radial,), {"kick": kind})()


GUESTS = {
    "mean": (MeanDependent(), r"MeanDependent is not a function of one particle.*px of particle"),
    "in place": (InPlace(), r"is not a function of one particle.*in place"),
    "moves the lost": (MovesLost(), r"the lost must stay where they are: px of particle"),
    "no return": (NoReturn(), r"transport of NoReturn must return the state, as in `return"),
    "five": (Five(), r"must return six coordinates, x, px, .*; it gives 5 of them"),
    "five of a registered map": (with_map(short_kick), r"short_kick must return six coordinates"),
    "torch.sin": (with_map(torch_kick), r"torch_kick: .*torch\.sin.*x\.sin\(\).*without @map"),
    "tanh": (with_map(tanh_kick), r"tanh_kick: .*for x\.tanh\(\): .*x\.exp\(\).*without @map"),
    "math.sin": (with_map(math_kick), r"math_kick: .*a function of math.*x\.sin\(\)"),
    "branch": (with_map(branching_kick), r"branching_kick: .*cannot branch on the value"),
    "inverse": (with_map(badly_undone_kick), r"inverse of its maps.*px of particle .*undoes"),
    "kick that moves": (with_map(moving_kick), r"moving_kick says kick=True: .*; it changes x$"),
    "kick by momenta": (with_map(damping_kick), r"damping_kick says kick=True: .* px is another"),
    "no slope": (SteepAtZero(), r"d/d a at 0.*write the map without a division by a"),
    "detached": (Detached(), r"d/d k at .*without float\(\)"),
    "loses all": (LosesAll(), r"loses every particle; give parameters of usual size"),
}


@pytest.mark.parametrize("kind", [Radial, Refusing])
def test_a_knob_that_cannot_be_zero(kind: type, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "pyjutrack"):
        check_element(kind(), files=False)
    said = [r.getMessage() for r in caplog.records if "at zero" in r.getMessage()]
    assert len(said) == 1
    assert said[0].startswith("check_element: a is not tried at zero: ")


@pytest.mark.parametrize("name", GUESTS)
def test_a_fault_is_named(name: str) -> None:
    element, said = GUESTS[name]
    with pytest.raises(CheckFailedError, match=said):
        check_element(element, files=False)
