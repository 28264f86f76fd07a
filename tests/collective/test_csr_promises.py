"""CSR as an effect: its promises, slopes by the magnets, refusals and warnings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from csr_cases import CHARGE, ELECTRON, LENGTH, bend, quiet

import pyjutrack as pj
from pyjutrack.collective import CSR
from pyjutrack.collective.csr.arcs import Arc
from pyjutrack.collective.csr.kernel import convolve
from pyjutrack.mesh.line import Line
from pyjutrack.testing import check_effect


def noisy(count: int = 400, seed: int = 1, **changes: Any) -> pj.Beam:
    rows = np.random.default_rng(seed).normal(size=(count, 6))
    rows *= [1e-4, 1e-5, 1e-4, 1e-5, 1e-4, 1e-4]
    return pj.Beam(ELECTRON, rows, **{"charge": CHARGE} | changes)


CELL = pj.Lattice(
    [
        pj.Drift(0.1),
        pj.SBend(0.2, 0.1, name="b"),
        pj.Marker(),
        pj.SBend(0.2, 0.1, name="b2"),
        pj.Drift(0.3, name="d"),
        pj.Quadrupole(0.1, 1.0, name="q"),
    ]
)
FEW = pytest.mark.filterwarnings(
    "ignore:.*particles are few for:pyjutrack.errors.ResolutionWarning"
)


@FEW
@pytest.mark.parametrize("mode", ["steady", "transient"])
def test_it_keeps_the_promises_of_effects(mode: str) -> None:
    check_effect(CSR(mode, cells=32, smoothing=1.5, max_step=0.1), noisy(), CELL, knobs=["scale"])


def spread(final: pj.Beam) -> torch.Tensor:
    columns = final.coordinates * torch.tensor([1.0, 1, 1, 1, 100, 1], dtype=torch.float64)
    return 1e6 * (columns**2).sum()


@FEW
@pytest.mark.parametrize("mode", ["steady", "transient"])
def test_slopes_by_the_magnets(mode: str) -> None:
    """By what is upstream of a kick too, in every mode of derivatives."""
    beam, effect = noisy(), CSR(mode, cells=32, smoothing=1.5, max_step=0.1, scale=1e3)
    wanted = ["b.length", "b.angle", "b2.angle", "d.length", "q.k1", "beam.charge"]
    options: dict[str, Any] = {"wrt": wanted, "effects": [effect]}
    first, *others = (
        pj.gradient(spread, CELL, beam, **options, **way)
        for way in (
            {"adjoint": "store"},
            {"adjoint": "checkpoint"},
            {"adjoint": "reversible"},
            {"mode": "forward"},
        )
    )
    for found in others:
        np.testing.assert_allclose(found, first, rtol=1e-9)
    for number, address in enumerate(wanted[:5]):
        name, knob = address.split(".")
        value = float(getattr(CELL[name], knob))
        slopes = []
        for step in (1e-5, 2e-5):
            ends = [
                float(spread(pj.track(CELL.with_values({address: v}), beam, effects=[effect])))
                for v in (value + step, value - step)
            ]
            slopes.append((ends[0] - ends[1]) / (2 * step))
        assert first[number] == pytest.approx((4 * slopes[0] - slopes[1]) / 3, rel=1e-6)


def test_what_it_refuses() -> None:
    beam = quiet(3000)
    arc = pj.Lattice([bend(0.1)])
    refused: list[tuple[Any, Any, str]] = [
        (pj.Lattice([pj.Drift(1.0), pj.Quadrupole(0.1, 1.0)]), beam, "this lattice has none"),
        (pj.Lattice([pj.ThinBend(0.1, name="t")]), beam, "ThinBend 't' turns .*take an SBend"),
        (arc, beam.replace(charge=0.0, current=1.0), "CSR acts on a bunch"),
    ]
    for lattice, source, message in refused:
        with pytest.raises(pj.errors.InvalidValueError, match=message):
            pj.track(lattice, source, effects=[CSR()])
    for options, message in (
        ({"mode": "transcient"}, "transient"),
        ({"cells": 3}, "cells must be a whole number of 8 or more"),
        ({"smoothing": -1.0}, "smoothing"),
        ({"max_step": 0.0}, "max_step"),
        ({"max_step": {}}, "max_step"),
        ({"reach": -1.0}, "reach"),
        ({"scale": math.nan}, "scale"),
    ):
        with pytest.raises(
            (pj.errors.InvalidValueError, pj.errors.UnknownNameError), match=message
        ):
            CSR(**options)


def test_what_it_warns_of() -> None:
    few, arc = quiet(1000), pj.Lattice([bend(0.1)])
    with pytest.warns(pj.errors.ResolutionWarning, match="particles are few"):
        pj.track(arc, few, effects=[CSR()])
    outlier = quiet(20_000)
    rows = outlier.coordinates.clone()
    rows[0, 4] = 1.0
    with pytest.warns(pj.errors.ResolutionWarning, match="cells of the line of CSR"):
        pj.track(arc, outlier.replace(coordinates=rows), effects=[CSR()])
    # all but one particle come together on the way
    rows[:, 5] = rows[:, 4] * -36.0
    rows[0, 4:] = torch.tensor([4 * LENGTH, 0.04], dtype=torch.float64)
    buncher = pj.Lattice(
        [pj.TaylorMap(np.eye(6) + np.outer(np.eye(6)[4], np.eye(6)[5]) * 0.0277), bend(0.1)]
    )
    with pytest.warns(pj.errors.ResolutionWarning, match="cells of the line of CSR"):
        pj.track(buncher, outlier.replace(coordinates=rows), effects=[CSR()])
    long = pj.Lattice([bend(0.1), pj.Drift(2.0)])
    for energy, line, message in (
        (1e8, long, r"m after an arc at gamma = 196 .*begin 0\.15 m after it, .* reach=0\.15"),
        (2e7, arc, r"in an arc of 10 m at gamma = 39\.1 is that of bunches"),
    ):
        slow = pj.Reference.from_total("electron", energy)
        bunch = pj.Beam(slow, quiet(3000).coordinates, charge=1e-15)
        with pytest.warns(pj.errors.AccuracyWarning, match=message):
            pj.track(line, bunch, effects=[CSR(max_step=1.0)])
    # what they say serves, and one is enough for an element
    fast = pj.Reference.from_total("electron", 1e8)
    bunch = pj.Beam(fast, quiet(3000).coordinates, charge=1e-15)
    cut = pj.Lattice([bend(0.1), pj.Drift(0.15), pj.Drift(1.85)])
    pj.track(cut, bunch, effects=[CSR(max_step=1.0, reach=0.15)])
    with pytest.warns(pj.errors.AccuracyWarning) as said:
        pj.track(long, bunch, effects=[CSR(max_step=0.1)])
    assert len(said) == 1
    touching = pj.Lattice([bend(0.1, name="a"), pj.SBend(0.1, 0.02, name="b")])
    with pytest.warns(pj.errors.AccuracyWarning, match=r"'a' and SBend 'b' touch.*0\.5 times"):
        pj.track(touching, quiet(3000), effects=[CSR()])


def test_a_beam_that_is_lost_on_the_way() -> None:
    """It makes no field, and no warning."""
    rows = quiet(3000).coordinates.clone()
    rows[:, 1] = 2.0
    line = pj.Lattice([bend(0.1, model="exact"), bend(0.1)])
    end = pj.track(line, pj.Beam(ELECTRON, rows, charge=CHARGE), effects=[CSR()])
    assert not end.alive.any()


def test_the_kernel_is_where_the_particles_are() -> None:
    line = Line(-1e-4, 1e-4, 32)
    shares = torch.zeros(line.nodes, device="meta")
    for arc, steady in ((Arc(1.0, 0.1), True), (Arc(1.0, 0.1, 0.3), False)):
        assert convolve(arc, line, shares, 4.0, steady=steady).device == shares.device


def test_weights_and_batches() -> None:
    """Each beam of a batch has a line of its own."""
    beams = [quiet(3000), quiet(3000)]
    rows = torch.stack([beams[0].coordinates, 2 * beams[1].coordinates])
    batch = pj.Beam(ELECTRON, rows, charge=CHARGE)
    arc = pj.Lattice([bend(0.1)])
    both = pj.track(arc, batch, effects=[CSR()]).coordinates
    for n in range(2):
        alone = pj.track(arc, pj.Beam(ELECTRON, rows[n], charge=CHARGE), effects=[CSR()])
        torch.testing.assert_close(both[n], alone.coordinates, rtol=0, atol=1e-15)


class Miscounts(pj.CollectiveEffect):
    """Counts slices of some elements only."""

    def slices_along(self, elements: Any) -> Any:
        return [1]


def test_a_count_of_too_few_elements() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"slices_along.*each of 6 elements"):
        pj.track(CELL, quiet(100), effects=[Miscounts()])
