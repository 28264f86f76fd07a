"""A cavity that takes more energy than a particle has loses it, on every path of tracking."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import pyjutrack as pj

ELECTRON = pj.Reference.from_kinetic("electron", 1e6)
TOTAL = ELECTRON.kinetic_energy + ELECTRON.species.mass
#: the reference of these loses 2.5 MeV of its 1.511 MeV; the crab's field takes it at x = 1 cm
TAKERS = [
    pj.RFCavity(voltage=2.5e6, frequency=5e8, phase=-math.pi / 2, name="c"),
    pj.RFCavity(0.4, voltage=2.5e6, frequency=5e8, phase=-math.pi / 2, name="c"),
    pj.CrabCavity(voltage=2.5e7, frequency=5e8, name="c"),
]


def _beam() -> pj.Beam:
    """One particle with too little energy, and one with plenty."""
    start = torch.zeros(2, 6, dtype=torch.float64)
    start[0, 0] = 0.01
    start[1, 0], start[1, 5] = -0.01, 20.0
    return pj.Beam(ELECTRON, start)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")  # it is lost, that is the test
@pytest.mark.parametrize("cavity", TAKERS, ids=["thin", "long", "crab"])
@pytest.mark.parametrize("way", ["compiled", "stored", "checkpoint", "batch", "turns"])
def test_a_particle_without_the_energy_is_lost_at_the_entrance(
    cavity: pj.Element, way: str
) -> None:
    beam, lattice = _beam(), pj.Lattice([cavity])
    start = beam.coordinates
    if way in ("stored", "checkpoint"):
        beam = beam.replace(coordinates=start.clone().requires_grad_())
    if way == "batch":
        beam = pj.Beam(ELECTRON, start.unsqueeze(0))
    adjoint = {"stored": "store", "checkpoint": "checkpoint"}.get(way, "auto")
    with torch.no_grad() if way == "compiled" else torch.enable_grad():
        end = pj.track(lattice, beam, turns=2 if way == "turns" else 1, adjoint=adjoint)
    assert end.alive.reshape(-1).tolist() == [False, True]
    assert torch.equal(end.coordinates.detach().reshape(2, 6)[0], start[0])
    assert torch.isfinite(end.coordinates).all()


@pytest.mark.parametrize("cavity", TAKERS, ids=["thin", "long", "crab"])
def test_such_a_particle_is_no_test_particle(cavity: pj.Element) -> None:
    lattice = pj.Lattice([cavity])
    with pytest.raises(pj.errors.ParticleLostError):
        pj.jacobian(lattice, ELECTRON, at=[0.01, 0, 0, 0, 0, 0])
    assert pj.loss_map(lattice, _beam()).element.tolist() == [0, -1]


def test_lost_while_the_reference_gains() -> None:
    """Half a wave after the crest that accelerates the reference."""
    cavity = pj.RFCavity(voltage=2.5e6, frequency=5e8, phase=math.pi / 2, accelerate=True)
    start = torch.zeros(2, 6, dtype=torch.float64)
    start[0, 4] = -ELECTRON.beta * 0.5 * 299792458.0 / 5e8
    end = pj.track(pj.Lattice([cavity]), pj.Beam(ELECTRON, start))
    assert end.alive.tolist() == [False, True]


@pytest.mark.parametrize("left", [1e-9, 1e-3, 0.5])
def test_little_energy_left_is_enough(left: float) -> None:
    """The momentum of a share of the rest energy as kinetic energy, by hand."""
    mass = ELECTRON.species.mass
    taken = TOTAL - (1 + left) * mass
    cavity = pj.RFCavity(voltage=taken, frequency=5e8, phase=-math.pi / 2)
    beam = pj.Beam(ELECTRON, torch.zeros(1, 6, dtype=torch.float64))
    end = pj.track(pj.Lattice([cavity]), beam)
    momentum = mass * math.sqrt(left * (2 + left)) / ELECTRON.p0c
    assert bool(end.alive.all())
    # the energies are differences: rounding of the total is weighed by what is left
    error = 8 * np.finfo(float).eps * TOTAL / (left * mass)
    assert float(end.coordinates[0, 5]) == pytest.approx(momentum - 1, abs=error * momentum + 1e-15)
