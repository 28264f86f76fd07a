"""Energies, references and slices of cavities, which the battery of maps does not see."""

from __future__ import annotations

import math

import numpy as np
import pytest
from element_cases import PROTON, beam_of, points

import pyjutrack as pj

CAVITY = {"voltage": 3e6, "frequency": 1e8}


@pytest.mark.parametrize("species", ["electron", "positron", "proton", "alpha"])
def test_energy_of_a_cavity(species: str) -> None:
    """Energies in eV from momenta and masses; gains are per unit of |charge|."""
    reference = pj.Reference.from_kinetic(species, 2e7)
    z = 0.05
    beam = beam_of([1e-3, 1e-3, 0, 0, z, 2e-3], reference=reference)
    out = pj.track(pj.Lattice([pj.RFCavity(phase=0.3, **CAVITY)]), beam).numpy()[0]
    mass, momentum = reference.species.mass, reference.p0c * (1 + 2e-3)
    start = math.hypot(mass, momentum)
    late = -z / (momentum / start)  # c t
    omega = 2 * math.pi * 1e8 / 299_792_458.0
    gain = 3e6 * abs(reference.species.charge) * math.sin(0.3 + omega * late)
    new = math.sqrt((start + gain) ** 2 - mass**2)
    assert out[5] == pytest.approx(new / reference.p0c - 1, rel=1e-12)
    assert out[4] == pytest.approx(-(new / (start + gain)) * late, rel=1e-14)


def test_acceleration_moves_the_reference() -> None:
    linac = pj.Lattice(
        [pj.RFCavity(0.4, 3e6, frequency=1e8, phase=0.6, accelerate=True), pj.Drift(0.3)] * 5
    )
    beam = pj.Beam(PROTON, points(40))
    fixed = pj.Lattice(
        [
            pj.RFCavity(0.4, 3e6, frequency=1e8, phase=0.6, name=e.name)
            if isinstance(e, pj.RFCavity)
            else e
            for e in linac
        ]
    )
    out, same = pj.track(linac, beam), pj.track(fixed, beam)
    gained = out.reference.kinetic_energy - PROTON.kinetic_energy
    assert gained == pytest.approx(5 * 3e6 * math.sin(0.6), rel=1e-12)
    assert same.reference == PROTON
    # the reference keeps its place at the origin
    origin = pj.track(linac, beam_of([0.0] * 6))
    np.testing.assert_allclose(origin.numpy()[0], 0, atol=1e-15)
    # in eV, transverse momenta do not change by the choice of the reference
    kept = out.numpy()[:, 1] * out.reference.p0c
    np.testing.assert_allclose(kept, points(40).numpy()[:, 1] * PROTON.p0c, rtol=1e-12)
    with pytest.raises(pj.errors.InvalidValueError, match="cannot lose"):
        pj.track(
            pj.Lattice([pj.RFCavity(voltage=2e9, frequency=1e8, phase=-1.5, accelerate=True)]), beam
        )


def test_normalised_emittance_survives_acceleration(cell: pj.Lattice, make_beam) -> None:
    beam = make_beam(2000)
    gap = pj.RFCavity(voltage=2e8, frequency=1.0, phase=math.pi / 2, accelerate=True)
    out = pj.track(pj.Lattice([cell, gap]), beam)
    before, after = (pj.moments.emittance(b, "x", normalized=True) for b in (beam, out))
    assert float(after) == pytest.approx(float(before), rel=1e-6)
    assert float(pj.moments.emittance(out, "x")) < 0.9 * float(pj.moments.emittance(beam, "x"))


def test_slices_of_a_cavity_share_its_gain(make_beam, kick: pj.SpaceCharge) -> None:
    gap = pj.RFCavity(0.3, 3e6, frequency=1e6, phase=0.5, accelerate=True)
    beam = make_beam(500, current=1e-6)
    whole = pj.track(pj.Lattice([gap]), beam)
    sliced = pj.track(pj.Lattice([gap]), beam, effects=[kick])
    assert sliced.reference.p0c == pytest.approx(whole.reference.p0c, rel=1e-12)
    np.testing.assert_allclose(sliced.numpy(), whole.numpy(), rtol=0, atol=2e-7)


@pytest.mark.parametrize(("kinetic", "phase"), [(1e8, 0.0), (3e9, math.pi)])
def test_phases_are_stable_on_their_side_of_transition(kinetic: float, phase: float) -> None:
    """Protons in a ring of transition gamma near 2.5: bunched at 0 below it, at pi above."""
    proton = pj.Reference.from_kinetic("proton", kinetic)
    arc = [pj.Quadrupole(0.2, 1.6), pj.Drift(0.4), pj.SBend(1.0, math.pi / 8), pj.Drift(0.4)]
    arc += [pj.Quadrupole(0.2, -1.5), pj.Drift(0.4), pj.SBend(1.0, math.pi / 8), pj.Drift(0.4)]
    turn = float(pj.Lattice(arc * 8).length) / (proton.beta * 299_792_458.0)

    def tunes(at: float) -> np.ndarray:
        gap = pj.RFCavity(voltage=1e5, frequency=4 / turn, phase=at)
        return pj.optics.synchrotron_optics(pj.Lattice([*arc * 8, gap]), proton).tunes.numpy()

    assert 0 < min(tunes(phase)[2], 1 - tunes(phase)[2]) < 0.1
    with pytest.raises(pj.errors.UnstableError):
        tunes(math.pi - phase)
