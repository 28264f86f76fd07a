"""Tunes and Twiss functions against NumPy's thick lenses; slopes against differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import BeamFactory
from scipy.linalg import block_diag, expm

import pyjutrack as pj

FORM = block_diag(*2 * [np.array([[0.0, 1.0], [-1.0, 0.0]])])
FAR_APART = [(0.1, 0.35), (0.3, 0.6), (0.62, 0.2), (0.85, 0.9), (0.05, 0.95)]


def turn(tune: float, beta: float = 1.0, alpha: float = 0.0) -> np.ndarray:
    c, s = math.cos(2 * math.pi * tune), math.sin(2 * math.pi * tune)
    gamma = (1 + alpha**2) / beta
    return np.array([[c + alpha * s, beta * s], [-gamma * s, c - alpha * s]])


def thick(strength: float, length: float) -> np.ndarray:
    """The textbook's cos/sin and cosh/sinh."""
    root = math.sqrt(abs(strength))
    if strength == 0:
        return np.array([[1.0, length], [0.0, 1.0]])
    c, s = (math.cos, math.sin) if strength > 0 else (math.cosh, math.sinh)
    bend = -math.copysign(root, strength) * s(root * length)
    return np.array([[c(root * length), s(root * length) / root], [bend, c(root * length)]])


def fodo(sign: int, k1: float = 29.6) -> list[tuple[float, float]]:
    """(strength, length) of the paper's cell as one plane sees it."""
    return [(0, 0.2), (sign * k1, 0.1), (0, 0.4), (-sign * 29.6, 0.1), (0, 0.2)]


def product(pieces: list[tuple[float, float]]) -> np.ndarray:
    total = np.eye(2)
    for strength, length in pieces:
        total = thick(strength, length) @ total
    return total


@pytest.mark.parametrize("tune_x", [0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("tune_y", [0.15, 0.4, 0.7, 0.8])
@pytest.mark.parametrize("size", [4, 6])
def test_known_rotations_in_every_quadrant(tune_x: float, tune_y: float, size: int) -> None:
    matrix = np.eye(size)
    matrix[:4, :4] = block_diag(turn(tune_x, 3.0, -1.2), turn(tune_y, 0.2, 0.6))
    assert (matrix[0, 1] < 0) == (tune_x > 0.5)
    if size == 6:
        matrix[4, 5], matrix[4, :2] = 3.0, (0.1, 0.2)
    np.testing.assert_allclose(pj.tunes(matrix), [tune_x, tune_y], rtol=1e-12)


@pytest.mark.parametrize("tunes", FAR_APART)
@pytest.mark.parametrize("strength", [0.01, 0.2, 0.5])
def test_coupling_leaves_the_tunes_of_the_modes(
    tunes: tuple[float, float], strength: float
) -> None:
    generator = np.random.default_rng(8).normal(size=(4, 4)) * strength
    coupling = expm(FORM @ (generator + generator.T))
    matrix = coupling @ block_diag(turn(tunes[0]), turn(tunes[1])) @ np.linalg.inv(coupling)
    found = pj.tunes(matrix)
    if strength < 0.1:  # modes that still live in their planes keep their order
        np.testing.assert_allclose(found, tunes, rtol=1e-9)
    np.testing.assert_allclose(np.sort(found), np.sort(tunes), rtol=1e-7)


def test_equal_tunes() -> None:
    np.testing.assert_allclose(pj.tunes(block_diag(turn(0.3), turn(0.3, 2.0))), [0.3, 0.3])


def test_unstable_motion_says_by_how_much() -> None:
    with pytest.raises(pj.errors.UnstableError, match=r"modulus 2\.5"):
        pj.tunes(block_diag(np.diag([2.5, 0.4]), turn(0.3)))
    with pytest.raises(pj.errors.UnstableError, match="resonance"):
        pj.tunes(-np.eye(4))


def test_a_matrix_that_is_rounded_is_told_from_unstable_motion() -> None:
    rounded = block_diag(turn(0.3, 3.0), turn(0.2)).round(3)
    with pytest.raises(pj.errors.UnstableError, match=r"not symplectic, by .* rounded"):
        pj.tunes(rounded)
    with pytest.raises(pj.errors.UnstableError) as unstable:
        pj.tunes(block_diag(np.diag([2.5, 0.4]), turn(0.3)))
    assert "symplectic" not in str(unstable.value)


@pytest.mark.parametrize("shape", [(2, 2), (4,), (6, 4)])
def test_matrices_of_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="shape"):
        pj.tunes(np.zeros(shape))


def test_twiss_of_the_paper(cell: pj.Lattice, proton: pj.Reference) -> None:
    found = pj.twiss(cell, proton)
    assert found.tune_x == pytest.approx(0.24178, abs=5e-6)
    assert found.beta_x == pytest.approx(0.7787, abs=5e-5)
    assert found.alpha_x == pytest.approx(-1.478, abs=5e-4)
    assert found.alpha_y == pytest.approx(1.478, abs=5e-4)


@pytest.mark.parametrize("k1", [29.6, 20.0, 33.0])
def test_twiss_against_thick_lenses(cell: pj.Lattice, proton: pj.Reference, k1: float) -> None:
    lattice = cell.with_values({"q1.k1": k1})
    found = pj.twiss(lattice, proton)
    for plane, sign in (("x", 1), ("y", -1)):
        (m11, m12), (_, m22) = product(fodo(sign, k1))
        phase = math.acos((m11 + m22) / 2)
        phase = phase if m12 > 0 else 2 * math.pi - phase
        assert getattr(found, f"tune_{plane}") == pytest.approx(phase / 2 / math.pi, rel=1e-11)
        assert getattr(found, f"beta_{plane}") == pytest.approx(m12 / math.sin(phase), rel=1e-11)
        expected = (m11 - m22) / 2 / math.sin(phase)
        assert getattr(found, f"alpha_{plane}") == pytest.approx(expected, rel=1e-11)
    np.testing.assert_allclose(
        pj.tunes(pj.jacobian(lattice, proton)), [found.tune_x, found.tune_y], rtol=1e-9
    )


def test_twiss_of_an_unstable_lattice(cell: pj.Lattice, proton: pj.Reference) -> None:
    lattice = cell.with_values({"q1.k1": 90.0, "q2.k1": -90.0})
    half = np.trace(product([(0, 0.2), (90, 0.1), (0, 0.4), (-90, 0.1), (0, 0.2)])) / 2
    with pytest.raises(pj.errors.UnstableError, match=rf"x is unstable.*{half:.4f}"):
        pj.twiss(lattice, proton)
    with pytest.raises(pj.errors.UnstableError, match="modulus"):
        pj.optics.tune_slopes(lattice, proton, ["q1.k1"])


def test_twiss_of_a_coupled_lattice(cell: pj.Lattice, proton: pj.Reference) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="coupled"):
        pj.twiss(cell + pj.Lattice([pj.Multipole(ksl=(0.0, 0.1))]), proton)


@pytest.mark.parametrize("detuned", [0.0, 1.0])
def test_tune_slope_is_the_integral_of_beta(
    cell: pj.Lattice, proton: pj.Reference, detuned: float
) -> None:
    """d(tune)/d(k1) = +-(1 / 4 pi) integral of beta over the quadrupole (Courant-Snyder)."""
    lattice = cell.with_values({"q1.k1": 29.6 + detuned})
    _, slopes = pj.optics.tune_slopes(lattice, proton, ["q1.k1"])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    for column, sign in ((0, 1), (1, -1)):
        k = sign * (29.6 + detuned)
        pieces = fodo(sign, 29.6 + detuned)
        (m11, m12), (_, m22) = product(pieces)
        phase = math.acos((m11 + m22) / 2)
        beta, alpha = m12 / math.sin(phase), (m11 - m22) / 2 / math.sin(phase)
        sigma = np.array([[beta, -alpha], [-alpha, (1 + alpha**2) / beta]])
        total = 0.0
        for node, weight in zip(nodes, weights, strict=True):
            to = thick(k, 0.05 * (node + 1)) @ thick(0, 0.2)
            total += 0.05 * weight * (to @ sigma @ to.T)[0, 0]
        assert slopes[0, column] == pytest.approx(sign * total / 4 / math.pi, rel=1e-9)


def test_tune_slopes_with_space_charge(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge
) -> None:
    beam = make_beam(5000)
    tunes, slopes = pj.optics.tune_slopes(cell, beam, ["beam.current", "q1.k1"], effects=[kick])
    np.testing.assert_allclose(tunes, pj.tunes(pj.jacobian(cell, beam, effects=[kick])), rtol=1e-12)

    def shifted(current: float = 0.0, k1: float = 0.0) -> np.ndarray:
        line = cell.with_values({"q1.k1": 29.6 + k1})
        source = beam.replace(current=200.0 + current)
        return pj.tunes(pj.jacobian(line, source, effects=[kick]))

    for row, name, step in ((0, "current", 1e-2), (1, "k1", 3e-4)):
        difference = (shifted(**{name: step}) - shifted(**{name: -step})) / (2 * step)
        np.testing.assert_allclose(slopes[row], difference, rtol=1e-6)
    assert (slopes[0] < 0).all()  # space charge defocuses


def test_three_tunes_are_those_of_three_rotations() -> None:
    wanted = [0.31, 0.17, 0.98]
    matrix = block_diag(*(turn(q, beta) for q, beta in zip(wanted, (1.0, 3.0, 20.0), strict=True)))
    np.testing.assert_allclose(pj.optics.synchrobetatron_tunes(matrix), wanted, rtol=1e-12)


def test_a_closed_orbit_closes_under_tracking(cell: pj.Lattice, proton: pj.Reference) -> None:
    """One that is off the axis, so that it has to be found."""
    bent = pj.Lattice([*cell, pj.Kicker(0.0, knl=(1e-4,), ksl=(-2e-4,))])
    orbit = pj.optics.closed_orbit(bent, proton)
    assert orbit.shape == (len(bent) + 1, 6)
    assert abs(orbit[0, 0]) > 1e-6
    assert abs(orbit[0, 2]) > 1e-6
    after = pj.track(bent, pj.Beam.from_array(proton, orbit[:1])).numpy()
    np.testing.assert_allclose(after[0, :4], orbit[0, :4], rtol=0, atol=1e-15)
    np.testing.assert_allclose(orbit[-1, :4], orbit[0, :4], rtol=0, atol=1e-15)


def test_figures_of_the_optics_are_numbers_or_vectors(
    cell: pj.Lattice, proton: pj.Reference
) -> None:
    value, slope = pj.optics.optics_gradient(lambda t: t.tune_x, cell, proton, ["q1.k1"])
    assert isinstance(value, float)
    assert slope.shape == (1,)
    values, slopes = pj.optics.optics_gradient(
        lambda t: t.beta_x[:3], cell, proton, ["q1.k1", "q2.k1"]
    )
    assert values.shape == (3,)
    assert slopes.shape == (3, 2)
    for bad in (lambda t: t.orbit, lambda t: 1.0):
        with pytest.raises(pj.errors.InvalidValueError, match="must return a tensor"):
            pj.optics.optics_gradient(bad, cell, proton, ["q1.k1"])
