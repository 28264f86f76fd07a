"""Tunes of x and y where kicks of delta by z act on them, by dispersion."""

from __future__ import annotations

import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack.errors import UnstableError

PROTON = pj.Reference.from_kinetic("proton", 1e9)
CELL = [
    *[pj.Quadrupole(0.4, 0.73, name="qf"), pj.Drift(0.6), pj.SBend(2.2, 0.314159265)],
    *[pj.Drift(0.6), pj.Quadrupole(0.4, -0.73, name="qd"), pj.Drift(0.7)],
    *[pj.SBend(2.2, 0.314159265), pj.Drift(0.5)],
]
CAVITY = pj.RFCavity(0.0, voltage=5e5, frequency=1.725e7, name="rf")
RINGS = {"coasting": pj.Lattice(CELL * 2), "cavity": pj.Lattice([*CELL, CAVITY, *CELL])}
FIELD = pj.collective.FrozenGaussian(
    (7e-3, 7e-3), 5.0, pj.SpectralPoisson((0.16, 0.16), (64, 64)), max_step=4.0
)


def make_bunch() -> pj.Beam:
    return pj.distributions.gaussian(
        PROTON,
        500,
        twiss=pj.twiss(RINGS["coasting"], PROTON),
        emittance=(5e-6, 5e-6),
        charge=4e-7,
        sigma_z=5.0,
        seed=1,
    )


def test_a_cavity_at_dispersion_leaves_tunes() -> None:
    matrix = pj.jacobian(RINGS["cavity"], PROTON)
    block = np.abs(np.linalg.eigvals(matrix[:4, :4]))
    assert np.abs(block - 1).max() > 1e-7  # the block across is no motion by itself
    np.testing.assert_allclose(
        pj.tunes(matrix), pj.optics.synchrobetatron_tunes(matrix)[:2], rtol=1e-12
    )


@pytest.mark.parametrize("name", RINGS)
def test_tunes_of_a_bunch_are_those_that_its_particles_turn_with(name: str) -> None:
    """Of a particle near the centre, turn by turn."""
    ring, bunch = RINGS[name], make_bunch()
    found = pj.tunes(pj.jacobian(ring, bunch, effects=[FIELD]))
    row = np.array([[1e-6, 0.0, 1e-6, 0.0, 0.0, 0.0]])
    one = pj.Beam(PROTON, row, charge=4e-7)
    turns = pj.diagnostics.track_turns(
        ring, one, {"all": pj.diagnostics.live_coordinates}, turns=64, effects=[FIELD]
    )["all"]
    expected = pj.diagnostics.tunes_by_turns(turns)[0]
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert np.abs(found - pj.tunes(pj.jacobian(RINGS["coasting"], PROTON))).min() > 0.005


@pytest.mark.parametrize("name", RINGS)
def test_slopes_are_those_of_rebuilt_rings(name: str) -> None:
    ring, bunch = RINGS[name], make_bunch()
    values, slopes = pj.optics.tune_slopes(ring, bunch, ["qf.k1", "beam.charge"], effects=[FIELD])

    def find(k1: float, charge: float) -> np.ndarray:
        changed = pj.Lattice(
            [pj.Quadrupole(0.4, k1, name="qf") if e.name == "qf" else e for e in ring]
        )
        beam = pj.Beam(PROTON, bunch.coordinates, charge=charge)
        return pj.tunes(pj.jacobian(changed, beam, effects=[FIELD]))

    np.testing.assert_allclose(values, find(0.73, 4e-7), rtol=1e-12)
    by_k1 = (find(0.73 + 1e-5, 4e-7) - find(0.73 - 1e-5, 4e-7)) / 2e-5
    by_charge = (find(0.73, 4.001e-7) - find(0.73, 3.999e-7)) / 2e-10
    np.testing.assert_allclose(slopes, [by_k1, by_charge], rtol=1e-6)


def test_motion_in_z_may_be_unbounded() -> None:
    defocusing = pj.RFCavity(0.0, voltage=5e5, frequency=1.725e7, phase=np.pi, name="rf")
    matrix = pj.jacobian(pj.Lattice([*CELL, defocusing, *CELL]), PROTON)
    assert np.abs(np.linalg.eigvals(matrix)).max() > 1.001
    with pytest.raises(UnstableError):
        pj.optics.synchrobetatron_tunes(matrix)
    near = pj.tunes(pj.jacobian(RINGS["coasting"], PROTON))
    np.testing.assert_allclose(pj.tunes(matrix), near, atol=1e-4)


def test_an_error_names_the_eigenvalue_that_is_off() -> None:
    matrix = np.kron(np.eye(3), [[0.6, 0.8], [-0.8, 0.6]])
    matrix[:2, :2] *= 0.9
    with pytest.raises(UnstableError, match=r"modulus 0\.9; .*not symplectic, by 0\.2"):
        pj.tunes(matrix)
    matrix[0, 4] = 1e-3
    with pytest.raises(UnstableError, match=r"modulus 0\.9; .*not symplectic, by 0\.2"):
        pj.tunes(matrix)
