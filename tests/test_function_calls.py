"""What a call of a compiled operator costs beside its kernel: no look at signatures, one call."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import pytest
import torch
from torch.autograd import Function

import pyjutrack as pj
from pyjutrack.autodiff import PositionalFunction
from pyjutrack.errors import InvalidValueError

LINE = pj.Lattice([pj.Quadrupole(0.2, 2.0, name="q"), pj.Drift(0.5), pj.Quadrupole(0.2, -2.0)])
ROWS = 1e-3 * torch.randn(30, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


class Scaled(PositionalFunction):
    @staticmethod
    def forward(factor: float, *inputs: torch.Tensor) -> Any:
        return tuple(factor * t for t in inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.factor = inputs[0]

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: torch.Tensor) -> Any:
        return tuple(ctx.factor * t for t in tangents)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        return None, *(ctx.factor * g for g in gradients)

    @staticmethod
    def vmap(info: Any, in_dims: Any, factor: float, *inputs: torch.Tensor) -> Any:
        return Scaled.apply(factor, *inputs), in_dims[1:]


def growth(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
    return (final.coordinates**2).sum()


@pytest.mark.parametrize("adjoint", ["store", "checkpoint"])
def test_no_signature_is_read(
    proton: pj.Reference, adjoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But those of the objective and the like, whose number is that of calls of ours."""
    beam = pj.Beam(proton, ROWS)
    read, applied, calls = inspect._signature_from_function, Function.apply.__func__, Counter()

    def count_read(*args: Any, **kwargs: Any) -> Any:
        calls["read"] += 1
        return read(*args, **kwargs)

    def count_applied(cls: Any, *args: Any, **kwargs: Any) -> Any:
        calls["applied"] += 1
        return applied(cls, *args, **kwargs)

    monkeypatch.setattr(inspect, "_signature_from_function", count_read)
    monkeypatch.setattr(Function, "apply", classmethod(count_applied))
    found = []
    for turns in (1, 1, 3):  # the first one compiles kernels
        calls.clear()
        pj.gradient(growth, LINE, beam, wrt=["q.k1"], adjoint=adjoint, turns=turns)
        found.append(dict(calls))
    assert found[1]["read"] == found[2]["read"] < 10
    # forward alone, and the tracking itself: what the backward pass calls are kernels
    assert found[2]["applied"] == 3 * len(LINE) + (adjoint == "checkpoint")


def test_transforms_go_through() -> None:
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    (out,) = Scaled.apply(2.0, x)
    torch.testing.assert_close(out, 2 * x)
    (slope,) = torch.autograd.grad(out.sum(), x)
    torch.testing.assert_close(slope, torch.full_like(x, 2.0))

    def double(t: torch.Tensor) -> torch.Tensor:
        return Scaled.apply(2.0, t)[0]

    y = x.detach()
    torch.testing.assert_close(torch.func.vmap(double)(y), 2 * y)
    torch.testing.assert_close(torch.func.jvp(double, (y,), (y,))[1], 2 * y)
    torch.testing.assert_close(torch.func.grad(lambda t: double(t).sum())(y), 2 + 0 * y)
    slopes = torch.func.vmap(torch.func.grad(lambda t: (double(t) ** 2).sum()))(y)
    torch.testing.assert_close(slopes, 8 * y)


@pytest.mark.parametrize("decorate", [lambda f: f, classmethod])
def test_a_forward_that_is_no_staticmethod_is_named(decorate: Any) -> None:
    said = r"^Mine\.forward must be a staticmethod, got a \w+; write @staticmethod"
    with pytest.raises(InvalidValueError, match=said):
        type("Mine", (PositionalFunction,), {"forward": decorate(lambda x: x)})


def test_what_pytorch_asks_of_a_signature() -> None:
    """No more than `PositionalFunction` answers; a later PyTorch may ask for more."""
    asked: set[str] = set()

    class Told:
        def __init__(self, made: Any) -> None:
            self.made = made

        def __getattr__(self, name: str) -> Any:
            asked.add(name)
            return getattr(self.made, name)

    class Watched(inspect.Signature):
        def __getattribute__(self, name: str) -> Any:
            asked.add(name)
            return super().__getattribute__(name)

        def bind(self, /, *args: Any, **kwargs: Any) -> Any:
            return Told(signature.bind(*args, **kwargs))

    class Asked(Scaled):
        @staticmethod
        def forward(factor: float, *inputs: torch.Tensor) -> Any:
            return Scaled.forward(factor, *inputs)

    signature = inspect.signature(Scaled.forward)
    assert type(signature) is type(inspect.signature(Asked.forward)) is not inspect.Signature
    Asked.forward.__signature__ = Watched()  # type: ignore[attr-defined]
    x = torch.ones(3, dtype=torch.float64, requires_grad=True)
    asked.clear()
    (out,) = Asked.apply(2.0, x)
    torch.testing.assert_close(torch.autograd.grad(out.sum(), x)[0], torch.full_like(x, 2.0))
    assert {"bind", "args"} <= asked <= {"bind", "args", "kwargs", "apply_defaults"}


def test_gradients_of_gradients_are_those_of_the_map(proton: pj.Reference) -> None:
    """A backward pass that is differentiated itself goes through functions, not kernels alone."""
    k1 = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)

    def figure(k1: torch.Tensor) -> torch.Tensor:
        end = pj.track(LINE.with_values({"q.k1": k1}), pj.Beam(proton, ROWS), adjoint="store")
        return 1e6 * growth(end, end)

    def slope(value: float) -> float:
        at = torch.tensor(value, dtype=torch.float64, requires_grad=True)
        return float(torch.autograd.grad(figure(at), at)[0])

    (first,) = torch.autograd.grad(figure(k1), k1, create_graph=True)
    (second,) = torch.autograd.grad(first, k1)
    assert float(second) == pytest.approx((slope(2.001) - slope(1.999)) / 2e-3, rel=1e-6)
