"""Weak-strong beam-beam kicks against closed forms and the Lorentz force in the laboratory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from beam_beam_cases import CHARGE, IP, POSITRON, SIZES, STRENGTH, bunch, kicks, places
from claims import claim, of_largest, off, share
from scipy.constants import e, epsilon_0
from scipy.special import wofz

import pyjutrack as pj
from pyjutrack.collective import BeamBeam, BeamBeam2D, bassetti_erskine
from pyjutrack.collective.beam_beam.slices import SLICINGS


@pytest.mark.parametrize("ratio", [0.01, 0.3, 0.9])
@pytest.mark.parametrize("upright", [False, True])
def test_kicks_are_those_of_the_published_formula(ratio: float, upright: bool) -> None:
    """M. Bassetti, G. Erskine."""
    long, short = 1e-5, ratio * 1e-5
    draw = np.random.default_rng(1).normal(size=(2, 300)) * 3
    u, v = draw[0] * long, draw[1] * short
    root = math.sqrt(2 * (long**2 - short**2))
    a, b = np.abs(u), np.abs(v)
    decay = np.exp(-(a**2) / (2 * long**2) - b**2 / (2 * short**2))
    inner = wofz((a * short / long + 1j * b * long / short) / root)
    field = math.sqrt(math.pi) / root * (wofz((a + 1j * b) / root) - decay * inner)
    expected = np.array([field.imag * np.sign(u), field.real * np.sign(v)]) * STRENGTH * 1e10
    sizes = (short, long) if upright else (long, short)
    rows = places(v, u) if upright else places(u, v)
    found = kicks(BeamBeam2D("ip", 1e10 * e, *sizes), rows)[:, [3, 1] if upright else [1, 3]]
    np.testing.assert_allclose(found.T, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    text = "thin kicks of the largest"
    claim("Beam-beam", text, "Bassetti and Erskine", of_largest(found.T, expected), 2e-9)


def test_kicks_of_a_beam_that_is_turned() -> None:
    """By an angle, as sizes and correlation say it."""
    turn = 0.7
    cosine, sine = math.cos(turn), math.sin(turn)
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    moments = rotation @ np.diag([1e-10, 4e-12]) @ rotation.T
    sizes = np.sqrt(np.diag(moments))
    effect = BeamBeam2D("ip", CHARGE, *map(float, sizes), correlation=moments[0, 1] / sizes.prod())
    own = np.random.default_rng(3).normal(size=(200, 2)) * [2e-5, 4e-6]
    straight = kicks(BeamBeam2D("ip", CHARGE, 1e-5, 2e-6), places(*own.T))[:, [1, 3]]
    found = kicks(effect, places(*(own @ rotation.T).T))[:, [1, 3]]
    np.testing.assert_allclose(found, straight @ rotation.T, atol=1e-11 * np.abs(found).max())


@pytest.mark.parametrize("split", [0.0, 1e-12, 1e-9, 1e-6, 1e-3, -1e-6])
def test_a_round_beam_is_the_limit(split: float) -> None:
    """Values and Jacobians; to first order in the split they are those of the mean size."""
    size = 1e-5
    r = np.array([0.0, 1e-9, 1e-3, 0.3, 1.0, 1.41, 1.42, 3.0, 8.0, 50.0]) * size
    x, y = 0.8 * r, 0.6 * r
    effect = BeamBeam2D("ip", CHARGE, size * (1 + split), size)
    strength = STRENGTH * CHARGE / e
    u = r**2 / (2 * size**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(u > 0, -np.expm1(-u) / (2 * u), 0.5) / size**2 * strength
    found = kicks(effect, places(x, y))
    bound = 2 * abs(split) + 1e-12
    np.testing.assert_allclose(found[:, 1], slope * x, rtol=bound, atol=1e-18)
    np.testing.assert_allclose(found[:, 3], slope * y, rtol=bound, atol=1e-18)
    beam = pj.Beam(POSITRON, torch.zeros(1, 6, dtype=torch.float64))
    for n in range(len(r)):
        jacobian = np.asarray(pj.jacobian(IP, beam, effects=[effect], at=places(x, y)[n]))
        scale = abs(strength) / size**2
        # the sum is the density, whatever the shape
        density = strength * math.exp(-u[n]) / size**2
        total = jacobian[1, 0] + jacobian[3, 2]
        assert total == pytest.approx(density, rel=30 * bound, abs=1e-12 * scale)
        across = slope[n] * 2 - density
        skew = 2 * 0.8 * 0.6 * (density - 2 * slope[n]) / 2
        assert jacobian[1, 2] == pytest.approx(skew, abs=10 * bound * scale)
        difference = jacobian[1, 0] - jacobian[3, 2]
        assert difference == pytest.approx(-across * (0.64 - 0.36), abs=10 * bound * scale)


@pytest.mark.parametrize("ratio", [1e-3, 0.5, 1.0])
def test_far_away_it_is_a_line_of_charge(ratio: float) -> None:
    effect = BeamBeam2D("ip", CHARGE, 1e-5, ratio * 1e-5)
    found = kicks(effect, places([3.0, 0.0], [4.0, 1.0]))[:, [1, 3]]
    expected = STRENGTH * CHARGE / e * np.array([[3 / 25, 4 / 25], [0, 1]])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_signs_and_velocities() -> None:
    """Like charges repel; magnetic and electric forces add up for beams that meet."""
    proton = pj.Reference.from_kinetic("proton", 1e8)
    beta, row = float(proton.beta), places(1e-3, 0.0)
    static = kicks(BeamBeam2D("ip", 1e-9, 1e-4, 1e-4, beta=0.0), row, proton)[0, 1]
    # a line of charge at rest: its field over the time that it takes to pass
    field = 1e-9 / (2 * math.pi * epsilon_0) / 1e-3
    assert static == pytest.approx(field / (beta * float(proton.p0c)), rel=1e-8)
    for other in (0.3, 1.0):
        moving = kicks(BeamBeam2D("ip", 1e-9, 1e-4, 1e-4, beta=other), row, proton)[0, 1]
        assert moving / static == pytest.approx(beta * (1 + beta * other) / (beta + other))
    antiproton = pj.Reference.from_kinetic("antiproton", 1e8)
    assert kicks(BeamBeam2D("ip", 1e-9, 1e-4, 1e-4), row, antiproton)[0, 1] < 0


def test_a_short_head_on_bunch_is_the_thin_one() -> None:
    rows = bunch().numpy() * [1, 0, 1, 0, 1e-6, 1]
    thin = kicks(BeamBeam2D("ip", CHARGE, **SIZES, x=2e-6), rows)
    for slicing in SLICINGS:
        found = kicks(
            BeamBeam("ip", CHARGE, **SIZES, sigma_z=1e-9, x=2e-6, count=4, slicing=slicing), rows
        )
        np.testing.assert_allclose(found[:, [1, 3]], thin[:, [1, 3]], rtol=1e-6, atol=1e-11)


def lorentz_force(row: Any, angle: float, plane: float, sizes: Any, length: float) -> Any:
    """What a particle gains from the Lorentz force of a bunch, in the laboratory, per strength.

    Both are at the velocity of light and go straight on; the field of the bunch is across its
    motion, E = -grad H times the line density, and B = u x E / c.
    """
    x, px, y, py, z, delta = row
    cosine, sine = math.cos(angle), math.sin(angle)
    along = np.array([math.cos(plane), math.sin(plane)])
    aside = np.array([-along[1], along[0]])

    def axes(sign: float) -> tuple[Any, Any, Any]:
        """Motion, x and y of a beam that goes to s or back, in the plane, beside it, and s."""
        u = np.array([sine, 0.0, sign * cosine])
        inside, outside = np.array([cosine, 0.0, -sign * sine]), np.array([0.0, 1.0, 0.0])
        first, second = (along[i] * inside + aside[i] * outside for i in (0, 1))
        return u, first, second

    u1, x1, y1 = axes(1.0)
    u2, x2, y2 = axes(-1.0)
    p = px * x1 + py * y1 + math.sqrt((1 + delta) ** 2 - px**2 - py**2) * u1
    u = p / (1 + delta)
    start = x * x1 + y * y1  # at c t = -z
    closing = 1 - u @ u2
    middle = (start @ u2 + u @ u2 * z) / closing
    time, step = np.linspace(middle - 10 * length, middle + 10 * length, 4001, retstep=True)
    at = start + u * (time + z)[:, None]
    place = at @ u2 - time
    density = np.exp(-0.5 * (place / length) ** 2) / (math.sqrt(2 * math.pi) * length)
    slopes = bassetti_erskine(torch.tensor(at @ x2), torch.tensor(at @ y2), *sizes)
    field = -density[:, None] * (np.outer(slopes[0], x2) + np.outer(slopes[1], y2))
    gain = (field * closing + np.outer(field @ u, u2)).sum(0) * step
    return np.array([gain @ x1, gain @ y1, gain @ u])


@pytest.mark.parametrize(
    ("angle", "plane"), [(0.0, 0.0), (0.3, 0.0), (0.3, math.pi / 2), (0.2, 0.7)]
)
def test_crossing_beams_beside_the_lorentz_force(angle: float, plane: float) -> None:
    """Momenta and energy, to first order in the charge and second in slopes."""
    sizes, length = (1e-4, 5e-5), 4e-4
    rows = np.random.default_rng(1).normal(size=(8, 6)) * [1e-4, 1e-5, 1e-4, 1e-5, 4e-4, 1e-3]
    effect = BeamBeam("ip", 1e-12, *sizes, length, angle=angle, plane=plane, count=80)
    found = kicks(effect, rows)[:, [1, 3, 5]]
    expected = [lorentz_force(row, angle, plane, sizes, length) for row in rows]
    expected = STRENGTH * 1e-12 / e * np.array(expected)
    size = np.abs(expected[:, :2]).max()
    text = "crossing beams: momenta and energy, of the largest"
    claim("Beam-beam", text, "Lorentz force", off(found, expected) / size, 3e-5)
    if angle:  # and no cosine is missing
        assert 1 - math.cos(angle) > 600 * 3e-5


def test_the_tune_shift() -> None:
    """xi = N r beta / (2 pi gamma sigma (sigma_x + sigma_y)), of particles near the axis."""
    tune, beta = {"x": 0.31, "y": 0.17}, {"x": 0.15, "y": 0.02}
    turn = np.eye(6)
    for i, u in enumerate("xy"):
        cosine, sine = math.cos(2 * math.pi * tune[u]), math.sin(2 * math.pi * tune[u])
        block = [[cosine, sine * beta[u]], [-sine / beta[u], cosine]]
        turn[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = block
    ring = pj.Lattice([pj.Marker(name="ip"), pj.TaylorMap(turn)])
    effect = BeamBeam2D("ip", -3e8 * e, **SIZES)
    start = pj.Beam(POSITRON, places([1e-8, 0], [0, 1e-8]))
    orbits = pj.track(ring, start, effects=[effect], turns=1)
    assert orbits.alive.all()
    matrix = np.asarray(pj.jacobian(ring, start, effects=[effect], at=np.zeros(6)))
    radius = POSITRON.species.classical_radius
    for i, u in enumerate("xy"):
        size = SIZES[f"sigma_{u}"]
        shift = 3e8 * radius * beta[u] / (2 * math.pi * POSITRON.gamma * size * sum(SIZES.values()))
        block = matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2]
        found = math.acos(np.trace(block) / 2) / (2 * math.pi) - tune[u]
        claim("Beam-beam", "tune shift, of it", "closed form", share(found, shift), 0.01)
        assert 1e-4 < found < 1e-2
