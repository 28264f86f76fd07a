"""Our own elements, effects, potentials, diagnostics and formats by the public checks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import testing
from pyjutrack.collective import ImageCharges, Resonator, Wake
from pyjutrack.io import lattice_formats
from pyjutrack.testing import CheckFailedError

PROTON = pj.Reference.from_kinetic("proton", 1e9)
CELL = pj.Lattice([pj.Drift(0.2, name="d"), pj.Quadrupole(0.1, 20.0, name="q"), pj.Drift(0.2)])

ELEMENTS = {
    "drift": pj.Drift(0.7),
    "paraxial": pj.Drift(0.7, model="paraxial"),
    "marker": pj.Marker(),
    "monitor": pj.Monitor(0.1),
    "quadrupole": pj.Quadrupole(0.3, k1=2.0),
    "fringe": pj.Quadrupole(0.3, k1=2.0, k1s=0.3, fringe="hard-edge"),
    "skew": pj.Quadrupole(0.3, k1=2.0, k1s=0.7),
    "sextupole": pj.Sextupole(0.2, k2=30.0),
    "octupole": pj.Octupole(0.2, k3=800.0),
    "multipole": pj.Multipole(knl=(1e-3, 0.2, 3.0), ksl=(0.0, 0.1)),
    "kicker": pj.Kicker(0.2, hkick=1e-3, vkick=-5e-4),
    "sbend": pj.SBend(0.8, 0.2, k1=0.3, e1=0.05, e2=0.1),
    "rbend": pj.RBend(0.8, 0.2, model="linear"),
    "thin bend": pj.ThinBend(0.1, h=0.2, knl=(1e-3, 0.2, 3.0), ksl=(0.0, 0.1)),
    "edge": pj.DipoleEdge(0.3, 0.2, fint=0.5, hgap=0.03),
    "telescope": pj.TaylorMap(np.diag([2, 0.5, 1, 1, 1, 1]), kick=[1e-3, 0, 0, 0, 0, 1e-3]),
    "solenoid": pj.Solenoid(0.4, ks=0.5),
    "cavity": pj.RFCavity(0.2, 1e6, frequency=1e8, phase=0.4),
    "accelerating": pj.RFCavity(0.2, 1e6, frequency=1e8, phase=0.4, accelerate=True),
    "crab": pj.CrabCavity(0.2, 1e6, frequency=1e8, phase=0.4),
    "patch": pj.Patch(dx=1e-3, dz=0.01, x_rot=1e-3),
}


@pytest.mark.parametrize("name", ELEMENTS)
def test_elements(name: str) -> None:
    # half a cavity is a gap by itself
    slices = 1e-4 if name in ("cavity", "accelerating", "crab") else 1e-6
    testing.check_element(ELEMENTS[name], slices=slices)


def bunch(count: int = 200) -> torch.Tensor:
    rows = np.random.default_rng(4).normal(0, 1, (count, 6)) * [2e-3, 1e-3, 1e-3, 1e-3, 4e-3, 1e-4]
    return torch.as_tensor(rows)


def test_space_charge() -> None:
    beam = pj.Beam(PROTON, bunch(), current=50.0)
    effect = pj.SpaceCharge(pj.SpectralPoisson((0.03, 0.02), (96, 96)), max_step=0.1)
    testing.check_effect(effect, beam, CELL, knobs=["perveance_scale"])


def test_a_wake() -> None:
    electron = pj.Reference.from_kinetic("electron", 1e9)
    beam = pj.Beam(electron, bunch(), charge=1e-9)
    mode = Resonator(frequency=5e9, shunt=1e4, quality=1.4)
    effect = Wake(mode, "q", window=0.06, cells=100)
    knobs = ["function.frequency", "function.shunt", "function.quality", "scale"]
    testing.check_effect(effect, beam, CELL, knobs=knobs)


@pytest.mark.parametrize("name", ["solver", "few modes", "images"])
def test_potentials(name: str) -> None:
    solver = pj.SpectralPoisson((0.02, 0.016), (32, 30))
    images = ImageCharges(solver, order=2)
    draw = torch.Generator().manual_seed(1)
    weights = 0.1 * torch.randn(len(images.weights), generator=draw, dtype=torch.float64)
    potentials = {
        "solver": solver,
        "few modes": replace(solver, modes=(12, 13), damping=0.0),
        "images": replace(images, weights=weights),
    }
    testing.check_potential(potentials[name])


class Scaled(torch.nn.Module):
    """A solver whose answer is multiplied by a weight that asks for gradients."""

    def __init__(self, power: float = 1.0) -> None:
        super().__init__()
        self.solver, self.power = pj.SpectralPoisson((0.02, 0.02), (32, 32)), power
        self.mesh = self.solver.mesh
        self.weight = torch.nn.Parameter(torch.tensor(1.5, dtype=torch.float64))

    def solve(self, fractions: torch.Tensor) -> torch.Tensor:
        return self.weight * self.solver.solve(fractions) ** self.power


def test_a_module_of_a_users_own() -> None:
    testing.check_potential(Scaled())
    with pytest.raises(CheckFailedError, match="linearity"):
        testing.check_potential(Scaled(power=2.0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: pj.diagnostics.BeamPosition(at="m", noise=1e-5),
        lambda: pj.diagnostics.BeamSize(at="m", noise=1e-5),
        lambda: pj.diagnostics.WireScanner(at="m", width=0.016, bins=40, noise=1e-3),
    ],
)
def test_diagnostics(make: object) -> None:
    testing.check_diagnostic(make(), pj.Beam(PROTON, bunch()))  # type: ignore[operator]


@pytest.mark.parametrize("name", ["own", "pals"])
def test_formats(name: str) -> None:
    pytest.importorskip("yaml")
    testing.check_format(lattice_formats()[name], CELL, PROTON)


def test_errors_name_the_fault() -> None:
    class Growing(pj.Drift):
        """Not symplectic."""

        abstract = True

        def transport(self, state, reference, part):
            x, *others = state.coordinates
            return state._replace(coordinates=(1.01 * x, *others))

    with pytest.raises(CheckFailedError, match="symplecticity"):
        testing.check_element(Growing(0.3))

    class Selfish(pj.CollectiveEffect):
        """Counts lost particles."""

        max_step = 0.1

        def field(self, beam, state, place, memory):
            return beam.current * state.coordinates[0].nan_to_num().mean() * place.ds

        def apply(self, state, field, place):
            x, px, *others = state.coordinates
            return state._replace(coordinates=(x, px + field, *others))

    with pytest.raises(CheckFailedError, match="lost particles"):
        testing.check_effect(Selfish(), pj.Beam(PROTON, bunch(), current=1.0), CELL)
