"""Quadrupoles of both gradients, at strengths of any size: against the power series of the motion.

The oracle solves u'' = -K u / (1 + delta) by the series in s, every coefficient of it a polynomial
of second order in the change of the gradient: nothing is rolled, and nothing cancels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from element_cases import PROTON, move
from torch import Tensor

import pyjutrack as pj

LENGTH = 0.5
#: terms of the series: enough for a phase of 1
TERMS = 24
START = 1e-3 * np.random.default_rng(17).normal(size=(5, 6))
TINY = [0.0, 1e-170, 1e-13, 1e-9, 1e-6, 1e-3, 0.3]
PAIRS = [
    *((k1, k1s) for k1 in (0.0, 2.0) for k1s in TINY),
    *((1e-9, k1s) for k1s in (1e-13, 1e-9, 0.3)),
    *((1e-170, 1e-170), (-1e-13, 1e-13), (2.0, -1.5)),
]
every_pair = pytest.mark.parametrize(("k1", "k1s"), PAIRS)
each_knob = pytest.mark.parametrize("knob", ["k1", "k1s"])


def times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Product of polynomials (3, ...) in the change, to second order."""
    return np.stack([sum(a[i] * b[n - i] for i in range(n + 1)) for n in range(3)])


@cache
def expected(k1: float, k1s: float, knob: str) -> np.ndarray:
    """Coordinates after the magnet and their first and second slopes, (3, N, 6)."""
    total = 1 + START[:, 5]
    gradients = np.zeros((2, 3, len(START)))
    gradients[:, 0] = np.array([[k1], [k1s]])
    gradients[["k1", "k1s"].index(knob), 1] = 1.0
    normal, skew = gradients * LENGTH**2 / total
    x, y = ([np.zeros((3, len(START))) for _ in range(TERMS)] for _ in "xy")
    for series, at in ((x, 0), (y, 2)):  # powers of s / length
        series[0][0], series[1][0] = START[:, at], LENGTH * START[:, at + 1] / total
    for n in range(TERMS - 2):
        inverse = 1 / ((n + 1) * (n + 2))
        x[n + 2] = (times(skew, y[n]) - times(normal, x[n])) * inverse
        y[n + 2] = (times(skew, x[n]) + times(normal, y[n])) * inverse
    xp, yp = ([n * u for n, u in enumerate(s)][1:] for s in (x, y))
    pairs = [(i, j) for i in range(TERMS - 1) for j in range(TERMS - 1)]
    path = sum(times(p[i], p[j]) / (i + j + 1) for p in (xp, yp) for i, j in pairs)
    beta = total / np.sqrt(total**2 + 1 / PROTON.beta**2 - 1)
    out = np.zeros((3, len(START), 6))
    out[0, :, 4] = START[:, 4] + LENGTH * (beta / PROTON.beta - 1)
    out[0, :, 5] = START[:, 5]
    out[:, :, 0], out[:, :, 2] = sum(x), sum(y)
    out[:, :, 1], out[:, :, 3] = (sum(p) * total / LENGTH for p in (xp, yp))
    out[:, :, 4] -= path / (2 * LENGTH)
    out[2] *= 2
    return out


def tracked(k1: float, k1s: float, knob: str, **options: object) -> Callable:
    def function(value: Tensor) -> Tensor:
        strengths = {"k1": k1, "k1s": k1s} | {knob: value}
        return move(pj.Quadrupole(LENGTH, **strengths, **options), torch.tensor(START))

    return function


def close(found: object, exact: np.ndarray, floor: float = 1e-300) -> None:
    """To a part of the largest of each coordinate."""
    bound = 1e-13 * np.abs(exact).max(axis=0) + floor
    np.testing.assert_array_less(np.abs(np.asarray(found) - exact), np.tile(bound, (5, 1)))


@every_pair
def test_values(k1: float, k1s: float) -> None:
    found = move(pj.Quadrupole(LENGTH, k1, k1s=k1s), torch.tensor(START))
    # the velocities of the oracle are rounded beside 1
    close(found, expected(k1, k1s, "k1s")[0], floor=1e-15)


@every_pair
@each_knob
def test_first_and_second_slopes(k1: float, k1s: float, knob: str) -> None:
    """Whatever the order of the integrator, which has nothing to do here."""
    function = tracked(k1, k1s, knob, order=2)
    value = torch.tensor({"k1": k1, "k1s": k1s}[knob], dtype=torch.float64)
    _, first, second = expected(k1, k1s, knob)
    forward, reverse = torch.func.jacfwd, torch.func.jacrev
    for mode in (forward, reverse):
        close(mode(function)(value), first)
    close(forward(reverse(function))(value), second)


@every_pair
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_gradients_of_figures(k1: float, k1s: float, mode: str) -> None:
    beam = pj.Beam.from_array(PROTON, START)
    lattice = pj.Lattice([pj.Quadrupole(LENGTH, k1, k1s=k1s, name="q")])

    def figure(final: pj.Beam) -> Tensor:
        return final.coordinate("px").sum()

    found = pj.gradient(figure, lattice, beam, wrt=["q.k1", "q.k1s"], mode=mode)
    exact = np.stack([expected(k1, k1s, knob)[1, :, 1] for knob in ("k1", "k1s")])
    bound = 1e-13 * np.abs(exact).sum(axis=1)
    np.testing.assert_array_less(np.abs(np.asarray(found) - exact.sum(axis=1)), bound)


@every_pair
def test_a_quadrupole_of_any_size_is_symplectic(k1: float, k1s: float) -> None:
    element = pj.Quadrupole(LENGTH, k1, k1s=k1s)
    form = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])
    for row in START[:2]:
        m = torch.func.jacrev(lambda c: move(element, c[None])[0])(torch.tensor(row)).numpy()
        size = np.abs(m).max() ** 2
        np.testing.assert_allclose(m.T @ form @ m, form, rtol=0, atol=1e-14 * size)


def test_long_magnets_are_solved_as_well() -> None:
    """In pieces: as one of half the length twice, and as a rolled one."""
    start = torch.tensor(START)
    whole = move(pj.Quadrupole(3.0, 1.0, k1s=2.0), start)
    halves = move(pj.Quadrupole(1.5, 1.0, k1s=2.0), move(pj.Quadrupole(1.5, 1.0, k1s=2.0), start))
    angle = -np.arctan2(2.0, 1.0) / 2
    rolled = move(pj.Quadrupole(3.0, np.sqrt(5.0), tilt=angle), start)
    for other in (halves, rolled):
        torch.testing.assert_close(whole, other, rtol=1e-13, atol=1e-15)


def test_a_gradient_that_no_magnet_has_is_refused() -> None:
    lattice = pj.Lattice([pj.Quadrupole(0.5, k1s=1e12, name="q")])
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"'q' turns .* phase of 5e\+05, for which"
    ):
        pj.jacobian(lattice, PROTON)
