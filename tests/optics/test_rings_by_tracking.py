"""Optics of rings against another path: Jacobians and orbits of single tracked particles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tracked_rings import ELECTRON, KICKED, PROTON, cell

import pyjutrack as pj

FORM = np.kron(np.eye(2), [[0.0, 1.0], [-1.0, 0.0]])


PLAIN = pj.Lattice([e for e in cell() if e.name not in ("m", "k")] * 2)
rings = pytest.mark.parametrize("ring", [PLAIN, KICKED], ids=["plain", "kicked"])
particles = pytest.mark.parametrize("reference", [ELECTRON, PROTON], ids=["electron", "proton"])


def orbit_and_matrices(
    ring: pj.Lattice, reference: pj.Reference, delta: float
) -> tuple[np.ndarray, np.ndarray]:
    """(N + 1, 6) and (N, 6, 6), from single particles and Newton's method on one turn."""
    at = np.array([0, 0, 0, 0, 0, delta])
    for _ in range(6):
        end = pj.track(ring, pj.Beam(reference, torch.tensor(at[None]))).numpy()[0]
        matrix = pj.jacobian(ring, reference, at=at)
        at[:4] += np.linalg.solve(np.eye(4) - matrix[:4, :4], (end - at)[:4])
    places, matrices = [at], []
    for element in ring:
        line = pj.Lattice([element])
        matrices.append(pj.jacobian(line, reference, at=places[-1]))
        beam = pj.Beam(reference, torch.tensor(places[-1][None]))
        places.append(pj.track(line, beam).numpy()[0])
    return np.array(places), np.array(matrices)


@rings
@particles
@pytest.mark.parametrize("delta", [0.0, 3e-3])
def test_orbits_and_matrices(ring: pj.Lattice, reference: pj.Reference, delta: float) -> None:
    orbit, matrices = orbit_and_matrices(ring, reference, delta)
    found = pj.optics.closed_orbit(ring, reference, delta=delta)
    np.testing.assert_allclose(found, orbit, rtol=0, atol=1e-12)
    theirs = pj.optics.transfer_matrices(ring, reference, delta=delta)
    # z along the orbit is counted from the start there, and from each element here
    np.testing.assert_allclose(theirs[:, :4], matrices[:, :4], rtol=0, atol=1e-11)
    turn = np.linalg.multi_dot(list(matrices[::-1]))
    table = pj.twiss_table(ring, reference, delta=delta)
    np.testing.assert_allclose(table.matrix[:4, :4], turn[:4, :4], rtol=0, atol=1e-10)
    assert np.abs(table.matrix[:4, :4].T @ FORM @ table.matrix[:4, :4] - FORM).max() < 1e-11
    fractions = np.array([table.tune_x, table.tune_y]) % 1
    np.testing.assert_allclose(fractions, pj.tunes(turn), rtol=0, atol=1e-10)


@rings
def test_functions_by_eigenvectors_everywhere(ring: pj.Lattice) -> None:
    """Mais-Ripken functions from NumPy's eigenvectors, element by element."""
    _, matrices = orbit_and_matrices(ring, ELECTRON, 0.0)
    table = pj.twiss_table(ring, ELECTRON)
    turn = np.linalg.multi_dot(list(matrices[::-1]))[:4, :4]
    values, vectors = np.linalg.eig(turn)
    modes = {}
    for v in vectors.T:
        signature = (v.conj() @ FORM @ v).imag
        if signature > 0:
            v = v * np.sqrt(2 / signature)
            plane = 0 if abs((v[0].conj() * v[1]).imag) > 0.5 else 1
            modes[plane] = v
    assert len(values) == 4
    rows = {name: [] for name in ("beta_x", "beta_y", "alpha_x", "alpha_y", "beta_x2", "beta_y1")}
    for matrix in [np.eye(6), *matrices]:
        modes = {plane: matrix[:4, :4] @ v for plane, v in modes.items()}
        for plane, axis in ((0, "x"), (1, "y")):
            v = modes[plane][2 * plane : 2 * plane + 2]
            rows[f"beta_{axis}"].append(abs(v[0]) ** 2)
            rows[f"alpha_{axis}"].append(-(v[0].conj() * v[1]).real)
        rows["beta_x2"].append(abs(modes[1][0]) ** 2)
        rows["beta_y1"].append(abs(modes[0][2]) ** 2)
    for name, expected in rows.items():
        np.testing.assert_allclose(getattr(table, name), expected, rtol=1e-8, atol=1e-8)
    if ring is KICKED:
        assert table.beta_x2.max() > 1e-3
    assert table.tune_x == pytest.approx(table.phase_x[-1])
    assert (np.diff(table.phase_x) > -1e-12).all()


@rings
@particles
def test_slopes_in_delta(ring: pj.Lattice, reference: pj.Reference) -> None:
    """Dispersion, chromaticity and compaction against orbits and tunes at other momenta."""
    step = 2e-6
    table = pj.twiss_table(ring, reference, chromatic=True)
    up, down = (pj.twiss_table(ring, reference, delta=d) for d in (step, -step))
    slope = (up.orbit - down.orbit) / 2 / step
    for i, name in enumerate(("dispersion_x", "dispersion_px", "dispersion_y", "dispersion_py")):
        np.testing.assert_allclose(getattr(table, name), slope[:, i], rtol=0, atol=1e-6)
    for plane in "xy":
        difference = (getattr(up, f"tune_{plane}") - getattr(down, f"tune_{plane}")) / 2 / step
        assert getattr(table, f"chromaticity_{plane}") == pytest.approx(difference, abs=2e-6)
    np.testing.assert_array_equal(
        pj.optics.chromaticities(ring, reference), [table.chromaticity_x, table.chromaticity_y]
    )
    slip = -(up.orbit[-1, 4] - down.orbit[-1, 4]) / 2 / step / float(ring.length)
    assert table.slip_factor == pytest.approx(slip, rel=1e-5)
    assert table.momentum_compaction == pytest.approx(slip + reference.gamma**-2, rel=1e-5)


def test_a_corrector_moves_the_orbit_as_the_textbook_says() -> None:
    kick = 1e-8
    table = pj.twiss_table(PLAIN, ELECTRON)
    ring = pj.Lattice([pj.Kicker(hkick=kick), *PLAIN])
    found = pj.optics.closed_orbit(ring, ELECTRON)[1:, 0]
    q = table.tune_x
    expected = (
        kick
        * np.sqrt(table.beta_x[0] * table.beta_x)
        / (2 * math.sin(math.pi * q))
        * np.cos(2 * math.pi * table.phase_x - math.pi * q)
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_a_line_from_given_functions() -> None:
    line = pj.Lattice(cell())
    start = pj.optics.Twiss(4.0, -0.7, 3.0, 0.4, dispersion_x=0.5, dispersion_px=0.1)
    table = pj.twiss_table(line, PROTON, initial=start)
    matrix = pj.jacobian(line, PROTON)
    dispersion = matrix[:4, :4] @ [0.5, 0.1, 0.0, 0.0] + matrix[:4, 5]
    assert table.dispersion_x[-1] == pytest.approx(dispersion[0])
    assert table.dispersion_px[-1] == pytest.approx(dispersion[1])
    sigma = np.zeros((4, 4))
    for i, (beta, alpha) in enumerate(((4.0, -0.7), (3.0, 0.4))):
        block = [[beta, -alpha], [-alpha, (1 + alpha**2) / beta]]
        sigma[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = block
    for i, axis in enumerate("xy"):
        only = np.zeros((4, 4))
        only[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = sigma[2 * i : 2 * i + 2, 2 * i : 2 * i + 2]
        end = matrix[:4, :4] @ only @ matrix[:4, :4].T
        assert getattr(table, f"beta_{axis}")[-1] == pytest.approx(end[2 * i, 2 * i])
        assert getattr(table, f"alpha_{axis}")[-1] == pytest.approx(-end[2 * i, 2 * i + 1])


def test_what_has_no_optics() -> None:
    reverse = PLAIN.with_values({"qf.k1": 6.0})
    for call, error, said in (
        (lambda: pj.twiss_table(reverse, ELECTRON), pj.errors.UnstableError, "unstable"),
        (
            lambda: pj.twiss_table(PLAIN, ELECTRON, delta=-0.95),
            pj.errors.UnstableError,
            "unstable|orbit",
        ),
        (
            lambda: pj.twiss_table(PLAIN, ELECTRON, delta=-2.0),
            pj.errors.InvalidValueError,
            "above -1",
        ),
        (
            lambda: pj.twiss_table(PLAIN, None),
            pj.errors.InvalidValueError,
            "reference must be a Reference, got None",
        ),
        (
            lambda: pj.optics.closed_orbit(
                pj.Lattice([*PLAIN, pj.Kicker(hkick=30.0, name="hard")]), ELECTRON
            ),
            pj.errors.UnstableError,
            r"no closed orbit found at delta = 0: .*element \d+ \(",
        ),
        (lambda: pj.twiss(KICKED, ELECTRON), pj.errors.InvalidValueError, "twiss_table"),
        (
            lambda: pj.optics.closed_orbit(PLAIN, ELECTRON, dimensions=6),
            pj.errors.InvalidValueError,
            "RFCavity",
        ),
        (
            lambda: pj.optics.closed_orbit(PLAIN, ELECTRON, dimensions=5),
            pj.errors.InvalidValueError,
            "4 or 6",
        ),
        (lambda: pj.twiss_table(PLAIN, ELECTRON)["qx"], pj.errors.UnknownNameError, "qf"),
        (lambda: pj.twiss_table(PLAIN, ELECTRON)[999], pj.errors.InvalidValueError, "places"),
        (
            lambda: pj.optics.optics_gradient(lambda t: 3.0, PLAIN, ELECTRON, ["qf.k1"]),
            pj.errors.InvalidValueError,
            "tensor",
        ),
        (
            lambda: pj.optics.optics_gradient(lambda t: t.tune_x, PLAIN, ELECTRON, ["qx.k1"]),
            pj.errors.UnknownNameError,
            "qf.k1",
        ),
    ):
        with pytest.raises(error, match=said):
            call()
