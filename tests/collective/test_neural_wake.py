"""Wakes by a model of the line density: against `Wake`, closed forms, and the checks of effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import NeuralWake, Resonator, Wake
from pyjutrack.collective.wakes.convolution import convolve
from pyjutrack.mesh.line import Line
from pyjutrack.testing import check_effect

LIGHT = 299792458.0
ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
CHARGE = 2e-9
MODE = Resonator(frequency=5e9, shunt=1e6, quality=1.4)
LINE = pj.Lattice([pj.Drift(0.3, name="d"), pj.Marker(name="gap"), pj.Quadrupole(0.2, k1=1.0)])


@dataclass(frozen=True)
class Exact:
    """The convolution of `Wake` as a model."""

    cells: int = 96
    window: float | None = None
    transverse: bool = False

    def solve(self, shares, spacing):
        line = Line(0.0, spacing * self.cells, self.cells)
        speed = LIGHT * ELECTRON.beta
        return convolve(MODE, self.transverse, line, speed, shares.unsqueeze(-2))


@dataclass(frozen=True)
class Constant:
    """The same for all shapes, and so not linear in the density."""

    value: float
    cells: int = 32
    window: float | None = None

    def solve(self, shares, spacing):
        return torch.full_like(shares, self.value)


class Learned(torch.nn.Module):
    cells, window = 60, None

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.into, self.out = (
            torch.nn.Conv1d(*channels, 9, padding=4, dtype=torch.float64)
            for channels in ((1, 8), (8, 1))
        )
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)

    def solve(self, shares, spacing):
        hidden = torch.tanh(self.into(shares.double().unsqueeze(-2)))
        return 1e13 * self.out(hidden).squeeze(-2)


def bunch(count=300, length=6e-3, **changes):
    rows = np.random.default_rng(1).normal(size=(count, 6))
    rows *= [1e-3, 1e-4, 2e-3, 1e-4, length, 1e-4]
    return pj.Beam(ELECTRON, rows, **{"charge": CHARGE} | changes)


@pytest.mark.filterwarnings("ignore:.*outside of the window:pyjutrack.errors.ResolutionWarning")
@pytest.mark.parametrize("at", ["gap", None])
@pytest.mark.parametrize("window", [0.06, None])
@pytest.mark.parametrize("component", ["longitudinal", "constant y", "quadrupole x"])
def test_the_exact_model_is_the_wake(component, window, at):
    beam = bunch()
    rows = beam.coordinates.clone()
    rows[7, 4] = 0.04  # outside of the window
    beam = beam.replace(coordinates=rows)
    model = Exact(window=window, transverse=component != "longitudinal")
    form = {"scale": 0.7, "max_step": None if at else 0.1}
    wake = Wake(MODE, at, component, cells=96, window=window, **form)
    ends = [
        pj.track(LINE, beam, effects=[effect])
        for effect in (wake, NeuralWake(model, at, component, **form))
    ]
    kick = (ends[0].coordinates - pj.track(LINE, beam).coordinates).abs().amax()
    assert kick > 1e-6
    assert (ends[0].coordinates - ends[1].coordinates).abs().amax() < 1e-12 * kick
    assert torch.equal(ends[0].alive, ends[1].alive)
    assert ends[1].lost == (window is not None)


def test_the_kick_of_a_constant_wake():
    """v / (beta P0 c) of the charge that is alive, with the sign of a loss; also for protons."""
    for reference in (ELECTRON, pj.Reference.from_kinetic("proton", 2e8)):
        alive = torch.arange(300) < 200
        beam = pj.Beam(reference, bunch().coordinates, charge=CHARGE, alive=alive)
        end = pj.track(LINE, beam, effects=[NeuralWake(Constant(3e12), "gap")])
        change = (end.coordinate("delta") - beam.coordinate("delta"))[alive]
        expected = -3e12 * CHARGE * (2 / 3) / (reference.beta * reference.p0c)
        torch.testing.assert_close(change, torch.full_like(change, expected), rtol=1e-10, atol=0)


@pytest.mark.parametrize("component", ["longitudinal", "constant x", "quadrupole y"])
def test_a_module_of_torch_keeps_all_promises(component):
    check_effect(NeuralWake(Learned(), "gap", component), bunch(), LINE, knobs=["scale"])


def test_along_lengths():
    check_effect(NeuralWake(Learned(), max_step=0.2), bunch(), LINE, knobs=["scale"])


@pytest.mark.parametrize("adjoint", ["checkpoint", "reversible"])
def test_gradients_by_the_parameters_of_a_module(adjoint):
    network, found = Learned(), []
    for way in ("store", adjoint):
        network.zero_grad()
        end = pj.track(LINE, bunch(), effects=[NeuralWake(network, "gap")], turns=3, adjoint=way)
        end.coordinate("delta").square().mean().backward()
        found.append([p.grad.clone() for p in network.parameters()])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10 * float(a.abs().max()))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: NeuralWake(Learned), "WakeModel"),
        (lambda: NeuralWake(torch.nn.Linear(3, 3)), "WakeModel"),
        (lambda: NeuralWake(Constant(1.0, cells=4)), "cells of the model"),
        (lambda: NeuralWake(Constant(1.0, window=-1.0)), "window of the model"),
        (lambda: NeuralWake(Constant(1.0), "gap", component="dipole x"), "offset of the charge"),
        (lambda: NeuralWake(Constant(1.0), "gap", component="dipole"), "component"),
        (lambda: NeuralWake(Constant(1.0), at=3), "at"),
        (lambda: NeuralWake(Constant(1.0), max_step=0.0), "max_step"),
        (lambda: NeuralWake(Constant(1.0), "gap", scale="2"), "scale"),
    ],
)
def test_bad_settings(make, said):
    with pytest.raises(pj.errors.PyJuTrackError, match=said):
        make()


def test_beams_that_it_cannot_serve():
    effect = NeuralWake(Constant(1e12, window=0.01), "gap")
    with pytest.raises(pj.errors.InvalidValueError, match="has a charge"):
        pj.track(LINE, bunch(charge=0.0, current=1.0), effects=[effect])
    with pytest.raises(pj.errors.InvalidValueError, match="train a network of a longer one"):
        pj.track(LINE, bunch(), effects=[effect])
    with pytest.warns(pj.errors.ResolutionWarning, match="train a network of cells"):
        pj.track(LINE, bunch(length=3e-4), effects=[effect])


def test_a_model_of_another_length():
    class Short(Learned):
        def solve(self, shares, spacing):
            return shares[..., 1:]

    with pytest.raises(pj.errors.InvalidValueError, match=r"Short.solve returned shape \(63,\)"):
        pj.track(LINE, bunch(), effects=[NeuralWake(Short(), "gap")])


@pytest.mark.parametrize(
    ("change", "said"),
    [(lambda shares: shares.numpy(), "must return a tensor"), (lambda s: s / 0, "not finite")],
)
def test_a_model_that_returns_no_wake(change, said):
    class Broken(Learned):
        def solve(self, shares, spacing):
            return change(shares.detach())

    with pytest.raises(pj.errors.InvalidValueError, match=said):
        pj.track(LINE, bunch(), effects=[NeuralWake(Broken(), "gap")])


def test_a_bunch_that_is_lost_on_the_way():
    line = pj.Lattice([pj.Aperture(half_width=1e-12), *LINE])
    end = pj.track(line, bunch(), effects=[NeuralWake(Exact(), "gap")])
    assert end.lost == 300
    assert torch.equal(end.coordinates, bunch().coordinates)
