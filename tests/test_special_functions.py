"""Stumpff functions and arc tangent, in PyTorch and compiled, against mpmath with fifty digits."""

from __future__ import annotations

import mpmath
import pytest
import torch

from pyjutrack.core.special import arctangent, stumpff
from pyjutrack.kernels.stumpff import arctangent as compiled_arctangent
from pyjutrack.kernels.stumpff import exact as compiled_stumpff

ARGUMENTS = [-30.0, -1.0000001, -1.0, -0.9999999, -0.3, -1e-8, -1e-300, 0.0]
ARGUMENTS += [1e-300, 1e-8, 0.3, 0.9999999, 1.0, 1.0000001, 2.0, 9.8696, 30.0]
DIGITS = mpmath.mp.clone()
DIGITS.dps = 50


def series(k: int, w: float, derivative: int = 0) -> float:
    """d^n/dw^n of c_k(w) = sum_j (-w)^j / (k + 2 j)!, term by term."""
    total = DIGITS.mpf(0)
    for j in range(derivative, 60):
        falling = DIGITS.factorial(j) / DIGITS.factorial(j - derivative)
        term = (-1) ** j * falling * DIGITS.mpf(w) ** (j - derivative)
        total += term / DIGITS.factorial(k + 2 * j)
    return float(total)


@pytest.mark.parametrize("w", ARGUMENTS)
@pytest.mark.parametrize("k", range(4))
def test_values_and_derivatives(w: float, k: int) -> None:
    def function(w: torch.Tensor) -> torch.Tensor:
        return stumpff(w)[k]

    point = torch.tensor(w, dtype=torch.float64)
    first = torch.func.jacrev(function)
    second = torch.func.jacfwd(first)
    for order, derivative in enumerate((function, first, second)):
        expected = series(k, w, order)
        assert float(derivative(point)) == pytest.approx(expected, rel=1e-13, abs=1e-14)


@pytest.mark.parametrize("w", ARGUMENTS)
def test_compiled_twin(w: float) -> None:
    expected = [series(k, w) for k in range(6)]
    assert compiled_stumpff(w) == pytest.approx(expected, rel=1e-14, abs=1e-15)


def test_a_tensor_of_mixed_arguments_and_no_nan_in_its_gradient() -> None:
    w = torch.tensor(ARGUMENTS, dtype=torch.float64, requires_grad=True)
    found = stumpff(w)
    for k, values in enumerate(found):
        expected = [series(k, a) for a in ARGUMENTS]
        assert values.tolist() == pytest.approx(expected, rel=1e-13, abs=1e-14)
    (slope,) = torch.autograd.grad(sum(f.sum() for f in found), w)
    expected = [sum(series(k, a, 1) for k in range(4)) for a in ARGUMENTS]
    assert slope.tolist() == pytest.approx(expected, rel=1e-13, abs=1e-14)


def test_under_vmap() -> None:
    w = torch.tensor(ARGUMENTS, dtype=torch.float64)
    torch.testing.assert_close(torch.func.vmap(stumpff)(w), stumpff(w), rtol=1e-15, atol=1e-16)


def exact_arctangent(w: float, derivative: int = 0) -> float:
    """atan(sqrt(w))/sqrt(w), or a derivative of it by contour integrals of mpmath."""
    if w == 0:
        return [1.0, -1 / 3, 2 / 5][derivative]
    f = lambda t: DIGITS.atan(DIGITS.sqrt(t)) / DIGITS.sqrt(t)  # noqa: E731
    return float(DIGITS.diff(f, DIGITS.mpf(w), derivative, h=DIGITS.mpf(w) * DIGITS.mpf(10) ** -15))


@pytest.mark.parametrize("w", [0.0, 1e-12, 1e-3, 0.0599999, 0.06, 0.0600001, 0.3, 4.0, 200.0])
def test_arctangent(w: float) -> None:
    point = torch.tensor(w, dtype=torch.float64)
    first = torch.func.jacrev(arctangent)
    second = torch.func.jacfwd(first)
    for order, derivative in enumerate((arctangent, first, second)):
        expected = exact_arctangent(w, order)
        assert float(derivative(point)) == pytest.approx(expected, rel=1e-11 if order else 1e-14)
    value, slope = compiled_arctangent(w)
    assert value == pytest.approx(exact_arctangent(w), rel=1e-14)
    assert slope == pytest.approx(exact_arctangent(w, 1), rel=1e-12)
