"""Tangents that are moved in place against those of tensors, of reverse mode and of differences."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
import torch
from element_cases import PROTON
from running import task

import pyjutrack as pj
from pyjutrack.autodiff import Pushed, seeds
from pyjutrack.lattice.knobs import overlay, parts
from pyjutrack.tracking import loop
from pyjutrack.tracking.dual_particles import particles_of
from pyjutrack.tracking.end import state_of
from pyjutrack.tracking.loop import run
from pyjutrack.tracking.particles import Particles

WRT = ("q1.k1", "d2.length", "beam.current", "q1.length")


def ends(line, beam, effects, wrt=WRT, turns=1):
    """Columns, tangents (6, K, N) and the mask of the live, at the end."""
    asked = task(line, beam, effects, turns)
    end = run(overlay(asked, wrt, seeds(parts(asked, wrt))))
    columns, tangents = [], torch.zeros(6, len(wrt), len(beam), dtype=beam.coordinates.dtype)
    for row, column in zip(tangents, end.state.coordinates, strict=True):
        if isinstance(column, Pushed):
            row[list(column.directions)] = column.tangent
            column = column.value
        columns.append(column)
    return torch.stack(columns), tangents, end.state.alive, end.reference


def as_tensors(monkeypatch, *args, **options):
    with monkeypatch.context() as patch:
        patch.setattr(loop, "particles_of", lambda state, data: Particles(state))
        return ends(*args, **options)


def assert_same(found, expected, tolerance=1e-13):
    assert torch.equal(found[2], expected[2])
    assert found[3] == expected[3]
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=tolerance, equal_nan=True)
    size = expected[1].abs().amax(-1, keepdim=True)
    assert (size > 0).any()
    assert ((found[1] - expected[1]).abs() <= 1e3 * tolerance * size).all()


def swapped() -> pj.Element:
    """An element of a user's own, which gives the columns that it got in another order."""

    @dataclasses.dataclass(frozen=True, repr=False)
    class Swap(pj.Element):
        abstract: ClassVar[bool] = True  # not one of the package's kinds

        def transport(self, state, reference, part):
            x, px, y, py, *rest = state.coordinates
            return state._replace(coordinates=(y, py, x, px, *rest))

    return Swap()


@pytest.fixture
def mixed(cell) -> pj.Lattice:
    """Elements with kernels and without, an opening, and a cavity that accelerates."""
    return pj.Lattice(
        [
            pj.Aperture(half_width=1.6e-3, half_height=1.6e-3, shape="ellipse"),
            cell,
            pj.SBend(0.2, 0.02, k1=0.5, name="b"),
            pj.Drift(0.1, model="paraxial", name="p"),
            pj.RFCavity(0.1, 1e6, frequency=1e8, phase=0.5, accelerate=True, name="gap"),
            pj.Quadrupole(0.1, 3.0, dx=1e-4, tilt=0.1, name="q3"),
            swapped(),
            cell,
        ]
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_as_with_tensors(cell, kick, make_beam, monkeypatch, dtype) -> None:
    beam = make_beam(4001).to(dtype)
    found = ends(cell, beam, [kick], turns=2)
    expected = as_tensors(monkeypatch, cell, beam, [kick], turns=2)
    assert_same(found, expected, 1e-13 if dtype == torch.float64 else 1e-6)
    assert found[0].dtype == found[1].dtype == dtype


def test_losses_and_what_has_no_kernels(mixed, make_beam, monkeypatch) -> None:
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.012, 0.012), (64, 64)), max_step=0.1)
    c = make_beam(2000, current=100.0).coordinates.clone()
    c[5] = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, -2.0])  # cannot enter
    c[6, 1] = 0.02  # leaves the box of the kick
    c[8, 0] = float("nan")
    alive = torch.ones(2000, dtype=torch.bool)
    alive[7:9] = False
    beam = pj.Beam(PROTON, c, 100.0, alive)
    wrt = (*WRT[:1], "b.angle", "gap.voltage", "q3.dx", "p.length", "beam.current")
    found = ends(mixed, beam, [kick], wrt)
    assert_same(found, as_tensors(monkeypatch, mixed, beam, [kick], wrt))
    assert 100 < int((~found[2]).sum()) < 1500
    assert found[3].p0c > PROTON.p0c
    assert bool((found[1][:, :, 7] == 0).all())
    torch.testing.assert_close(beam.coordinates, c, rtol=0, atol=0, equal_nan=True)


@pytest.mark.filterwarnings("ignore:.*counts twice:pyjutrack.errors.AccuracyWarning")
def test_several_kicks_and_one_without_response(cell, make_beam, monkeypatch) -> None:
    beam = make_beam(1000)
    coarse = pj.SpaceCharge(pj.SpectralPoisson((0.03, 0.02), (50, 41)), max_step=0.1)
    fixed = dataclasses.replace(coarse, response=False)
    for effects in ([coarse, fixed], [fixed], []):
        found = ends(cell, beam, effects, WRT[:2])
        assert_same(found, as_tensors(monkeypatch, cell, beam, effects, WRT[:2]))


@pytest.mark.parametrize("wrt", [WRT[:1], WRT, ("beam.current", "d1.length")])
def test_gradients_are_those_of_reverse_mode(cell, kick, make_beam, wrt) -> None:
    options = {"effects": [kick], "wrt": wrt, "turns": 2}
    figure, beam = pj.observables.emittance_growth("x"), make_beam(3000)
    found = pj.gradient(figure, cell, beam, mode="forward", **options)
    stored = pj.gradient(figure, cell, beam, mode="reverse", adjoint="store", **options)
    np.testing.assert_allclose(found, stored, rtol=0, atol=1e-11 * np.abs(stored).max())
    np.testing.assert_array_equal(found, pj.gradient(figure, cell, beam, mode="forward", **options))


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")  # of the same particles
def test_gradients_are_those_of_differences(mixed, make_beam) -> None:
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.02, 0.02), (64, 64)), max_step=0.1)
    wrt = ("b.angle", "q3.dx", "q1.length", "beam.current")
    line, beam = pj.Lattice(mixed.elements[1:]), make_beam(1000, kind="waterbag")
    found, differences = (
        pj.gradient(
            pj.observables.size("x"), line, beam, effects=[kick], wrt=wrt, mode=mode, step=1e-6
        )
        for mode in ("forward", "fd")
    )
    np.testing.assert_allclose(found, differences, rtol=1e-4, atol=1e-11)


def test_other_derivatives_take_tensors(cell, make_beam) -> None:
    beam = make_beam(10)
    state = state_of(beam.coordinates, beam.alive)
    (current,) = seeds(torch.ones(1, dtype=torch.float64))
    assert type(particles_of(state, current)) is not Particles
    assert type(particles_of(state, beam.current)) is Particles
    leaf = state_of(beam.coordinates.clone().requires_grad_(), beam.alive)
    assert type(particles_of(leaf, current)) is Particles
    batch = state_of(beam.coordinates.expand(2, 10, 6), beam.alive.expand(2, 10))
    assert type(particles_of(batch, current)) is Particles
