"""Expressions are written as they are read; their functions are those of numbers."""

from __future__ import annotations

import math

import pytest
import torch


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2*kq+dk", "2*kq + dk"),
        ("-2^2*x", "-4*x"),
        ("(-x)^2", "(-x)^2"),
        ("-x^2", "-x^2"),
        ("x^2^3", "x^2^3"),
        ("x^(2^y)", "x^(2^y)"),
        ("a-(b-c)", "a - (b - c)"),
        ("a/(b*c)/d", "a/(b*c)/d"),
        ("a--b", "a - (-b)"),
        ("2*-x", "2*(-x)"),
        ("sin(2*pi*x)", f"sin({2 * math.pi!r}*x)"),
        ("max(a, 1e-3)", "max(a, 0.001)"),
        ("`odd name`*2", "`odd name`*2"),
    ],
)
def test_expressions_are_written_as_they_are_read(text: str, written: str) -> None:
    from pyjutrack.lattice.formulas import parse_formula

    expression = parse_formula(text)
    values = {"x": 0.7, "y": 0.3, "a": 1.3, "b": -0.4, "c": 2.1, "d": 0.9, "kq": 3.0, "dk": 0.1}
    values["odd name"] = 4.0
    if written == "-4*x":  # numbers alone are what they are worth
        assert expression.evaluate(values) == -4 * 0.7
        return
    again = parse_formula(str(expression))
    assert again.evaluate(values) == expression.evaluate(values)
    if "pi" not in text:
        assert str(expression) == written


@pytest.mark.parametrize(
    "name",
    [
        "sqrt",
        "exp",
        "log",
        "log10",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "asinh",
        "atanh",
        "erf",
        "erfc",
        "sinc",
        "abs",
    ],
)
def test_functions_of_tensors_are_those_of_numbers(name: str) -> None:
    from pyjutrack.lattice.functions import FUNCTIONS

    function, x, h = FUNCTIONS[name], 0.37, 1e-5
    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    value = function(leaf)
    assert float(value.detach()) == pytest.approx(function(x), rel=1e-14)
    (slope,) = torch.autograd.grad(value, leaf)
    assert float(slope) == pytest.approx((function(x + h) - function(x - h)) / (2 * h), rel=1e-8)
