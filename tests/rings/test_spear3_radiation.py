"""A ring like SPEAR3 with radiation: beside pyAT, and tracked from a point to its equilibrium."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack.collective import Radiation

C = 299_792_458.0
FORM = np.kron(np.eye(3), [[0, 1], [-1, 0]])


def ring(
    energy: float, voltage: float, steps: int | None = None
) -> tuple[pj.Lattice, pj.Reference]:
    """SPEAR3 with its cavity on, paraxial and with sector bends, as AT's wedges do not radiate.

    And the electrons' reference. `steps` are those of each magnet, else as they are.
    """
    lattice, _ = load_example("rings/spear3").spear3()
    reference = pj.Reference.from_total("electron", energy)
    frequency = 372 * reference.beta * C / lattice.length
    elements = []
    for e in lattice:
        if isinstance(e, pj.RFCavity):
            e = replace(e, voltage=voltage, frequency=frequency, phase=math.pi)
        if e.bend_angle:
            e = replace(e, e1=0.0, e2=0.0)
        if hasattr(e, "model"):
            e = replace(e, model="paraxial")
        if steps and getattr(e, "steps", None):
            e = replace(e, steps=steps)
        elements.append(e)
    return pj.Lattice(elements), reference


def invariants(covariance: np.ndarray) -> np.ndarray:
    """Emittances of the modes that photons heat."""
    return np.sort(np.linalg.eigvals(covariance @ FORM).imag)[-2:]


def test_beside_pyat() -> None:
    at = pytest.importorskip("at")
    peer = load_example("rings/peer_at")
    lattice, reference = ring(3e9, 3.2e6)
    found = pj.optics.equilibrium(lattice, reference)
    emittances = []
    for steps in (20, 40):
        theirs = peer.to_lattice(list(ring(3e9, 3.2e6, steps)[0]), reference)
        for gap in theirs[at.RFCavity]:  # of particles at the speed of light
            gap.Frequency /= reference.beta
        theirs.enable_6d(copy=False, quadrupole_pass="auto", multipole_pass="auto")
        start, beam, _ = theirs.ohmi_envelope()
        emittances.append(invariants(start.r66))
    assert float(found.energy_loss) == pytest.approx(theirs.get_energy_loss(), rel=1e-4)
    times = lattice.length / C / beam.damping_rates
    np.testing.assert_allclose(found.damping_times, times, rtol=1e-4)
    # AT's z points the other way
    tunes = [*beam.tunes[:2], 1 - beam.tunes[2]]
    np.testing.assert_allclose(found.tunes, tunes, rtol=0, atol=1e-4)
    # AT's diffusion converges by the length of its steps
    limit = 2 * emittances[1] - emittances[0]
    np.testing.assert_allclose(found.emittances[[0, 2]], limit, rtol=1e-3)
    assert float(found.energy_spread) == pytest.approx(math.sqrt(start.r66[4, 4]), rel=1e-3)
    assert float(found.bunch_length) == pytest.approx(math.sqrt(start.r66[5, 5]), rel=1e-3)


@pytest.mark.slow
def test_by_tracking() -> None:
    """At three times the energy, where it is damped in hundreds of turns."""
    lattice, reference = ring(9e9, 1.2e8, 2)
    expected = pj.optics.equilibrium(lattice, reference)
    turns = int(expected.damping_times.max() / (lattice.length / C))
    beam = pj.Beam(reference, expected.orbit[:1].expand(2000, 6).clone())
    covariances = []
    for seed in range(8):
        effects = [Radiation("quantum", seed=seed, bend_slices=3, magnet_slices=1)]
        beam = pj.track(lattice, beam, effects=effects, turns=turns // 2 if seed else 3 * turns)
        assert bool(beam.alive.all())
        covariances.append(np.cov(beam.coordinates.numpy().T))
    found = np.mean(covariances, 0)
    np.testing.assert_allclose(invariants(found), expected.emittances[[0, 2]], rtol=0.02)
    assert found[5, 5] ** 0.5 == pytest.approx(float(expected.energy_spread), rel=0.02)
