"""How far slopes of many settings are from those of each: both miss the exact ones by rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.cli.paper import fodo
from pyjutrack.elements.part import WHOLE

FACTORS = torch.tensor([1.0, 1.02, 0.97], dtype=torch.float64)
CELL, BEAM = fodo.cell(), fodo.beam(500, seed=1)
GROWTH = pj.observables.emittance_growth("x")
STEP = 1e-30
EPS = np.finfo(np.float64).eps


class Long(np.ndarray):
    """Complex numbers of 80 bits with the functions that maps ask for."""

    def sqrt(self) -> Any:
        return np.sqrt(self)

    def stumpff(self) -> Any:
        root = np.sqrt(self)
        c0, c1 = np.cos(root), np.sin(root) / root
        return c0, c1, (1 - c0) / self, (1 - c1) / self


class Path:
    """Particles as maps see them, with slopes by the strength of one lens by complex steps."""

    def __init__(self, columns: Any, strength: float) -> None:
        self.columns, self.strength = columns, strength

    def apply(self, map: Any, *parameters: Any) -> Path:
        numbers = [np.clongdouble(p + (1j * STEP if p == self.strength else 0)) for p in parameters]
        return Path(map(*self.columns, *(n.reshape(1).view(Long) for n in numbers)), self.strength)


def exact(strength: float) -> tuple[float, float]:
    """The slope of the growth in 80 bits, and the sum of the sizes of what adds up to it."""
    start = BEAM.numpy().astype(np.clongdouble)
    path: Any = Path([c.copy().view(Long) for c in start.T], strength)
    for element in CELL.with_values({"q1.k1": strength}):
        path = element.transport(path, BEAM.reference, WHOLE)  # type: ignore[arg-type]
    columns = [np.asarray(np.broadcast_to(c, len(BEAM))) for c in path.columns]

    def emittance(x: Any, p: Any) -> Any:
        x, p = x - x.mean(), p - p.mean()
        return np.sqrt((x * x).mean() * (p * p).mean() - (x * p).mean() ** 2)

    growth = emittance(*columns[:2]) / emittance(start[:, 0], start[:, 1]) - 1
    rows = np.stack([c.real.astype(np.float64) for c in columns], -1)
    leaf = torch.tensor(rows, requires_grad=True)
    final = BEAM.replace(coordinates=leaf)
    (slopes,) = torch.autograd.grad(GROWTH(final=final, initial=BEAM), leaf)
    moved = np.stack([c.imag / STEP for c in columns], -1).astype(np.float64)
    return float(growth.imag / STEP), float(np.abs(slopes.numpy() * moved).sum())


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="80 bits are those of x86")
def test_both_miss_by_the_rounding_of_what_they_add() -> None:
    """Slopes of an emittance that hardly changes are small sums of large terms."""
    strengths = 29.6 * FACTORS
    many = pj.gradient(GROWTH, CELL.with_values({"q1.k1": strengths}), BEAM, wrt=["q1.k1"])
    for n, strength in enumerate(strengths.tolist()):
        one = CELL.with_values({"q1.k1": strength})
        own = pj.gradient(GROWTH, one, BEAM, wrt=["q1.k1"])
        wanted, size = exact(strength)
        assert size > 1e6 * abs(wanted)  # no 1e-13 of the slope can be had, of one or of many
        assert abs(own[0] - wanted) < EPS * size
        assert abs(many[n, 0] - wanted) < EPS * size
