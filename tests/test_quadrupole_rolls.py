"""Quadrupoles of any roll are exact: against exponentials of their rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from element_cases import PROTON, move, points
from scipy.linalg import expm

import pyjutrack as pj

GRADIENTS = [(1.3, 0.7), (-1.3, 0.7), (0.0, 0.7), (1.3, -0.7), (-2.0, -1e-9)]


def turning(k1: float, k1s: float) -> np.ndarray:
    """d/ds of (x, px, y, py) on momentum: px' = -k1 x + k1s y, py' = k1 y + k1s x."""
    rates = np.zeros((4, 4))
    rates[0, 1] = rates[2, 3] = 1.0
    rates[1, [0, 2]] = -k1, k1s
    rates[3, [0, 2]] = k1s, k1
    return rates


@pytest.mark.parametrize("errors", [0.0, 0.2])
@pytest.mark.parametrize(("k1", "k1s"), GRADIENTS)
def test_a_quadrupole_of_any_roll_is_exact(k1: float, k1s: float, errors: float) -> None:
    """Its matrix on momentum is the exponential, whichever way the gradient is given."""
    given = pj.Quadrupole(
        0.8,
        k1=k1 - errors,
        k1s=k1s - 2 * errors,
        knl=(0.0, 0.8 * errors) if errors else (),
        ksl=(0.0, 1.6 * errors) if errors else (),
        name="q",
    )
    matrix = pj.jacobian(pj.Lattice([given]), PROTON)[:4, :4]
    np.testing.assert_allclose(matrix, expm(0.8 * turning(k1, k1s)), rtol=0, atol=1e-14)


def test_a_skew_quadrupole_off_momentum_is_the_rolled_one() -> None:
    """All six coordinates, the path length too, against a normal one in axes at 45 degrees."""
    c = points(10)
    rolled = move(pj.Quadrupole(0.3, 3.0, tilt=-math.pi / 4), c)
    torch.testing.assert_close(move(pj.Quadrupole(0.3, k1s=3.0), c), rolled, rtol=0, atol=1e-15)


@pytest.mark.parametrize("knob", ["q.k1", "q.k1s", "q.ksl[1]", "q.length"])
@pytest.mark.parametrize(("k1", "k1s"), [*GRADIENTS, (0.0, 0.0)])
def test_slopes_of_a_quadrupole_of_any_roll(k1: float, k1s: float, knob: str) -> None:
    """Against differences of exponentials, at zero too."""
    options = {"k1": k1, "k1s": k1s, "ksl": (0.0, 0.0), "length": 0.8}

    def exponential(shift: float) -> np.ndarray:
        k = dict(options)
        if knob == "q.ksl[1]":
            k["k1s"] += shift / 0.8
        else:
            k[knob.removeprefix("q.")] += shift
        return np.asarray(expm(k["length"] * turning(k["k1"], k["k1s"])))

    lattice = pj.Lattice([pj.Quadrupole(**options, name="q")])
    _, (slope,) = pj.jacobian_derivatives(lattice, PROTON, [knob])
    expected = (exponential(1e-5) - exponential(-1e-5)) / 2e-5
    np.testing.assert_allclose(slope[:4, :4], expected, rtol=0, atol=1e-9)
