"""Networks in a solver's place that break a promise are told so, in words that say what to do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import pyjutrack as pj
from pyjutrack.errors import InvalidValueError
from pyjutrack.testing import CheckFailedError, check_potential

BOX = pj.SpectralPoisson((0.02, 0.02), (40, 40))
PROTON = pj.Reference.from_kinetic("proton", 1e9)
LINE = pj.Lattice([pj.Drift(0.2, name="d"), pj.Quadrupole(0.1, k1=20.0, name="q")])


class Layers(torch.nn.Module):
    """A convolution, in single precision as PyTorch makes it."""

    def __init__(self) -> None:
        super().__init__()
        self.mesh = BOX.mesh
        torch.manual_seed(1)
        self.net = torch.nn.Conv2d(1, 1, 3, padding=1, bias=False)

    def solve(self, fractions: Tensor) -> Tensor:
        return self.net(fractions.unsqueeze(-3)).squeeze(-3)


class Converting(Layers):
    def solve(self, fractions: Tensor) -> Tensor:
        return super().solve(fractions.double()).to(fractions.dtype)


class Cut(Layers):
    def solve(self, fractions: Tensor) -> Tensor:
        return torch.from_numpy(BOX.solve(fractions.detach()).numpy())


def beam() -> pj.Beam:
    twiss = pj.optics.Twiss(3.0, 0.0, 3.0, 0.0)
    return pj.distributions.gaussian(
        PROTON, 300, twiss=twiss, emittance=(1e-6, 1e-6), current=20.0, seed=1
    )


def test_layers_of_single_precision() -> None:
    said = r"Layers\.solve fails for densities of float64: .*self\.net\(f\.double\(\)\)"
    with pytest.raises(CheckFailedError, match=said):
        check_potential(Layers())
    with pytest.raises(InvalidValueError, match=said):
        pj.track(LINE, beam(), effects=[pj.SpaceCharge(Layers(), max_step=0.1)])


def test_layers_of_double_precision_alone() -> None:
    with pytest.raises(CheckFailedError, match=r"fails for densities of float32: "):
        check_potential(Layers().double())
    check_potential(Converting().double())


def test_a_network_that_is_not_linear() -> None:
    bent = Converting().double()
    bent.net = torch.nn.Sequential(bent.net, torch.nn.Tanh())
    with pytest.raises(CheckFailedError, match=r"linearity: .*say linear=False"):
        check_potential(bent)
    check_potential(bent, linear=False)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_a_field_without_the_derivatives_of_the_density(mode: str) -> None:
    said = r"Cut\.solve gives a field without the derivatives .* without \.detach\(\)"
    with pytest.raises(CheckFailedError, match=said):
        check_potential(Cut())
    figure = pj.observables.size("x")
    effect = pj.SpaceCharge(Cut(), max_step=0.1)
    with pytest.raises(InvalidValueError, match=said):
        pj.gradient(figure, LINE, beam(), effects=[effect], wrt=["q.k1"], mode=mode)
    # which it may be where the field is not to respond
    frozen, right = (
        pj.SpaceCharge(potential, max_step=0.1, response=False) for potential in (Cut(), BOX)
    )
    found, expected = (
        pj.gradient(figure, LINE, beam(), effects=[e], wrt=["q.k1"], mode=mode)
        for e in (frozen, right)
    )
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_bunch_asks_alike() -> None:
    bunch = beam()
    rows = bunch.coordinates.clone()
    rows[:, 4] = torch.linspace(-0.1, 0.1, len(bunch), dtype=torch.float64)
    effect = pj.collective.SpaceCharge2p5D(Cut(), 16, max_step=0.3)
    with pytest.raises(InvalidValueError, match=r"Cut\.solve gives a field without"):
        pj.gradient(
            pj.observables.size("x"),
            LINE,
            pj.Beam(PROTON, rows, charge=1e-10),
            effects=[effect],
            wrt=["q.k1"],
        )


def test_what_it_lacks_is_named() -> None:
    with pytest.raises(InvalidValueError, match="it lacks a `mesh`"):
        pj.SpaceCharge(type("NoMesh", (), {"solve": lambda self, f: f})())
    with pytest.raises(InvalidValueError, match="it lacks a method `solve`"):
        pj.SpaceCharge(type("NoSolve", (), {"mesh": BOX.mesh})())
    with pytest.raises(InvalidValueError, match="make one of the class"):
        pj.SpaceCharge(Layers)
