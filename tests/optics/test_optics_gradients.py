"""Gradients of optics by all kinds of knobs, against differences of tables."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from tracked_rings import ELECTRON, KICKED, PROTON

import pyjutrack as pj
from pyjutrack.optics.passing import pairwise_products

FIGURES: dict[str, Callable] = {
    "tunes": lambda t: torch.stack([t.tune_x, t.tune_y]),
    "betas": lambda t: torch.stack([t.beta_x[7], t.beta_y[40], t.alpha_x[3], t.beta_x2[11]]),
    "dispersion": lambda t: torch.stack([t.dispersion_x[5], t.dispersion_py[9]]),
    "orbit": lambda t: 1e3 * torch.stack([t.orbit[8, 0], t.orbit[20, 3]]),
    "ring": lambda t: torch.stack([10 * t.momentum_compaction, t.s[-1] / 100]),
    "chromaticities": lambda t: torch.stack([t.chromaticity_x, t.chromaticity_y]),
}
KNOBS = ["qf.0.k1", "qd.6.k1", "sf.3.k2", "b.4.angle", "b.4.k1", "b.4.e1", "r.9.dk0", "d.5.length"]
KNOBS += ["off.dx", "off.tilt", "off.x_rot", "corrector.hkick", "sol.ks", "m.7.ksl[1]"]
#: each element with a name of its own
NAMED = pj.Lattice(
    dataclasses.replace(e, name=f"{e.name}.{i}" if i < 11 else e.name) for i, e in enumerate(KICKED)
)


@pytest.mark.parametrize("seed", [1, 2])
def test_gradients_of_tunes_by_all_knobs_at_once(seed: int) -> None:
    """Along two directions, to which a wrong slope by any knob adds its error."""
    random = np.random.default_rng(seed)
    direction = random.choice([-1, 1], len(KNOBS)) * random.uniform(1, 2, len(KNOBS))
    _, found = pj.optics.optics_gradient(FIGURES["tunes"], NAMED, ELECTRON, KNOBS)
    step, ends = 2e-6, []
    for shift in step * direction, -step * direction:
        values = {k: NAMED.value(k) + d for k, d in zip(KNOBS, shift, strict=True)}
        table = pj.optics.linear_optics(NAMED.with_values(values), ELECTRON)
        ends.append(FIGURES["tunes"](table).numpy())
    difference = (ends[0] - ends[1]) / 2 / step
    np.testing.assert_allclose(found @ direction, difference, rtol=0, atol=3e-6)


@pytest.mark.slow  # knob by knob; tunes by all of them at once are above
@pytest.mark.parametrize("figure", FIGURES)
def test_gradients(figure: str) -> None:
    ring = NAMED
    chromatic = figure == "chromaticities"
    knobs = KNOBS[::4] if chromatic else KNOBS
    function = FIGURES[figure]
    _, found = pj.optics.optics_gradient(function, ring, ELECTRON, knobs, chromatic=chromatic)
    step = 2e-6
    for column, knob in enumerate(knobs):
        value = ring.value(knob)
        ends = []
        for shift in (step, -step):
            moved = ring.with_values({knob: value + shift})
            table = pj.optics.linear_optics(moved, ELECTRON, chromatic=chromatic)
            ends.append(function(table).detach().numpy())
        difference = (ends[0] - ends[1]) / 2 / step
        scale = max(1.0, np.abs(found[:, column]).max())
        np.testing.assert_allclose(found[:, column], difference, rtol=0, atol=3e-6 * scale)


@pytest.mark.parametrize("knob", ["qf.2.k1", "d.2.length", "b.2.angle", "b.2.k1"])
def test_one_of_many_that_are_alike(knob: str) -> None:
    parts: list[pj.Element] = []
    for i in range(3):
        parts += [pj.Quadrupole(0.3, k1=1.1, name=f"qf.{i}"), pj.Drift(0.4, name=f"d.{i}")]
        parts += [pj.SBend(1.2, angle=2 * math.pi / 3, k1=-0.4, name=f"b.{i}")]
    ring = pj.Lattice(parts)

    def tunes(shift: float) -> np.ndarray:
        table = pj.twiss_table(ring.with_values({knob: ring.value(knob) + shift}), ELECTRON)
        return np.array([table.tune_x, table.tune_y])

    _, found = pj.optics.optics_gradient(FIGURES["tunes"], ring, ELECTRON, [knob])
    difference = (tunes(1e-6) - tunes(-1e-6)) / 2e-6
    assert np.abs(difference).max() > 1e-2
    np.testing.assert_allclose(found[:, 0], difference, rtol=1e-6, atol=1e-7)


def test_equal_tunes_have_finite_gradients() -> None:
    fodo = pj.Lattice(
        [
            pj.Quadrupole(0.1, 3.0, name="q1"),
            pj.Drift(0.4),
            pj.Quadrupole(0.1, -3.0, name="q2"),
            pj.Drift(0.4),
        ]
    )
    table = pj.twiss_table(fodo, PROTON)
    assert table.tune_x == pytest.approx(table.tune_y, abs=1e-12)
    _, slopes = pj.optics.optics_gradient(
        lambda t: torch.stack([t.tune_x, t.tune_y]), fodo, PROTON, ["q1.k1", "q2.k1"]
    )
    _, expected = pj.optics.tune_slopes(fodo, PROTON, ["q1.k1", "q2.k1"])
    np.testing.assert_allclose(np.sort(slopes), np.sort(expected.T), rtol=1e-8)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 100])
def test_products_of_pairs(count: int) -> None:
    matrices = torch.randn(count, 4, 4, dtype=torch.float64) / 2
    product, expected = torch.eye(4, dtype=torch.float64), []
    for matrix in matrices:
        product = matrix @ product
        expected.append(product)
    torch.testing.assert_close(pairwise_products(matrices), torch.stack(expected))
