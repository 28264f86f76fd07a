"""Gradients among the multipole series of thick magnets: in tables of optics, and at no length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from element_cases import PROTON

import pyjutrack as pj

START = pj.optics.Twiss(beta_x=1.3, alpha_x=-0.2, beta_y=0.9, alpha_y=0.3)
PAIRS: dict[str, Callable[[float], tuple[pj.Element, pj.Element]]] = {
    "quadrupoles": lambda k1: (
        pj.Quadrupole(0.2, k1, knl=(0.0, 0.1), name="q"),
        pj.Quadrupole(0.3, -1.0, knl=(0.0, 0.2)),
    ),
    "skew": lambda k1: (
        pj.Quadrupole(0.2, k1, k1s=0.3, name="q"),
        pj.Quadrupole(0.3, -1.0, k1s=0.2),
    ),
    "bends": lambda k1: (
        pj.SBend(0.2, 0.1, k1=k1, knl=(0.0, 0.1), name="q"),
        pj.SBend(0.3, 0.05, k1=-1.0, knl=(0.0, 0.2)),
    ),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_slopes_of_tables(pair: str) -> None:
    def line(k1: float) -> pj.Lattice:
        first, second = PAIRS[pair](k1)
        return pj.Lattice([first, pj.Drift(0.3), second, pj.Drift(0.3)])

    def figure(table: Any) -> torch.Tensor:
        return torch.stack([table.beta_x[-1], table.beta_y[-1]])

    def betas(k1: float) -> np.ndarray:
        table = pj.optics.linear_optics(line(k1), PROTON, initial=START)
        return np.array([float(b[-1]) for b in (table.beta_x, table.beta_y)])

    _, found = pj.optics.optics_gradient(figure, line(1.0), PROTON, ["q.k1"], initial=START)
    difference = (betas(1.0 + 1e-5) - betas(1.0 - 1e-5)) / 2e-5
    np.testing.assert_allclose(found[:, 0], difference, rtol=1e-7)


MAGNETS: dict[str, Callable[[float], pj.Element]] = {
    "quadrupole": lambda length: pj.Quadrupole(length, 0.5, knl=(0.0, 0.3, 1.0), name="m"),
    "skew": lambda length: pj.Quadrupole(length, 0.4, k1s=0.2, ksl=(0.0, 0.3), name="m"),
    "sbend": lambda length: pj.SBend(length, k1=0.4, knl=(0.0, 0.3, 1.0), name="m"),
    "rbend": lambda length: pj.RBend(length, knl=(0.0, 0.3), model="linear", name="m"),
}


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("magnet", MAGNETS)
def test_slope_by_the_length_at_none(magnet: str, mode: str) -> None:
    """Integrated strengths over no length are a kick, and the slope is that of longer magnets."""
    beam = pj.Beam.from_array(PROTON, 1e-3 * np.random.default_rng(0).normal(size=(5, 6)))

    def figure(final: pj.Beam) -> torch.Tensor:
        return (final.coordinate("x") * 1e3).square().sum()

    def line(length: float) -> pj.Lattice:
        return pj.Lattice([MAGNETS[magnet](length), pj.Drift(0.5)])

    (found,) = pj.gradient(figure, line(0.0), beam, wrt=["m.length"], mode=mode)
    step, weights = 1e-4, (-137 / 60, 5, -5, 10 / 3, -5 / 4, 1 / 5)
    values = [float(figure(pj.track(line(n * step), beam))) for n in range(6)]
    difference = np.dot(weights, values) / step
    assert found == pytest.approx(difference, rel=1e-7)
