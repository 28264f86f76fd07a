"""Derivatives by the reference's momentum: in closed form, and in differences of rebuilt values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.beam import observables

ELECTRON = pj.Reference.from_kinetic("electron", 3e6)
KNOBS = ["gun.voltage", "gun.phase"]
PHASE = 1.0
VOLTAGE = 17e6 / math.sin(PHASE)  # from 3 to 20 MeV


def particles() -> np.ndarray:
    draw = np.random.default_rng(7)
    sizes = (1e-3, 1.2e-3, 1e-3, 1.2e-3, 0.0, 0.0)
    return np.asarray(draw.normal(size=(400, 6)) * sizes)


def thin(**options: Any) -> pj.Lattice:
    cavity = {"frequency": 1e9, "phase": PHASE, "accelerate": True, **options}
    return pj.Lattice([pj.RFCavity(0.0, VOLTAGE, name="gun", **cavity)])


@pytest.mark.parametrize(
    "options",
    [{"mode": "forward"}, *({"adjoint": a} for a in ("auto", "store", "checkpoint", "reversible"))],
)
def test_momenta_shrink_as_the_reference_grows(options: dict[str, Any]) -> None:
    """px = Px / P0, and the cavity leaves Px alone: size = size0 p0 / p1, p1 by V sin(phase)."""
    beam = pj.Beam.from_array(ELECTRON, particles())
    mass = ELECTRON.species.mass
    energy = 20e6 + mass
    after = math.sqrt(energy**2 - mass**2)
    size = float(np.std(particles()[:, 1])) * ELECTRON.p0c / after
    # d(p1 c)/d(energy) = energy / (p1 c)
    by_volt = -size / after * energy / after * math.sin(PHASE)
    by_phase = -size / after * energy / after * VOLTAGE * math.cos(PHASE)
    value, found = pj.value_and_gradient(observables.size("px"), thin(), beam, wrt=KNOBS, **options)
    assert value == pytest.approx(size, rel=1e-12)
    np.testing.assert_allclose(found, [by_volt, by_phase], rtol=1e-11)


def test_emittance_normalised_by_the_accelerated_reference() -> None:
    """A thin cavity keeps the normalised emittance: only the geometric one has slopes."""
    beam = pj.Beam.from_array(ELECTRON, particles())
    for mode in ("reverse", "forward"):
        both = [
            pj.gradient(observables.emittance(normalized=n), thin(), beam, wrt=KNOBS, mode=mode)
            for n in (True, False)
        ]
        assert np.abs(both[0]).max() < 1e-12 * np.abs(both[1]).min() * VOLTAGE
        assert np.abs(both[1]).min() > 0


def tracked(energy: Any, kind: str) -> torch.Tensor:
    """Sizes after drifts, a magnet and a kick of space charge, by the energy at the start."""
    make = getattr(pj.Reference, f"from_{kind}")
    line = pj.Lattice(
        [
            pj.Drift(0.3, name="d"),
            pj.SBend(0.2, 0.05, dx=1e-3),
            pj.RFCavity(0.1, 1e5, frequency=1e9),
            pj.Drift(0.3),
        ]
    )
    coordinates = particles()[:60]
    coordinates[:, 4:] = (1e-3, 2e-2)
    beam = pj.Beam.from_array(make("electron", energy), coordinates, 20.0)
    kick = pj.SpaceCharge(pj.SpectralPoisson(size=(0.014, 0.014), shape=(40, 40)), max_step=0.11)
    return pj.track(line, beam, effects=[kick]).coordinates.square().mean(0)


@pytest.mark.parametrize(("kind", "energy"), [("p0c", 5e6), ("kinetic", 3e6), ("total", 4e6)])
def test_energies_at_the_start(kind: str, energy: float) -> None:
    leaf = torch.tensor(energy, dtype=torch.float64, requires_grad=True)
    found = torch.autograd.functional.jacobian(lambda e: tracked(e, kind), leaf)
    step = 1e-3 * energy
    ends = [tracked(energy + k * step, kind) for k in (-2, -1, 1, 2)]
    right = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * step)
    assert float(right.abs().min()) > 0
    torch.testing.assert_close(found, right, rtol=1e-5, atol=0)


def test_numbers_in_tensors_are_numbers() -> None:
    """A tensor that carries nothing keeps the kernels."""
    given = pj.Reference.from_kinetic("electron", torch.tensor(3e6, dtype=torch.float64))
    assert given == ELECTRON
    assert isinstance(given.p0c, float)
    assert isinstance(thin()[0].voltage, float)
    leaf = torch.tensor(3e6, dtype=torch.float64, requires_grad=True)
    assert pj.Reference.from_kinetic("electron", leaf).detach() == ELECTRON


@pytest.mark.parametrize("energy", [math.nan, 0.0, -1e6, math.inf, "3e6", 10**400, [3e6]])
def test_energies_that_are_none(energy: Any) -> None:
    for name in ("p0c", "kinetic", "total"):
        with pytest.raises(pj.errors.InvalidValueError, match=f"energy|{name}"):
            getattr(pj.Reference, f"from_{name}")("electron", energy)


@pytest.mark.parametrize("name", ["mass", "charge"])
def test_species_do_not_drop_derivatives(name: str) -> None:
    leaf = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    numbers = {"mass": 1e9, "charge": 1.0}
    with pytest.raises(pj.errors.InvalidValueError, match=f"{name} carries a derivative"):
        pj.Species("ion", **{**numbers, name: leaf})
    plain = pj.Species("ion", **{**numbers, name: leaf.detach()})
    assert isinstance(getattr(plain, name), float)


def test_no_closed_orbit_while_the_reference_accelerates() -> None:
    ring = pj.Lattice([pj.Quadrupole(0.2, 3.0), thin()[0], pj.Quadrupole(0.2, -3.0)])
    with pytest.raises(pj.errors.InvalidValueError, match="gun accelerates the reference"):
        pj.optics.closed_orbit(ring, ELECTRON, dimensions=6)


@pytest.mark.parametrize("effects", [[], [pj.SpaceCharge(max_step=0.2)]], ids=["alone", "field"])
def test_jacobians_are_numbers_whatever_the_reference_carries(effects: list[Any]) -> None:
    energy = torch.tensor(1e9, dtype=torch.float64, requires_grad=True)
    carrying = pj.Reference.from_kinetic("proton", energy)
    line = pj.Lattice(
        [pj.Drift(0.3), pj.Quadrupole(0.1, 2.0), pj.RFCavity(0.1, 1e6, frequency=5e8)]
    )
    found, expected = (
        pj.jacobian(line, pj.Beam(r, torch.randn(9, 6, **options) * 1e-3, 1.0), effects=effects)
        for r in (carrying, carrying.detach())
        for options in ({"generator": torch.Generator().manual_seed(1), "dtype": torch.float64},)
    )
    np.testing.assert_array_equal(found, expected)
